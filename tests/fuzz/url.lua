--- What has to hold of any text that is taken for the URL of a store.
local errors = require("salvor.error")
local url = require("salvor.store.url")

local SECRET = "hidden-from-everybody"

--- The location of a text; nil when it is refused, as it has to be: by an error.
local function parse(text)
    local location, err = url.parse(text)
    if not location then
        assert(errors.is(err, "Invalid"), "it is refused in another way")
    end
    return location, err
end

local function check_location(location)
    assert(location.scheme == location.scheme:lower() and location.scheme ~= "")
    assert(not location.path:find("\0", 1, true) and not location.host:find("[%z\1-\31/]"))
    assert(not location.port or location.port >= 1 and location.port <= 65535)
    for name, value in pairs(location.query) do
        assert(type(name) == "string" and type(value) == "string")
    end
end

--- A path that was escaped is the same one when it is read.
local function check_path(location)
    if location.scheme ~= "file" and location.path ~= "" then
        local again = parse("s3://bucket" .. url.escape(location.path))
        assert(again and again.path == location.path, "the path is another one")
    end
end

--- No secret is told to anybody, wherever it stands.
local function check_secrets(text)
    -- These would end the password: nobody could tell what follows from a path with an "@".
    local password = text:gsub("[/?#]", "")
    for _, given in ipairs({
        "sftp://user:" .. SECRET .. "@" .. text,
        "sftp://user:" .. password .. SECRET .. "@host/path",
        "sftp://user:x" .. text:gsub("@", "") .. SECRET .. "@host/path",
        "s3://bucket/path?secret_key=" .. SECRET .. text,
        "s3://bucket/path?" .. text .. "&session_token=" .. SECRET,
        "az://container?%73as=" .. SECRET .. "&" .. text,
    }) do
        local location, err = parse(given)
        for _, told in ipairs({location and location.text, err and err.message, err and err.hint,
                               url.mask(given)}) do
            assert(not told or not told:find(SECRET, 1, true), "it tells a secret: " .. given)
        end
    end
end

return function(text)
    if #text > 20000 then
        return
    end
    local location = parse(text)
    if location then
        check_location(location)
        check_path(location)
    end
    if #text < 1000 and not text:find(SECRET, 1, true) then
        check_secrets(text)
    end
end
