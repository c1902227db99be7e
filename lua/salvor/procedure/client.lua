--- The client that steps are given: a Kubernetes client whose writes are planned or journaled.
--
-- In a plan every write is sent with server-side dry run, and later reads see its result. In a run
-- every write is journaled; what it creates carries the run's id as a label, so that a create that
-- was interrupted finds its own object again.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local evidence = require("salvor.procedure.evidence")
local objects = require("salvor.procedure.objects")
local planning = require("salvor.procedure.planning")
local pods = require("salvor.procedure.pods")
local subject = require("salvor.k8s.subject")
local waits = require("salvor.procedure.waits")
local written = require("salvor.procedure.written")

local client = {}

-- Seconds without any change after which a wait says that it seems stuck.
local STALL = 120

local function read_current(connection, write)
    return connection:_read({op = write.op, verb = "get", resource = write.resource,
                             namespace = write.namespace,
                             name = write.name or write.body.metadata.name})
end

-- Running

--- A create whose answer was lost, or that was repeated after a kill, finds its own object; one
--- that the run has deleted itself and that is not gone yet is none.
local function create(connection, write, run)
    local created, err = connection:_write(objects.labelled(write, run))
    if created or err.code ~= "AlreadyExists" then
        return created, err
    end
    local existing = must(read_current(connection, write))
    local metadata = existing.metadata or {}
    if (metadata.labels or {})[objects.RUN_LABEL] == run and not metadata.deletionTimestamp then
        return existing
    end
    return nil, err
end

--- What a change is given to work on may be a Secret.
local function registering(write)
    return write.change and copy.merge(write, {change = function(object)
        objects.register_secrets(object)
        return write.change(object)
    end}) or write
end

local function running_methods(connection, options)
    local wrapped = {}

    function wrapped._read(_, read)
        return objects.read(connection, read)
    end

    function wrapped._write(_, write)
        if write.dry_run then
            return connection:_write(write)
        end
        objects.register_written(write)
        local before, is_new
        local recorded, summary = written.recording(registering(write))
        return options.performer:perform({
            verb = write.verb,
            target = subject(write),
            object = written.object(write),
            run = function()
                before, is_new = evidence.before(connection, write)
                if write.verb == "create" then
                    return create(connection, write, options.run)
                end
                return connection:_write(recorded)
            end,
            summary = summary,
            changes = function(result)
                return evidence.changes(write, before, is_new, result)
            end,
        })
    end

    function wrapped._wait(_, op, items, opts)
        return options.performer:await(waits.describe(items, opts), function(note)
            return connection:_wait(op, items, copy.merge(opts, {
                stall = opts.stall or STALL,
                tick = 1,
                on_progress = function(progress)
                    note(progress)
                    options.wait(progress.kind .. " " .. progress.name, progress)
                    if opts.on_progress then
                        opts.on_progress(progress)
                    end
                end,
            }))
        end)
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
        and planning.methods(connection, options.performer, options.run)
        or running_methods(connection, options)
    methods.request = raw_request(connection)
    for name, method in pairs(pods.methods(connection, options.performer)) do
        methods[name] = method
    end
    return setmetatable(methods, {__index = connection})
end

return client
