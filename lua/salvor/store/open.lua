--- From a URL to a back end.
local backend = require("salvor.store.backend")
local errors = require("salvor.error")
local url = require("salvor.store.url")

-- Loaded when they are first needed.
local MODULES = {
    file = "salvor.store.folder.open",
    s3 = "salvor.store.s3.open",
    az = "salvor.store.azure.open",
    sftp = "salvor.store.sftp.open",
}

local BOOLEANS = {["true"] = true, ["false"] = false, ["1"] = true, ["0"] = false}

local function invalid(location, reason, hint)
    return nil, errors.new({code = "Invalid", op = "store.open",
                            message = location.text .. ": " .. reason, hint = hint})
end

local function names_of(...)
    local names = {}
    for _, list in ipairs({...}) do
        for name in pairs(list) do
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return table.concat(names, ", ")
end

--- A setting from the query has the type that it would have as an option.
local function convert(text, expected)
    if expected:find("number", 1, true) then
        return tonumber(text)
    elseif expected:find("boolean", 1, true) then
        return BOOLEANS[text]
    end
    return text
end

--- What stands in the query, as options.
local function read_query(location, module)
    local read = {}
    for name, text in pairs(location.query) do
        if module.credentials[name] then
            return invalid(location, "'" .. name .. "' must not stand in a URL",
                "URLs end up in logs and histories; give it as an option")
        elseif not module.settings[name] then
            return invalid(location, "unknown setting '" .. name .. "'",
                "known are " .. names_of(module.settings))
        end
        local value = convert(text, module.settings[name])
        if value == nil or text == "" then
            return invalid(location, string.format("'%s' must be a %s, not '%s'", name,
                module.settings[name], text))
        end
        read[name] = value
    end
    return read
end

--- Misuse raises, at the line of the script that called the store's function.
local function check_options(options, module, what, depth)
    for name, value in pairs(options) do
        local expected = module.settings[name] or module.credentials[name]
        if not expected then
            error(string.format("%s: unknown option '%s'; known are %s", what, tostring(name),
                names_of(module.settings, module.credentials)), depth)
        elseif expected ~= true and not expected:find(type(value), 1, true) then
            error(string.format("%s: option '%s' must be a %s, got %s", what, name,
                expected:gsub("|", " or "), type(value)), depth)
        elseif value == "" then
            error(string.format("%s: option '%s' is empty", what, name), depth)
        end
    end
end

--- open(text, options, what, depth) -> backend, or nil and an error. Misuse raises as function
--- `what`, whose caller is `depth` functions up (2 when this is called by it).
return function(text, options, what, depth)
    local location, err = url.parse(text)
    if not location then
        return nil, err
    end
    local name = MODULES[location.scheme]
    if not name then
        return invalid(location, "unknown scheme '" .. location.scheme .. "'",
            "known are " .. names_of(MODULES) .. ", and paths of folders")
    end
    local module = require(name)
    if type(options or {}) ~= "table" then
        error(string.format("%s: options must be a table, got %s", what, type(options)), depth + 1)
    end
    check_options(options or {}, module, what, depth + 2)
    local merged
    merged, err = read_query(location, module)
    if not merged then
        return nil, err
    end
    for option, value in pairs(options or {}) do
        merged[option] = value
    end
    local opened
    opened, err = module.open(location, merged)
    return opened and backend.check(opened), err
end
