--- The reference of the API, from the files that editors read (lua/meta): what the prompt's help,
--- hints and completion, and the manual page salvor-api(7), are made of.
local reader = require("salvor.reference.reader")
local value = require("salvor.value")

local reference = {}

local FOLDER = "lua/meta/"

local loaded

--- load() -> {functions = list of {name = "fs.read" or "client:get", owner = module or class ("_G"
--- of a global), method, separator, signature, params, returns, generics, text}, values = list of
--- {name = "salvor.version", owner, method, type, text}, classes = {name = {name, section, fields,
--- parents, text}}, aliases = {name = {name, section, type, text}}, modules = {["salvor.fs"] =
--- text}}. Params and fields are {name, optional, type, text}; a section is what a file is about:
--- "fs".
function reference.load()
    if not loaded then
        local all = {functions = {}, values = {}, classes = {}, aliases = {}, modules = {}}
        for _, path in ipairs(value.embedded_paths(FOLDER)) do
            reader.read(all, path, value.embedded(path))
        end
        loaded = all
    end
    return loaded
end

--- The fields of a class and of those it extends.
function reference.fields(name)
    local fields = {}
    local class = reference.load().classes[name]
    if class then
        table.move(class.fields, 1, #class.fields, 1, fields)
        for _, parent in ipairs(class.parents) do
            table.move(reference.fields(parent), 1, #reference.fields(parent), #fields + 1, fields)
        end
    end
    return fields
end

--- The functions of a module ("salvor.fs") or the methods of a class ("k8s.Client").
function reference.members(owner)
    local members = {}
    for _, each in ipairs(reference.load().functions) do
        if each.owner == owner then
            members[#members + 1] = each
        end
    end
    return members
end

return reference
