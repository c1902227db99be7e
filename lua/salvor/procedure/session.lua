--- What planning and running share: a loaded procedure on a connected cluster.
--
-- Whoever plans or runs gives an observer, a table of functions that show progress: begin(session,
-- run id or nil for a plan, "resume" or "undo" when that is what is done with it), check(result),
-- step(step, status, findings) with status "begin", "done", "failed", "verified", "before",
-- "already", "skipped", "undo" (begins to be undone) or "undone", wait(what, progress), retry(step,
-- {try, of, pause, message}), locked(holder, place) of a plan, took_lock(previous holder, how),
-- interrupted(run id); if there is one, record(line) with each line of the journal, live(), which
-- runs beside the work, and ready(), called when all has been agreed to and nothing was changed,
-- which may wait for others; and of functions that ask: confirm(step, loss) and changed(lines) ->
-- how it was agreed to ("typed", or the option that did), false after a no, or nil, err; and
-- undo(step) -> boolean, nil where nobody can be asked.
local client = require("salvor.procedure.client")
local cluster = require("salvor.procedure.cluster")
local context = require("salvor.procedure.context")
local copy = require("salvor.copy")
local elsewhere = require("salvor.procedure.elsewhere")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local hooks = require("salvor.procedure.hooks")
local k8s = require("salvor.k8s")
local loader = require("salvor.procedure.loader")
local references = require("salvor.procedure.references")
local salvor = require("salvor")
local settings = require("salvor.procedure.settings")
local site = require("salvor.procedure.site")
local site_use = require("salvor.procedure.site_use")
local usage = require("salvor.usage")

local session = {}

--- prepare(id, options) -> {procedure, origin, site, texts, references, sources, params, target,
--- target_sources}: all that can be known without a cluster. Raises what is wrong with the script,
--- the site's files and the parameters. options: as for open.
---
--- procedure.steps has the site's hooks woven in (salvor.procedure.hooks), its permissions what
--- hooks need and reading the Secrets that the site's files refer to; `params` lacks secrets
--- that are kept elsewhere, and with options.incomplete what is required and not given; `texts` is
--- what a resumed run needs to be given again; `sources` and `target_sources` say who gave a value
--- (salvor.procedure.settings).
function session.prepare(id, options)
    local of = site.open(options.site)
    loader.check_site(of)
    local procedure, origin = loader.load(id, of)
    hooks.weave(procedure, origin, of)
    local prepared = settings.params(procedure, of, options.params or {}, options.kept)
    prepared.procedure, prepared.origin, prepared.site = procedure, origin, of
    prepared.params = must(settings.values(procedure, prepared, options.incomplete))
    prepared.target, prepared.target_sources = settings.target(id, of, options)
    for _, permission in ipairs(site_use.permissions(prepared)) do
        table.insert(procedure.permissions, permission)
    end
    return prepared
end

--- Secrets that the site's files refer to are read last: some are in the cluster. One that this
--- user may not read is for the check of permissions, which tells all that is missing at once.
local function read_references(opened)
    opened.unread = {}
    for _, name in ipairs(salvor.keys(opened.references)) do
        local kept = opened.references[name]
        local value, err = references.read(kept.reference, kept.file, opened.site.connect)
        local problem = not value and errors.new({code = err.code, cause = err, hint = err.hint,
            message = "parameter '" .. name .. "' (" .. opened.sources[name] .. "): "
                .. err.message})
        if problem and problem.code ~= "Forbidden" then
            error(problem, 0)
        end
        opened.params[name], opened.unread[name] = value, problem or nil
    end
end

--- The parameters as steps see them: to ask for one that may not be read fails.
local function params_of(opened)
    return setmetatable(copy.merge(opened.params), {__index = function(_, name)
        if opened.unread[name] then
            error(opened.unread[name], 0)
        end
    end})
end

--- open(id, options) -> what prepare() gives, and connection, cluster, elsewhere (other places),
--- and unread, the errors of secret parameters that this user may not read, by name: loads the
--- procedure, checks the parameters, connects. options: params (texts by name), context,
--- kubeconfig, namespace, site (the path of a site file), kept (of a run that is resumed: its
--- {params, sources}).
function session.open(id, options)
    local opened = session.prepare(id, options)
    local connection = must(k8s.connect(opened.target))
    opened.cluster = cluster.identify(connection)
    opened.site.connect = function()
        return connection
    end
    read_references(opened)
    opened.connection = connection
    opened.elsewhere = elsewhere.open(opened)
    return opened
end

--- record(opened) -> what a journal keeps so that reopen() finds the same again.
function session.record(opened)
    local kubeconfig = opened.target.kubeconfig
    return {
        script = opened.origin,
        site = site.identity(opened.site),
        sources = opened.sources,
        context = opened.connection.context,
        kubeconfig = kubeconfig and must(fs.absolute(kubeconfig)),
        namespace = opened.connection.namespace,
        cluster = opened.cluster,
        elsewhere = elsewhere.identities(opened.elsewhere),
    }
end

local function refuse(message, hint)
    error(errors.new({code = "Conflict", op = "resume", message = message, hint = hint}), 0)
end

--- Whether the script is the one that the run began with.
local function check_script(opened, begin)
    if opened.origin.digest == (begin.script.digest or begin.script.sha256) then
        return
    end
    local was_ours = opened.origin.bundled and begin.salvor ~= salvor.version
    refuse((opened.origin.sha256 == begin.script.sha256 and "a hook of the site"
        or "the script") .. " has changed since run " .. begin.run .. " began",
        "start a new run, or " .. (was_ours and "go on with Salvor " .. tostring(begin.salvor)
        .. ", as it was begun (this is " .. salvor.version .. ")" or "put the old one back"))
end

--- The parameters of a run stay, so the places do; but a context may mean another cluster by now.
local function check_clusters(opened, begin)
    if not cluster.is_same(opened.cluster, begin.cluster) then
        refuse("this is another cluster than the one run " .. begin.run .. " began on",
            "name its context with --context")
    end
    for index, place in ipairs(opened.elsewhere) do
        if not cluster.is_same(place.cluster, begin.elsewhere[index]) then
            refuse("context " .. place.context .. " is another cluster than when run " .. begin.run
                .. " began", "resume with the kubeconfig of then")
        end
    end
end

--- Steps that are finished were done in the namespace of then.
local function check_namespace(begin, namespace)
    if namespace and namespace ~= begin.namespace then
        usage("run " .. begin.run .. " works on namespace " .. begin.namespace .. ", not on "
            .. namespace, "leave --namespace out; another namespace takes a new run")
    end
end

--- reopen(begin, options) -> opened, as the run whose first record is given began: the same script
--- and hooks, cluster, namespace and parameters but for secrets. options: as for open; context,
--- kubeconfig and site are over those of then.
function session.reopen(begin, options)
    local opened = session.open(begin.procedure, {
        params = options.params,
        kept = {params = begin.params, sources = begin.sources},
        site = options.site or (begin.site or {}).file,
        context = options.context or begin.context,
        kubeconfig = options.kubeconfig or begin.kubeconfig,
        namespace = begin.namespace,
    })
    check_script(opened, begin)
    check_namespace(begin, options.namespace)
    if begin.salvor ~= salvor.version then
        table.insert(opened.origin.notes, "it was begun with Salvor " .. tostring(begin.salvor)
            .. ", this is " .. salvor.version)
    end
    check_clusters(opened, begin)
    return opened
end

--- The clients of the other places, as `k8s` is that of the target.
local function clients_elsewhere(opened, fields)
    local clients = {}
    for index, place in ipairs(opened.elsewhere) do
        clients[index] = client.wrap(place.connection, {
            performer = elsewhere.performer(fields.performer, place),
            run = fields.run,
            wait = elsewhere.waiting(fields.wait, place),
        })
    end
    return clients
end

--- context(session, {run, started, performer, facts, kit_entries, wait}) -> what steps are given
function session.context(opened, fields)
    return context.new({
        procedure = opened.procedure.id,
        site = opened.site,
        source = opened.origin.source,
        run = fields.run,
        started = fields.started,
        params = params_of(opened),
        unread = opened.unread,
        namespace = opened.connection.namespace,
        cluster = opened.cluster,
        performer = fields.performer,
        facts = fields.facts,
        kit_entries = fields.kit_entries,
        elsewhere = clients_elsewhere(opened, fields),
        wait = fields.wait,
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

--- What a destructive step destroys, as a text.
function session.loss(step, ctx)
    local loss = step.destructive
    if type(loss) == "function" then
        loss = loss(ctx)
    end
    if type(loss) ~= "string" then
        error(errors.new({code = "InvalidScript", message = "step '" .. step.id
            .. "': destructive must give a string, gave " .. type(loss)}), 0)
    end
    return loss
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
