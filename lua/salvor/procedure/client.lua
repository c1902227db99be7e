--- The client that steps are given: a Kubernetes client whose writes are planned or journaled.
--
-- In a plan every write is sent with server-side dry run, and later reads see its result. In a run
-- every write is journaled; what it creates carries the run's id as a label, so that a create that
-- was interrupted finds its own object again.
local copy = require("salvor.copy")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local pods = require("salvor.procedure.pods")
local preview = require("salvor.procedure.preview")
local secret = require("salvor.secret")

local client = {}

local RUN_LABEL = "salvor-run"

-- Bytes; a shorter value is too likely to be a common word.
local SHORTEST_SECRET = 8

-- Seconds without any change after which a wait says that it seems stuck.
local STALL = 120

--- The whole collection when it has no name.
local function target_of(write)
    local metadata = write.body and write.body.metadata or {}
    local query = write.query or {}
    local name = write.name or metadata.name
        or metadata.generateName and metadata.generateName .. "*"
        or "* " .. (query.labelSelector or query.fieldSelector or "")
    return write.resource.kind .. " " .. (write.namespace and write.namespace .. "/" or "") .. name
end

--- "pods a, b", or "pods" of what selectors select.
local function wait_target(kind, which)
    local names = type(which) == "table" and table.concat(which, ", ") or which
    return kind .. (names and " " .. names or "")
end

local function place_of(resource, namespace)
    return table.concat({resource.group, resource.plural, namespace or ""}, "\0")
end

local function read_current(connection, write)
    return connection:_read({op = write.op, verb = "get", resource = write.resource,
                             namespace = write.namespace,
                             name = write.name or write.body.metadata.name})
end

-- Reading

--- What Secrets hold must not appear in any text from here on, whoever writes it. User names are
--- no secrets, and common words among them would blot out half of every message.
local function register_secrets(object)
    if object.kind ~= "Secret" then
        return
    end
    for key, encoded in pairs(object.data or {}) do
        local plain = not key:find("^user") and digest.unbase64(encoded)
        if plain and #plain >= SHORTEST_SECRET then
            secret.add(plain)
        end
    end
end

local function read_registered(connection, read)
    local found, err = connection:_read(read)
    if found then
        register_secrets(found)
        for _, item in ipairs(found.items or {}) do
            register_secrets(item)
        end
    end
    return found, err
end

-- Writing

local function labelled(write, run)
    local body = copy.deep(write.body)
    body.metadata.labels = body.metadata.labels or {}
    body.metadata.labels[RUN_LABEL] = run
    return copy.merge(write, {body = body})
end

-- Planning

--- The objects that the plan has made, changed (the object) or deleted (false), by place and name.
local function planned_at(planned, resource, namespace)
    local place = place_of(resource, namespace)
    planned[place] = planned[place] or {}
    return planned[place]
end

--- A list as it would be: on its last page come the objects that would be new.
local function overlay_list(list, objects, read)
    local seen, items = {}, setmetatable({}, getmetatable(list.items))
    for _, item in ipairs(list.items) do
        local name = item.metadata.name
        seen[name] = true
        if objects[name] ~= false then
            items[#items + 1] = copy.deep(objects[name]) or item
        end
    end
    local query = read.query or {}
    local is_last = ((list.metadata or {}).continue or "") == ""
    if is_last and not query.labelSelector and not query.fieldSelector then
        for name, object in pairs(objects) do
            if object and not seen[name] then
                items[#items + 1] = copy.deep(object)
            end
        end
    end
    list.items = items
    return list
end

local function planning_methods(connection, performer, run)
    local planned = {}
    local wrapped = {}

    function wrapped._read(_, read)
        local objects = planned_at(planned, read.resource, read.namespace)
        local object = read.name and objects[read.name]
        if object then
            return copy.deep(object)
        elseif object == false then
            return nil, errors.new({code = "NotFound", op = read.op, status = 404,
                                    message = read.name .. " would be deleted by then"})
        end
        local found, err = read_registered(connection, read)
        if found and not read.name then
            return overlay_list(found, objects, read)
        end
        return found, err
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        local objects = planned_at(planned, write.resource, write.namespace)
        return performer:perform({
            verb = write.verb,
            target = target_of(write),
            preview = function()
                local labelled_write = write.verb == "create" and labelled(write, run) or write
                return preview(connection, function(read)
                    return wrapped._read(nil, read)
                end, objects, labelled_write)
            end,
        })
    end

    --- What is waited for as it is now: an object, or a list in the place of several.
    local function seen(self, kind, which, options)
        if type(which) == "string" then
            return must(self:get(kind, which, {namespace = options.namespace}))
        elseif not which then
            return must(self:list(kind, {
                namespace = options.namespace, all_namespaces = options.all_namespaces,
                label_selector = options.label_selector, field_selector = options.field_selector,
            }))
        end
        local objects = {}
        for index, name in ipairs(which) do
            objects[index] = seen(self, kind, name, options)
        end
        return objects
    end

    function wrapped.wait(self, kind, name, options)
        return performer:perform({
            verb = "wait for",
            target = wait_target(kind, name),
            preview = function()
                return seen(self, kind, name, options or {}), {}
            end,
        })
    end

    function wrapped.wait_all(self, items, options)
        local results = {}
        for index, item in ipairs(items) do
            local of = copy.merge({namespace = (options or {}).namespace}, item)
            results[index] = must(wrapped.wait(self, item.kind, item.name, of))
        end
        return results
    end

    return wrapped
end

-- Running

--- A create whose answer was lost, or that was repeated after a kill, finds its own object.
local function create(connection, write, run)
    local created, err = connection:_write(labelled(write, run))
    if created or err.code ~= "AlreadyExists" then
        return created, err
    end
    local existing = must(read_current(connection, write))
    if ((existing.metadata or {}).labels or {})[RUN_LABEL] == run then
        return existing
    end
    return nil, err
end

--- What a change is given to work on may be a Secret.
local function registering(write)
    return write.change and copy.merge(write, {change = function(object)
        register_secrets(object)
        return write.change(object)
    end}) or write
end

local function running_methods(connection, options)
    local wrapped = {}

    function wrapped._read(_, read)
        return read_registered(connection, read)
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        return options.performer:perform({
            verb = write.verb,
            target = target_of(write),
            run = function()
                if write.verb == "create" then
                    return create(connection, write, options.run)
                end
                return connection:_write(registering(write))
            end,
            summary = function(result)
                local metadata = result.metadata or {}
                return {uid = metadata.uid, resourceVersion = metadata.resourceVersion}
            end,
        })
    end

    local function reporting(wait_options)
        wait_options = wait_options or {}
        return copy.merge(wait_options, {
            stall = wait_options.stall or STALL,
            tick = 1,
            on_progress = function(progress)
                options.wait(progress.kind .. " " .. progress.name, progress)
            end,
        })
    end

    function wrapped.wait(_, kind, name, wait_options)
        return connection:wait(kind, name, reporting(wait_options))
    end

    function wrapped.wait_all(_, items, wait_options)
        return connection:wait_all(items, reporting(wait_options))
    end

    return wrapped
end

--- A raw request can do anything, so only one that reads passes: what a plan cannot show and a
--- journal cannot repeat has no place in a procedure.
local function raw_request(connection)
    return function(_, request)
        local method = request.method or "GET"
        if method ~= "GET" and method ~= "HEAD" then
            error(errors.new({
                code = "InvalidScript",
                op = "k8s.request",
                message = "a procedure's raw requests only read, this one is a " .. method,
                hint = "use create, replace, apply, patch or delete",
            }), 0)
        end
        return connection:request(request)
    end
end

--- wrap(connection, {performer, run, wait}) -> client. `wait(what, progress)` is told how a wait
--- goes; progress as for client:wait.
function client.wrap(connection, options)
    local methods = options.performer.planning
        and planning_methods(connection, options.performer, options.run)
        or running_methods(connection, options)
    methods.request = raw_request(connection)
    for name, method in pairs(pods.methods(connection, options.performer)) do
        methods[name] = method
    end
    return setmetatable(methods, {__index = connection})
end

return client
