--- From a URL to a back end.
local backend = require("salvor.store.backend")
local errors = require("salvor.error")
local guarded = require("salvor.store.guarded")
local merge = require("salvor.copy").merge
local retry = require("salvor.store.retry")
local url = require("salvor.store.url")

local open = {}

-- Loaded when they are first needed.
local MODULES = {
    file = "salvor.store.folder.open",
    s3 = "salvor.store.s3.open",
    az = "salvor.store.azure.open",
    sftp = "salvor.store.sftp.open",
}

local BOOLEANS = {["true"] = true, ["false"] = false, ["1"] = true, ["0"] = false}

--- Of every back end.
local COMMON = {retries = "number"}

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
        local expected = module.settings[name] or COMMON[name]
        if module.credentials[name] then
            return invalid(location, "'" .. name .. "' must not stand in a URL",
                "URLs end up in logs and histories; give it as an option")
        elseif not expected then
            return invalid(location, "unknown setting '" .. name .. "'",
                "known are " .. names_of(module.settings, COMMON))
        end
        local value = convert(text, expected)
        if value == nil or text == "" then
            return invalid(location, string.format("'%s' must be a %s, not '%s'", name, expected,
                text))
        end
        read[name] = value
    end
    return read
end

--- Misuse raises, at the line of the script.
local function misuse(...)
    local level = 2
    local frame = debug.getinfo(level, "S")
    while frame and (frame.what == "C" or frame.source:find("^@lua/salvor/")) do
        level = level + 1
        frame = debug.getinfo(level, "S")
    end
    error(string.format(...), level)
end

local function check_options(options, module, what)
    if type(options) ~= "table" then
        misuse("%s: options must be a table, got %s", what, type(options))
    end
    for name, value in pairs(options) do
        local expected = module.settings[name] or module.credentials[name] or COMMON[name]
        if not expected then
            misuse("%s: unknown option '%s'; known are %s", what, tostring(name),
                names_of(module.settings, module.credentials, COMMON))
        elseif expected ~= true and not expected:find(type(value), 1, true) then
            misuse("%s: option '%s' must be a %s, got %s", what, name,
                expected:gsub("|", " or "), type(value))
        elseif value == "" then
            misuse("%s: option '%s' is empty", what, name)
        end
    end
    local retries = options.retries
    if retries and (math.type(retries) ~= "integer" or retries < 0) then
        misuse("%s: option 'retries' is an integer from 0", what)
    end
end

--- What the back end of a URL that was parsed is written in, or nil and an error.
local function module_of(location)
    local name = MODULES[location.scheme]
    if not name then
        return invalid(location, "unknown scheme '" .. location.scheme .. "'",
            "known are " .. names_of(MODULES) .. ", and paths of folders")
    end
    return require(name)
end

--- Which options the back end of a URL that was parsed takes: those that may stand in a query, and
--- credentials, both {name = type}; nil and an error, also when its query is wrong.
function open.known(location)
    local module, err = module_of(location)
    if not module then
        return nil, err
    end
    local read, problem = read_query(location, module)
    if not read then
        return nil, problem
    end
    return merge(COMMON, module.settings), module.credentials
end

--- The back end of a URL that was parsed; its calls are repeated where they may be, and its writes
--- guarded. Misuse of options raises as function `what`.
function open.location(location, options, what)
    local module, err = module_of(location)
    if not module then
        return nil, err
    end
    options = options or {}
    check_options(options, module, what)
    local merged
    merged, err = read_query(location, module)
    if not merged then
        return nil, err
    end
    for option, value in pairs(options) do
        merged[option] = value
    end
    local retries = merged.retries or retry.DEFAULT
    merged.retries = nil
    if math.type(retries) ~= "integer" or retries < 0 then
        return invalid(location, "'retries' is an integer from 0")
    end
    local opened
    opened, err = module.open(location, merged)
    if not opened then
        return nil, err
    end
    return guarded.wrap(retry.wrap(backend.check(opened), retries))
end

--- Whether the back end of a URL knows an option; false for what is no URL of a store.
function open.takes(text, option)
    local location = url.parse(text)
    local name = location and MODULES[location.scheme]
    if not name then
        return false
    end
    local module = require(name)
    return (module.settings[option] or module.credentials[option]) ~= nil
end

--- The same of a URL as text.
function open.url(text, options, what)
    local location, err = url.parse(text)
    if not location then
        return nil, err
    end
    return open.location(location, options, what)
end

return open
