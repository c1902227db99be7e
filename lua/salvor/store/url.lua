--- URLs of stores.
---
---     s3://bucket/prefix    az://container/prefix    sftp://user@host:port/path
---     file:///path          a bare path: what has no "scheme://"
---
--- Percent escapes are decoded, a query gives settings (`?endpoint=http://127.0.0.1:7480`).
local errors = require("salvor.error")

local url = {}

local LIMIT = 16384 -- bytes

--- Where a part ".." would lead out of what the rest of the path says. The names of objects on S3
--- and Azure are no paths.
local CLIMBS = {file = true, sftp = true}

--- What is no path when a ":" follows: a mistyped "scheme://".
local SCHEMES = {az = true, file = true, s3 = true, sftp = true}

--- What a secret's name in a query has in it.
local SECRETS = {"sig", "sas", "secret", "token", "password", "credential", "connection", "key"}

local function invalid(text, reason, hint)
    return nil, errors.new({code = "Invalid", op = "store.open",
                            message = url.mask(text) .. ": " .. reason, hint = hint})
end

--- nil when an escape is not whole.
local function unescape(text)
    local broken = text:gsub("%%%x%x", ""):find("%", 1, true)
    if broken then
        return nil
    end
    return (text:gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
    end))
end

--- What comes before the path, and the rest, without the password.
local function mask_password(authority, rest)
    -- The last "@" ends the user's part; a password may hold one that was not escaped.
    local user, host = authority:match("^(.*)@([^@]*)$")
    if user then
        return user:gsub(":.*$", ":***") .. "@" .. host .. rest
    end
    -- It may also hold what ends an authority; then what follows the ":" is no port.
    local port = authority:gsub("^%b[]", ""):match(":(.*)$")
    local is_port = port and port:find("^%d+$") and rest:sub(1, 1) ~= "#"
    if port and not is_port and rest:find("@", 1, true) then
        return authority:gsub(":.*$", ":***@") .. rest:match("^.*@(.*)$")
    end
    return authority .. rest
end

--- The address of a server without who logs in there, whose secret may hold any character.
function url.mask_login(text)
    local place = text:match("@([^@]*)$")
    return place and (text:match("^%a+://") or "") .. "***@" .. place or text
end

--- What people and logs may see of a text that may be a URL: without password, and without values
--- of a query that look like secrets.
function url.mask(text)
    text = tostring(text)
    local scheme, authority, rest = text:match("^([%a][%w+.-]*://)([^/?#]*)(.*)$")
    if scheme then
        text = scheme .. mask_password(authority, rest)
    end
    text = text:gsub("([?&][^=&#]*)=([^&#]*)", function(name, value)
        local word = (unescape(name) or name):lower()
        if word:find("_file$") or word:find("host_key$") then
            return name .. "=" .. value
        end
        for _, part in ipairs(SECRETS) do
            if word:find(part, 1, true) then
                return name .. "=***"
            end
        end
        return name .. "=" .. (value:find(":.*@") and url.mask_login(value) or value)
    end)
    return (text:gsub("(=%*%*%*)#[^&]*", "%1")) -- a "#" that was not escaped
end

--- The text with every byte that would mean something else in a URL's path as %XX.
function url.escape(text)
    return (text:gsub("[^%w%-._~/!$&'()*+,;=:@]", function(byte)
        return string.format("%%%02X", byte:byte())
    end))
end

local function parse_query(text, query)
    local found = {}
    for pair in (query or ""):gmatch("[^&]+") do
        local name, value = pair:match("^([^=]*)=?(.*)$")
        name, value = unescape(name), unescape(value)
        if not name or not value then
            return invalid(text, "a % in it is not followed by two hexadecimal digits",
                "write a % itself as %25")
        elseif found[name] then
            return invalid(text, "'" .. name .. "' is given twice")
        end
        found[name] = value
    end
    return found
end

--- [user[:password]@]host[:port], an IPv6 address in brackets
local function parse_authority(text, authority)
    local location = {}
    local login, place = authority:match("^(.*)@([^@]*)$")
    if login then
        local user, password = login:match("^([^:]*):?(.*)$")
        location.user, location.password = unescape(user), unescape(password)
        if not location.user or not location.password then
            return invalid(text, "a % in it is not followed by two hexadecimal digits",
                "write a % itself as %25")
        end
        location.password = login:find(":", 1, true) and location.password or nil
        location.user = location.user ~= "" and location.user or nil
    end
    place = place or authority
    local host, port = place:match("^(%b[])(.*)$")
    if host then
        location.host = host:sub(2, -2)
    else
        host, port = place:match("^([^:]*)(.*)$")
        location.host = unescape(host)
    end
    if not location.host or location.host:find("[%z\1-\32/\127]") then
        return invalid(text, "'" .. host .. "' is not the name of a host")
    end
    if port ~= "" then
        location.port = math.tointeger(tonumber(port:match("^:(%d+)$") or "x"))
        if not location.port or location.port < 1 or location.port > 65535 then
            return invalid(text, "its port is no number from 1 to 65535",
                "write a : / ? or # in a password as %3A %2F %3F %23")
        end
    end
    return location
end

local function parse_scheme(text, scheme, rest)
    if rest:find("#", 1, true) then
        return invalid(text, "a URL of a store has no part after #", "write a # in a name as %23")
    end
    local place, query = rest:match("^([^?]*)%??(.*)$")
    local authority, path = place:match("^([^/]*)(.*)$")
    local location, err = parse_authority(text, authority)
    if not location then
        return nil, err
    end
    location.scheme = scheme:lower()
    location.path = unescape(path)
    if not location.path then
        return invalid(text, "a % in it is not followed by two hexadecimal digits",
            "write a % itself as %25")
    elseif CLIMBS[location.scheme] and ("/" .. location.path .. "/"):find("/../", 1, true) then
        return invalid(text, "its path has a part '..'", "write the path without it")
    end
    location.query, err = parse_query(text, query)
    if not location.query then
        return nil, err
    end
    return location
end

--- A bare path. What rclone, scp or a typing error make of a URL would be a folder on this machine,
--- and a backup in it only seems to be elsewhere. One letter may be a drive.
local function parse_path(text)
    local word, slash = text:match("^([^/:]+):(/?)")
    if word and (SCHEMES[word:lower()] or word:find(".@.") or slash == "/" and #word > 1) then
        return invalid(text, "neither a URL nor clearly a path", "write s3://bucket/prefix, "
            .. "az://container/prefix, sftp://user@host/path, or ./ before the name of a folder")
    end
    return {scheme = "file", host = "", path = text, query = {}, bare = true}
end

--- parse(text) -> {scheme, user, password, host, port, path, query = {name = value}, text = the URL
--- as people may see it}, or nil and an error. `path` is decoded and keeps its leading "/" after an
--- authority; a bare path gives {scheme = "file", host = "", path = text, query = {}, bare = true}.
function url.parse(text)
    if type(text) ~= "string" then
        error("a URL or path expected, got " .. type(text), 2)
    elseif text == "" then
        return invalid(text, "an empty text is no URL or path")
    elseif #text > LIMIT then
        return invalid(text:sub(1, 80) .. "...", string.format("longer than %d bytes", LIMIT))
    elseif text:find("\0", 1, true) then
        return invalid(text:gsub("%z", "\\0"), "holds a zero byte")
    end
    local scheme, rest = text:match("^([%a][%w+.-]*)://(.*)$")
    local location, err
    if scheme then
        location, err = parse_scheme(text, scheme, rest)
        if not location then
            return nil, err
        elseif location.path:find("\0", 1, true) then
            return invalid(text, "holds a zero byte")
        end
    else
        location, err = parse_path(text)
        if not location then
            return nil, err
        end
    end
    location.text = url.mask(text)
    return location
end

--- The URL of what lies at `path` below a store's, for messages.
function url.join(root, path)
    if path == "" then
        return root
    end
    return root:sub(-1) == "/" and root .. path or root .. "/" .. path
end

return url
