--- What completion knows of the cluster: kinds, names of objects, contexts. Each list is fetched in
--- the background when it is first asked for, and again when it is old; the prompt's line never
--- waits for it.
local task = require("salvor.task")

local cluster = {}
cluster.__index = cluster

local FRESH = 15 -- seconds
local PATIENCE = 10 -- seconds for one list
local MOST = 20000 -- names of one kind

--- new(prompt, told): `told` is called when an answer has come.
function cluster.new(prompt, told)
    return setmetatable({prompt = prompt, told = told, lists = {}}, cluster)
end

--- Everything that is known is of another cluster or namespace.
function cluster:forget()
    self.lists = {}
end

local function fetch(self, key, read)
    local list = {items = self.lists[key] and self.lists[key].items, busy = true}
    self.lists[key] = list
    self.prompt:background(function()
        local ok, items = pcall(task.timeout, PATIENCE, read)
        list.busy, list.at = false, task.now()
        list.items = ok and items or list.items or {}
        if self.lists[key] == list then
            self.told()
        end
    end)
end

--- The items of a list, as they are known by now; {} until they are.
local function get(self, key, read)
    local list = self.lists[key]
    if not list or not list.busy and task.now() - list.at > FRESH then
        fetch(self, key, read)
    end
    return self.lists[key].items or {}
end

function cluster:kinds()
    return get(self, "kinds", function()
        local items, seen = {}, {}
        local function add(text, detail)
            if not seen[text] then
                seen[text] = true
                items[#items + 1] = {text = text, suffix = "\"", detail = detail}
            end
        end
        for _, kind in ipairs(must(self.prompt:client():kinds())) do
            local api = kind.kind .. (kind.group ~= "" and "." .. kind.group or "")
            add(kind.plural, api)
            for _, short in ipairs(kind.short_names or {}) do
                add(short, api)
            end
        end
        table.sort(items, function(one, other)
            return one.text < other.text
        end)
        return items
    end)
end

function cluster:objects(kind)
    return get(self, "objects " .. kind, function()
        local items = {}
        for object in self.prompt:client():each(kind) do
            items[#items + 1] = {text = object.metadata.name, suffix = "\""}
            if #items == MOST then
                break
            end
        end
        return items
    end)
end

function cluster.contexts()
    local items = {}
    for _, context in ipairs(require("salvor.k8s").contexts() or {}) do
        items[#items + 1] = {text = context.name, suffix = "\""}
    end
    return items
end

return cluster
