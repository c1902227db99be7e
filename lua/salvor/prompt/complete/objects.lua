--- What a chain of names stands for, without running anything: variables and fields, looked up raw,
--- and the classes of the reference for what functions return.
local environment = require("salvor.prompt.environment")
local reference = require("salvor.reference")

local objects = {}

local MODULES = {}
for _, name in ipairs(environment.MODULES) do
    MODULES[name] = "salvor." .. name
end

--- A field of a value, of its metatable's __index when that is a table; nothing is called.
local function field_of(v, name)
    local seen = 0
    while type(v) == "table" and seen < 10 do
        local found = rawget(v, name)
        if found ~= nil then
            return found
        end
        local metatable = debug.getmetatable(v)
        v = type(metatable) == "table" and rawget(metatable, "__index") or nil
        seen = seen + 1
    end
    return nil
end

--- The value of a chain {"a", ".", "b"}, nil when it is not known without running something.
function objects.value(chain)
    local v = rawget(_G, chain[1])
    if v == nil and MODULES[chain[1]] then
        v = require(MODULES[chain[1]])
    end
    for at = 3, #chain, 2 do
        v = field_of(v, chain[at])
    end
    return v
end

--- The owner of functions in the reference that a value or a first name belongs to.
local CLASSES = {["k8s client"] = "k8s.Client", ["store"] = "salvor.Store"}

function objects.owner(chain, v)
    if #chain == 1 and chain[1] == "c" then
        return "k8s.Client"
    elseif #chain == 1 and MODULES[chain[1]] then
        return MODULES[chain[1]]
    end
    local metatable = type(v) == "table" and debug.getmetatable(v)
    return metatable and CLASSES[rawget(metatable, "__name")] or nil
end

--- The entry of the reference for the function that a chain names, or nil.
function objects.entry(chain)
    local receiver = table.move(chain, 1, #chain - 2, 1, {})
    if not receiver[1] then
        return nil
    end
    local owner = objects.owner(receiver, objects.value(receiver))
    for _, entry in ipairs(owner and reference.members(owner) or {}) do
        if entry.method == chain[#chain] then
            return entry
        end
    end
end

return objects
