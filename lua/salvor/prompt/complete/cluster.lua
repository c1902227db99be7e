--- What completion knows of the cluster: kinds, names of objects, containers of pods. Each list is
--- fetched in the background when it is first asked for, and again when it is old; the prompt's
--- line never waits for it.
local patience = require("salvor.prompt.complete.patience")
local table_pages = require("salvor.k8s.table_pages")
local task = require("salvor.task")

local cluster = {}
cluster.__index = cluster

local FRESH = 15 -- seconds
local FAILED = 1 -- seconds until a list that could not be fetched is asked for again
local PATIENCE = 10 -- seconds for one list
local MOST = 20000 -- names of one kind

--- new(prompt, told): told(problem) is called when an answer has come; the problem is what was
--- raised instead, if so.
function cluster.new(prompt, told)
    local self = setmetatable({prompt = prompt, told = told}, cluster)
    self:forget()
    return self
end

--- Everything that is known is of another cluster or namespace.
function cluster:forget()
    self.lists = setmetatable({}, {__mode = "k"}) -- by client, then by what is asked for
end

local function compare(one, other)
    return one.text < other.text
end

--- Servers send names sorted, and that is seen faster than sorted again.
local function sort(items)
    for index = 2, #items do
        if compare(items[index], items[index - 1]) then
            return table.sort(items, compare)
        end
    end
end

--- Fills a list by read(client, items). What came before it failed is better than nothing.
local function fetch(self, client, list, read)
    list.busy = true
    self.prompt:background(function()
        local items = {}
        local done, problem = patience(PATIENCE, function()
            read(client or self.prompt:client(), items)
            return true
        end)
        sort(items)
        list.busy, list.items = false, items
        list.old_at = task.now() + (done and FRESH or FAILED)
        self.told(problem)
    end)
end

--- The items of a list, as they are known by now; {} until they are. Without a client it is that of
--- the prompt.
local function get(self, client, key, read)
    local lists = self.lists[client or self] or {}
    self.lists[client or self] = lists
    local list = lists[key] or {items = {}, old_at = -math.huge}
    lists[key] = list
    if not list.busy and task.now() > list.old_at then
        fetch(self, client, list, read)
    end
    return list.items
end

function cluster:kinds(client)
    return get(self, client, "kinds", function(of, items)
        local seen = {}
        local function add(text, detail)
            if not seen[text] then
                seen[text] = true
                items[#items + 1] = {text = text, detail = detail}
            end
        end
        for _, kind in ipairs(must(of:kinds())) do
            local api = kind.kind .. (kind.group ~= "" and "." .. kind.group or "")
            add(kind.plural, api)
            for _, short in ipairs(kind.short_names or {}) do
                add(short, api)
            end
        end
    end)
end

local function name_column(columns)
    for number, column in ipairs(columns) do
        if column.format == "name" then
            return number
        end
    end
end

--- Names of objects, of which the server is asked for nothing more.
function cluster:names(kind, client)
    return get(self, client, "names " .. kind, function(of, items)
        local read = must(of:_selection("k8s.table", kind, {}))
        read.query.includeObject = "None"
        must(table_pages(of, read, function(page, is_anew)
            local number = name_column(page.columns)
            for index = is_anew and #items or 0, 1, -1 do
                items[index] = nil
            end
            for _, row in ipairs(page.rows) do
                local name = row.cells[number]
                items[#items + 1] = type(name) == "string" and {text = name} or nil
            end
            return #items < MOST
        end))
    end)
end

function cluster:containers(pod, client)
    return get(self, client, "containers " .. pod, function(of, items)
        local fields = require("salvor.k8s.fields")
        local spec = fields.map(must(of:get("pods", pod)), "spec")
        for _, list in ipairs({"containers", "initContainers", "ephemeralContainers"}) do
            for _, container in ipairs(fields.items(spec, list)) do
                local name = fields.text(container, "name")
                items[#items + 1] = name and {text = name, detail = fields.text(container, "image")}
            end
        end
    end)
end

return cluster
