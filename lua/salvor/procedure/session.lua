--- What planning and running share: a loaded procedure on a connected cluster.
--
-- Whoever plans or runs gives an observer, a table of functions that show progress: begin(session,
-- run id or nil for a plan), check(result), step(step, status, findings), wait(what, progress),
-- interrupted(run id), confirm(step, loss) -> boolean | nil, err, and, if wanted, record(line) with
-- each line of the journal.
local client = require("salvor.procedure.client")
local context = require("salvor.procedure.context")
local errors = require("salvor.error")
local k8s = require("salvor.k8s")
local loader = require("salvor.procedure.loader")
local params = require("salvor.procedure.params")

local session = {}

function session.now()
    return os.date("!%Y-%m-%dT%H:%M:%SZ")
end

--- Which cluster this is, however it is reached: the uid of kube-system never changes. Who may not
--- read that namespace goes by the server's address alone.
local function identify(connection)
    local namespace = connection:get("namespaces", "kube-system")
    return {
        server = connection.server,
        context = connection.context,
        uid = namespace and namespace.metadata.uid or nil,
    }
end

--- open(id, options) -> {procedure, origin, params, connection, cluster}: loads the procedure,
--- checks the parameters, connects. options: params (texts by name), context, kubeconfig,
--- namespace.
function session.open(id, options)
    local procedure, origin = loader.load(id)
    local values = must(params.resolve(procedure.params, options.params or {}))
    local connection = must(k8s.connect({
        context = options.context,
        kubeconfig = options.kubeconfig,
        namespace = options.namespace,
    }))
    must(connection:request({path = "/version"}))
    return {
        procedure = procedure,
        origin = origin,
        params = values,
        connection = connection,
        cluster = identify(connection),
    }
end

--- context(session, {run, started, performer, facts, kit_entries, wait}) -> what steps are given
function session.context(opened, fields)
    return context.new({
        procedure = opened.procedure.id,
        source = opened.origin.source,
        run = fields.run,
        started = fields.started,
        params = opened.params,
        namespace = opened.connection.namespace,
        cluster = opened.cluster,
        performer = fields.performer,
        facts = fields.facts,
        kit_entries = fields.kit_entries,
        k8s = client.wrap(opened.connection, {
            performer = fields.performer,
            run = fields.run,
            wait = fields.wait,
        }),
    })
end

--- Whether the step is part of what is done after the checks.
function session.is_wanted(step, ctx)
    return not step.check and (not step.when or step.when(ctx))
end

--- An error object as it is; anything else that a script raised is a fault of the script.
function session.as_error(err, ctx)
    if errors.is(err) then
        return err
    end
    return errors.new({code = "InvalidScript",
                       message = loader.located(ctx.source, tostring(err))})
end

return session
