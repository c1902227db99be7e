--- Profiles of the files that AWS's tools share: ~/.aws/config and ~/.aws/credentials, or what
--- AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name.
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")

local profiles = {}

local LIMIT = 1 << 20 -- bytes of a file

--- What stands behind "=", without a comment.
local function value_of(text)
    return (text:gsub("%s+[#;].*$", ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

--- "profile NAME", whose name may stand in quotes, with one space; other names as they are.
local function section_name(text)
    local name = text:match("^profile%s+(.*)$")
    return name and "profile " .. (name:match('^"(.*)"$') or name:match("^'(.*)'$") or name) or text
end

--- parse(text) -> {[section] = {[key] = value}}; what is indented more than the key above it is
--- "key.name". nil and the number of the line that is none.
function profiles.parse(text)
    local sections, section, above, depth = {}, nil, nil, nil
    local number = 0
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        local name = line:match("^%s*%[%s*(.-)%s*%]%s*[#;]?.*$")
        local indent, key, value = line:match("^(%s*)([%w_.-]+)%s*=(.*)$")
        local is_below = above and #line:match("^%s*") > depth
        local means_nothing = line:find("^%s*$") or line:find("^%s*[#;]")
            or is_below and not key -- a value goes on
        if name then
            name = section_name(name)
            section, above = sections[name] or {}, nil
            sections[name] = section
        elseif not means_nothing and not (key and section) then
            return nil, number
        elseif means_nothing then
            above = line:find("%S") and above or nil
        elseif is_below then
            section[above .. "." .. key:lower()] = value_of(value)
        else
            above, depth = key:lower(), #indent
            section[above] = value_of(value)
        end
    end
    return sections
end

local function path_of(getenv, variable, name)
    local path = getenv(variable)
    if path and path ~= "" then
        return path
    end
    local home = getenv("HOME")
    return home and home ~= "" and fs.join(home, ".aws", name) or nil
end

--- The sections of a file; none when there is no file, or no home it could be in.
local function read(path)
    if not path then
        return {}
    end
    local text, err = fs.read(path, {limit = LIMIT})
    if not text then
        if err.code == "NotFound" then
            return {}
        end
        return errors.wrap(err, {url = path, op = "store.open"})
    end
    local sections, line = profiles.parse(text)
    if not sections then
        return errors.fail("Invalid", {url = path, op = "store.open",
            reason = "line " .. line .. " is neither [section] nor key = value"})
    end
    return sections
end

--- The first text that is there and not empty.
function profiles.first(...)
    for index = 1, select("#", ...) do
        local value = select(index, ...)
        if value and value ~= "" then
            return value
        end
    end
end

--- load(getenv, wanted) -> {name, explicit, found, keys = of credentials and config, credentials,
--- config = paths}, or nil and an error. The profile is `wanted`, else AWS_PROFILE's, else
--- "default".
function profiles.load(getenv, wanted)
    local named = getenv("AWS_PROFILE")
    named = named ~= "" and named or nil
    local profile = {
        name = wanted or named or "default",
        explicit = (wanted or named) ~= nil,
        credentials = path_of(getenv, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        config = path_of(getenv, "AWS_CONFIG_FILE", "config"),
        keys = {},
    }
    for _, place in ipairs({"config", "credentials"}) do
        local sections, err = read(profile[place])
        if not sections then
            return nil, err
        end
        local section = sections[profile.name]
        if place == "config" then
            section = sections["profile " .. profile.name]
                or profile.name == "default" and section or nil
        end
        for key, value in pairs(section or {}) do
            profile.found = true
            profile.keys[key] = value
        end
    end
    return profile
end

return profiles
