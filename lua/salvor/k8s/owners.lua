--- Who owns an object, and what it owns, by metadata.ownerReferences.
---
--- The uid decides: an owner of the same name that was made anew is not the owner. An owner is in
--- the namespace of what it owns, or in none.
local age = require("salvor.k8s.age")
local check = require("salvor.k8s.check")
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local salvor = require("salvor")
local task = require("salvor.task")

local text = fields.text

local DEPTH = 32
local OBJECTS = 10000 -- that are owned by anything, and nodes of a tree
local WORKERS = 8

--- Owners

--- The reference to follow: that of the controller, else the first.
local function owner_reference(object)
    local references = fields.items(object, "metadata", "ownerReferences")
    for _, reference in ipairs(references) do
        if reference.controller == true then
            return reference
        end
    end
    return references[1]
end

--- The owner, or what is known of it with `problem`, the error why it cannot be read.
local function read_owner(client, object, reference, timeout)
    local name, kind = text(reference, "name"), text(reference, "kind")
    local api_version, uid = text(reference, "apiVersion"), text(reference, "uid")
    local namespace = text(object, "metadata", "namespace")
    local unread = {apiVersion = api_version, kind = kind, metadata = {name = name, uid = uid}}
    if check.name_problem(name) or namespace and check.name_problem(namespace)
        or not kind or not api_version then
        unread.problem = "the reference is not complete"
        return unread
    end
    local owner, err = client:get(api_version .. "/" .. kind, name, {
        namespace = namespace,
        timeout = timeout,
    })
    if not owner then
        unread.problem = err
        return unread
    elseif text(owner, "metadata", "uid") ~= uid then
        unread.problem = "another object bears its name now"
        return unread
    end
    return owner
end

local owners_options = {timeout = "number"}

local methods = {}

function methods:owners(object, opts)
    opts = check.options(opts, owners_options, "k8s.owners")
    check.object(object, "k8s.owners")
    local chain, seen, current = salvor.list({}), {}, object
    while #chain < DEPTH and not current.problem do
        local reference = owner_reference(current)
        local uid = reference and text(reference, "uid")
        if not uid or seen[uid] then
            break
        end
        seen[uid] = true
        current = read_owner(self, current, reference, opts.timeout)
        chain[#chain + 1] = current
    end
    return chain
end

--- Trees

--- Other names of kinds that are listed already, or records of no object's own.
local SKIPPED_GROUPS = {extensions = true, ["events.k8s.io"] = true, ["metrics.k8s.io"] = true}

local function has_verb(record, verb)
    for _, known in ipairs(record.verbs) do
        if known == verb then
            return true
        end
    end
    return false
end

--- Whether objects of that kind can be owned: something creates them, and they can be deleted.
local function is_listed(record, namespace)
    return has_verb(record, "list") and has_verb(record, "delete")
        and not SKIPPED_GROUPS[record.group]
        and not (record.group == "" and record.kind == "Event")
        and (record.namespaced or not namespace)
end

--- All owned objects of a kind into `found`, by the uid of each owner.
local function collect(client, record, namespace, found)
    for object in client:each(record.api_version .. "/" .. record.kind,
        {namespace = namespace, all_namespaces = not namespace}) do
        local uid = text(object, "metadata", "uid")
        local references = fields.items(object, "metadata", "ownerReferences")
        if found.count == OBJECTS then
            found.is_cut = true
            return
        elseif references[1] and uid and not found.uids[uid] then
            found.uids[uid], found.count = true, found.count + 1
            for _, reference in ipairs(references) do
                local owner = text(reference, "uid")
                if owner then
                    found.owned[owner] = found.owned[owner] or {}
                    table.insert(found.owned[owner], object)
                end
            end
        end
    end
end

--- Everything that is owned where the root is, and which kinds could not be read.
local function survey(client, namespace)
    local records, err = client:kinds()
    if not records then
        return nil, err
    end
    local found = {owned = {}, uids = {}, count = 0, nodes = 0, is_cut = false,
                   skipped = salvor.list({})}
    local wanted = {}
    for _, record in ipairs(records) do
        wanted[#wanted + 1] = is_listed(record, namespace) and record or nil
    end
    task.map(wanted, function(record)
        local ok, problem = pcall(collect, client, record, namespace, found)
        if not ok and not errors.is(problem) then
            error(problem, 0)
        elseif not ok then
            found.skipped[#found.skipped + 1] = {
                kind = record.plural .. (record.group ~= "" and "." .. record.group or ""),
                problem = problem,
            }
        end
    end, {workers = WORKERS})
    return found
end

local node_metatable = {}

--- `now`: the time that ages are counted to.
local function add_rows(rows, node, now, indent, joint)
    rows[#rows + 1] = {
        indent .. joint .. node.kind .. "/" .. node.name,
        node.state,
        node.state ~= "ready" and node.reason or "",
        age.since(text(node.object, "metadata", "creationTimestamp"), now),
    }
    local below = joint == "" and indent or indent .. (joint == "└─ " and "   " or "│  ")
    for index, child in ipairs(node.children) do
        add_rows(rows, child, now, below, index == #node.children and "└─ " or "├─ ")
    end
end

--- The tree as a table, one line for each object.
function node_metatable.__tostring(node)
    local rows = {}
    add_rows(rows, node, os.time(), "", "")
    local columns = {"NAME", "STATE", "REASON", "AGE"}
    return (require("salvor.ui").format_table(columns, rows):gsub("\n$", ""))
end

--- `above`: the uids on the way here. An object with several owners stands below each, so the nodes
--- may be many more than the objects.
local function node_of(object, found, depth, above)
    local state, reason = require("salvor.k8s.ready").state(object)
    local uid = text(object, "metadata", "uid") or ""
    local node = setmetatable({
        kind = text(object, "kind") or "?", name = text(object, "metadata", "name") or "?",
        state = state, reason = reason, object = object, children = salvor.list({}),
    }, node_metatable)
    found.nodes = found.nodes + 1
    if depth < DEPTH and not above[uid] then
        above[uid] = true
        for index, child in ipairs(found.owned[uid] or {}) do
            if found.nodes >= OBJECTS then
                found.is_cut = true
                break
            end
            node.children[index] = node_of(child, found, depth + 1, above)
        end
        above[uid] = nil
    end
    table.sort(node.children, function(a, b)
        if a.kind ~= b.kind then
            return a.kind < b.kind
        end
        return a.name < b.name
    end)
    return node
end

local tree_options = {namespace = "string", timeout = "number"}

function methods:tree(kind, name, opts)
    opts = check.options(opts, tree_options, "k8s.tree")
    check.kind(kind, "k8s.tree")
    check.name(name, "k8s.tree")
    local root, err = self:get(kind, name, opts)
    if not root then
        err.op = "k8s.tree"
        return nil, err
    end
    local namespace = text(root, "metadata", "namespace")
    if namespace and check.name_problem(namespace) then
        return nil, errors.new({code = "Corrupt", op = "k8s.tree", message =
            "the answer's metadata.namespace: " .. check.name_problem(namespace)})
    end
    local found, problem = survey(self, namespace)
    if not found then
        problem.op = "k8s.tree"
        return nil, problem
    end
    local tree = node_of(root, found, 0, {})
    tree.skipped, tree.is_cut = found.skipped, found.is_cut
    return tree
end

return methods
