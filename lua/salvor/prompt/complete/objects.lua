--- What a chain of names stands for, without running or loading anything: variables and fields,
--- looked up raw, and the classes of the reference for modules and objects.
local environment = require("salvor.prompt.environment")
local reference = require("salvor.reference")

local objects = {}

-- By the name of their metatable.
local CLASSES = {["k8s client"] = "k8s.Client", ["salvor.store"] = "salvor.Store",
                 task = "salvor.Task", ["k8s session"] = "k8s.Session",
                 ["k8s forward"] = "k8s.Forward", ["k8s table"] = "k8s.Table"}

local MOST_LINKS = 10 -- of __index, which may go in a circle

--- The tables in which the fields of a value are looked up: itself, and what __index leads to.
function objects.layers(v)
    local layers = {}
    while v ~= nil and #layers < MOST_LINKS do
        layers[#layers + 1] = type(v) == "table" and v or {}
        local metatable = debug.getmetatable(v)
        v = type(metatable) == "table" and rawget(metatable, "__index") or nil
        v = type(v) == "table" and v or nil
    end
    return layers
end

local function field_of(v, name)
    for _, layer in ipairs(objects.layers(v)) do
        local found = rawget(layer, name)
        if found ~= nil then
            return found
        end
    end
end

--- The value of a chain {"a", ".", "b"}; nil when it is not known without running something.
function objects.value(chain)
    local v = rawget(environment.globals, chain[1]) or rawget(_G, chain[1])
    if v == nil and environment.is_module[chain[1]] then
        v = package.loaded["salvor." .. chain[1]]
    end
    for at = 3, #chain, 2 do
        v = field_of(v, chain[at])
    end
    return v
end

--- The module or class whose functions the reference has for a chain; nil when it has none.
function objects.owner(chain)
    if #chain == 1 and rawget(_G, chain[1]) == nil then
        return chain[1] == "c" and "k8s.Client"
            or environment.is_module[chain[1]] and "salvor." .. chain[1] or nil
    end
    local v = objects.value(chain)
    local module = #chain == 1 and "salvor." .. chain[1]
    if module and v ~= nil and package.loaded[module] == v then
        return module
    end
    local metatable = debug.getmetatable(v)
    return type(metatable) == "table" and CLASSES[rawget(metatable, "__name")] or nil
end

--- The entry of the reference for the function that a chain names, or nil.
function objects.entry(chain)
    local receiver = table.move(chain, 1, #chain - 2, 1, {})
    local owner = receiver[1] and objects.owner(receiver)
    for _, entry in ipairs(owner and reference.members(owner) or {}) do
        if entry.method == chain[#chain] then
            return entry
        end
    end
end

--- The parameter or option that a place in a call stands for, as the reference declares it; nil
--- when there is none of that name or number.
function objects.declaration(call)
    local entry = objects.entry(call.chain)
    local param = entry and entry.params[call.number]
    if not param or type(call.option) ~= "string" then
        return param
    end
    for _, field in ipairs(reference.fields(param.type)) do
        if field.name == call.option then
            return field
        end
    end
end

return objects
