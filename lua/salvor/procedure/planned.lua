--- The objects of a cluster as a plan leaves them, beside what they are.
--
-- An entry is {now, live, is_new, manager, namespace}: the object as the plan leaves it (false: it
-- would be gone) and as it is (nil: it is not there); whether the plan has made it; the field
-- manager by whose applies alone it was changed.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local salvor = require("salvor")
local selects = require("salvor.k8s.selects")

local planned = {}
planned.__index = planned

--- gone(op, name) -> the error of whoever looks for an object that would not be there any more
function planned.gone(op, name)
    return errors.new({code = "NotFound", op = op, status = 404,
                       message = name .. " would be deleted by then"})
end

--- scale(object) -> the Scale that is a part of it
function planned.scale(object)
    return {
        apiVersion = "autoscaling/v1",
        kind = "Scale",
        metadata = copy.deep(object.metadata),
        spec = {replicas = salvor.dig(object, "spec", "replicas") or 0},
        status = {replicas = salvor.dig(object, "status", "replicas") or 0},
    }
end

--- new() -> that of one cluster, of which nothing is planned yet
function planned.new()
    return setmetatable({kinds = {}}, planned)
end

--- The entries of a kind, by namespace and name. `at`: a read or write, as a client has them.
local function entries_of(self, at)
    local kind = at.resource.plural .. "." .. at.resource.group
    self.kinds[kind] = self.kinds[kind] or {}
    return self.kinds[kind]
end

local function key_of(namespace, name)
    return (namespace or "") .. "/" .. name
end

--- find(at, name) -> entry, or nil when nothing is planned for the object. A name that the server
--- has yet to choose (nil) has none.
function planned:find(at, name)
    return name and entries_of(self, at)[key_of(at.namespace, name)]
end

--- put(at, before, now, manager): an object, `before` as the plan had left it until then (nil: it
--- was not there), would be `now` (false: gone). Both are copied, since scripts get them too.
function planned:put(at, before, now, manager)
    local name = now and now.metadata.name or at.name
    local entry = self:find(at, name)
    local live = before
    if entry then
        live = entry.live
    end
    entries_of(self, at)[key_of(at.namespace, name)] = {
        now = copy.deep(now),
        live = copy.deep(live),
        is_new = now and (not before or entry and entry.is_new) or false,
        manager = manager or nil,
        namespace = at.namespace,
    }
end

--- Whether the entry becomes an item of the list, behind those that the server has.
local function is_added(entry, read)
    return entry.now and (not read.namespace or entry.namespace == read.namespace)
        and selects(read.query, entry.now) and not (entry.live and selects(read.query, entry.live))
end

--- list(list, read) -> the list, or this page of it, as it would be: the last page has what is new.
function planned:list(list, read)
    local entries = entries_of(self, read)
    local items = setmetatable({}, getmetatable(list.items))
    for _, item in ipairs(list.items) do
        local entry = entries[key_of(item.metadata.namespace, item.metadata.name)]
        if not entry then
            items[#items + 1] = item
        elseif entry.now and selects(read.query, entry.now) then
            items[#items + 1] = copy.deep(entry.now)
        end
    end
    if ((list.metadata or {}).continue or "") == "" then
        for _, key in ipairs(salvor.keys(entries)) do
            items[#items + 1] = is_added(entries[key], read) and copy.deep(entries[key].now) or nil
        end
    end
    list.items = items
    return list
end

return planned
