--- Texts in quotes: what a parameter or an option is for tells what it may be.
local environment = require("salvor.prompt.environment")
local fs = require("salvor.fs")
local objects = require("salvor.prompt.complete.objects")
local reference = require("salvor.reference")

local values = {}

local function items_of(texts, suffix)
    local items = {}
    for index, text in ipairs(texts) do
        items[index] = {text = text, suffix = suffix}
    end
    return items
end

--- "a"|"b" of a type
local function choices(kind)
    local texts = {}
    for text in kind:gmatch("\"([^\"]*)\"") do
        texts[#texts + 1] = text
    end
    return items_of(texts, "\"")
end

--- Paths that begin as the prefix; folders end in a slash.
function values.paths(prefix)
    local folder = prefix:match("^(.*/)") or ""
    local home = os.getenv("HOME")
    local looked = folder == "" and "." or (folder:gsub("^~/", (home or "~") .. "/"))
    local items = {}
    for _, entry in ipairs(fs.list(looked) or {}) do
        local what = entry.type == "link" and fs.stat(fs.join(looked, entry.name)) or entry
        local is_folder = what.type == "folder"
        items[#items + 1] = {text = folder .. entry.name .. (is_folder and "/" or ""),
                             label = entry.name .. (is_folder and "/" or "")}
    end
    return items
end

local function modules()
    local texts = {}
    for index, name in ipairs(environment.MODULES) do
        texts[index] = "salvor." .. name
    end
    return items_of(texts, "\")")
end

--- By the names of parameters and options, whatever function has them.
local BY_NAME = {
    kind = function(prompt)
        return prompt.cluster:kinds()
    end,
    name = function(prompt, where)
        return where.strings[1] and prompt.cluster:objects(where.strings[1]) or {}
    end,
    pod = function(prompt)
        return prompt.cluster:objects("pods")
    end,
    namespace = function(prompt)
        return prompt.cluster:objects("namespaces")
    end,
    context = function(prompt)
        return prompt.cluster.contexts()
    end,
    url = function(prompt, where)
        return prompt.stores:paths(where.prefix)
    end,
}
BY_NAME.from, BY_NAME.to, BY_NAME.where = BY_NAME.url, BY_NAME.url, BY_NAME.url

local function named(prompt, where, name, kind)
    if BY_NAME[name] then
        return BY_NAME[name](prompt, where)
    end
    local found = choices(kind)
    return found[1] and found or values.paths(where.prefix)
end

function values.items(prompt, where)
    local call = where.call
    if not call then
        return values.paths(where.prefix)
    elseif call.chain[1] == "require" and not call.chain[2] then
        return modules()
    end
    local entry = objects.entry(call.chain)
    local param = entry and entry.params[call.number]
    if not param then
        return values.paths(where.prefix)
    elseif type(call.option) ~= "string" then
        return named(prompt, where, param.name, param.type)
    end
    for _, field in ipairs(reference.fields(param.type)) do
        if field.name == call.option then
            return named(prompt, where, field.name, field.type)
        end
    end
    return {}
end

return values
