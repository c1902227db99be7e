--- Secrets by reference: {env = NAME}, {file = PATH} or {secret = NAME, namespace =, key =} say
--- where a value is kept. It is read when it is needed, and masked from then on.
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local log = require("salvor.log")
local salvor = require("salvor")
local secret = require("salvor.secret")

local references = {}

local LIMIT = 1 << 20 -- bytes

local function fail(code, message, hint, cause)
    return nil, errors.new({code = code, message = message, hint = hint, cause = cause})
end

local function from_environment(name)
    local value = os.getenv(name)
    if not value or value == "" then
        return fail("NotFound", "$" .. name .. " is not set", "set it to the secret's value")
    end
    return value
end

local OTHERS_READ = tonumber("004", 8)

--- One line end behind the value is the editor's.
local function from_file(path)
    local text, err = fs.read(path, {limit = LIMIT})
    if not text then
        return nil, err
    end
    local status = fs.stat(path)
    if status and status.mode & OTHERS_READ ~= 0 then
        log.warning("a file with a secret can be read by every user of this machine",
            {path = path, cure = "chmod 600"})
    end
    local value = text:gsub("\r?\n$", "")
    if value == "" then
        return fail("Invalid", path .. " is empty", "it must hold the secret's value")
    end
    return value
end

--- object(reference, connect) -> the Secret that the reference names, or nil and an error.
function references.object(reference, connect)
    if not connect then
        return fail("Invalid", "Secret " .. reference.secret .. " cannot be read without a cluster")
    end
    return connect():get("secrets", reference.secret, {namespace = reference.namespace})
end

local function from_secret(reference, connect)
    local object, err = references.object(reference, connect)
    if not object then
        return nil, err
    end
    local data, key = object.data or {}, reference.key
    local keys = salvor.keys(data)
    local what = "Secret " .. reference.secret
    if not key and #keys ~= 1 then
        return fail("Invalid", what .. " has " .. #keys .. " keys", #keys > 0
            and "say which one: key: " .. table.concat(keys, ", ") or nil)
    end
    key = key or keys[1]
    local value = data[key] and digest.unbase64(data[key])
    if not value or value == "" then
        return fail("NotFound", what .. " has no key '" .. key .. "'",
            "it has: " .. table.concat(keys, ", "))
    end
    return value
end

--- read(reference, file, connect) -> value | nil, err. `file` is the site file in which it stands,
--- `connect` gives a client.
function references.read(reference, file, connect)
    local value, err
    if reference.env then
        value, err = from_environment(reference.env)
    elseif reference.file then
        value, err = from_file(file:absolute(reference.file))
    else
        value, err = from_secret(reference, connect)
    end
    if not value then
        return nil, err
    end
    local added, problem = secret.add(value)
    if added == nil then
        return nil, problem
    end
    return value
end

--- Where the value is kept, for people: "$NAME", "file PATH", "Secret NAME".
function references.describe(reference)
    return reference.env and "$" .. reference.env or reference.file and "file " .. reference.file
        or "Secret " .. (reference.namespace and reference.namespace .. "/" or "")
            .. reference.secret
end

return references
