--- The objects of one kind in one place that a wait is for, and the one watch that tells of them:
--- some by name, or all that selectors select.
local selector = require("salvor.k8s.selector")
local target = require("salvor.k8s.wait.target")
local watcher = require("salvor.k8s.watch.watcher")

local group = {}
group.__index = group

--- Items whose objects one watch can tell of have the same place.
local function place_of(item, index)
    if not item.names then
        return index
    end
    return table.concat({item.resource.api_version, item.resource.plural, item.namespace or ""},
        "\0")
end

local function new(item)
    return setmetatable({
        item = item, -- the first of them: kind and place are those of all
        targets = {},
        open = 0, -- of these, how many are not as they are wanted
        by_key = {}, -- key of an object -> its targets
        is_listed = false,
    }, group)
end

--- of(client, op, items, deadline) -> the groups, whose watches end at `deadline` (nil: each answer
--- has the client's time). item: {resource, kind, names (a list) or nil, namespace,
--- all_namespaces, label_selector, field_selector, wants, is_single (a result and not a list)}; the
--- targets that come of it are put into item.targets.
function group.of(client, op, items, deadline)
    local groups, by_place = {}, {}
    for index, item in ipairs(items) do
        local place = place_of(item, index)
        local own = by_place[place]
        if not own then
            own = new(item)
            by_place[place], groups[#groups + 1] = own, own
        end
        item.targets = {}
        for _, name in ipairs(item.names or {}) do
            own:add(name, item.namespace, item)
        end
    end
    for _, each in ipairs(groups) do
        local item, only = each.item, each.targets[1]
        each.events = watcher.new(client, op, item.kind, {
            namespace = item.namespace,
            all_namespaces = item.all_namespaces,
            name = only and #each.targets == 1 and only.name or nil,
            label_selector = item.label_selector,
            field_selector = item.field_selector,
            deadline = deadline,
        })
    end
    return groups
end

local function key_of(name, namespace)
    return (namespace or "") .. "\0" .. name
end

function group:add(name, namespace, item)
    local added = target.new(item, name, namespace)
    local key = key_of(name, namespace)
    self.targets[#self.targets + 1] = added
    item.targets[#item.targets + 1] = added
    self.open = self.open + 1
    self.by_key[key] = self.by_key[key] or {}
    table.insert(self.by_key[key], added)
    return added
end

--- The targets that an object is; none when nobody waits for it. Of what is selected each object is
--- one, but where they are to go, only those that were there at first.
function group:targets_of(object)
    local namespace = self.item.namespace or object.metadata.namespace
    local known = self.by_key[key_of(object.metadata.name, namespace)]
    if known or self.item.names or self.item.wants.deleted and self.is_listed then
        return known or {}
    end
    return {self:add(object.metadata.name, namespace, self.item)}
end

--- Lets one of its targets take an event; true when something has moved. With thousands of them
--- only a count tells at each event whether all are as they are wanted.
function group:take(of, event)
    local was_done = of:is_done()
    local has_moved = of:take(event)
    if of:is_done() ~= was_done then
        self.open = self.open + (was_done and 1 or -1)
    end
    return has_moved
end

--- All that is there is known: what was to go and is not there has gone.
function group:end_list()
    for _, each in ipairs(self.targets) do
        if each.wants.deleted and not (each.object or each:is_done()) then
            each.state = "ready"
            self.open = self.open - 1
        end
    end
    self.is_listed = true
end

function group:title()
    local item, words = self.item, {}
    words[1] = selector.label(item.label_selector)
    words[#words + 1] = selector.field(item.field_selector)
    return item.resource.plural .. (words[1] and " with " .. table.concat(words, " and ") or "")
end

--- The targets that are not as they are wanted.
function group:missing()
    local missing = {}
    for _, each in ipairs(self.targets) do
        if not each:is_done() then
            missing[#missing + 1] = each
        end
    end
    return missing
end

--- Whether it selects and there is nothing, although something is wanted.
function group:is_empty()
    return not self.targets[1] and not self.item.wants.deleted
end

function group:is_done()
    return self.is_listed and not self:is_empty() and self.open == 0
end

--- What the wait gives for one of its items: the object that was asked for by its name, or a list,
--- in the order of the names or sorted. In the place of what was to go and never was there, true.
function group.result(item)
    local own, list = item.targets, {}
    if not item.names then
        table.sort(own, function(a, b)
            return key_of(a.name, a.namespace) < key_of(b.name, b.namespace)
        end)
    end
    for index, each in ipairs(own) do
        list[index] = each.object or true
    end
    return item.is_single and list[1] or list
end

return group
