--- Plans, runs and resumes procedures.
--
-- Whoever calls gives an observer, a table of functions that show progress: begin(prepared, run id
-- or nil for a plan), check(result), step(step, status, findings), wait(what, progress),
-- interrupted(run id), and confirm(step, loss) -> boolean | nil, err.
local client = require("salvor.procedure.client")
local context = require("salvor.procedure.context")
local effects = require("salvor.procedure.effects")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local loader = require("salvor.procedure.loader")
local params = require("salvor.procedure.params")
local preflight = require("salvor.procedure.preflight")
local runs = require("salvor.procedure.runs")
local salvor = require("salvor")
local secret = require("salvor.secret")
local task = require("salvor.task")

local engine = {}

local function now()
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

--- Loads the procedure, checks the parameters, connects. options: params (texts by name), context,
--- kubeconfig, namespace.
local function prepare(id, options)
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

local function new_context(prepared, fields)
    return context.new({
        procedure = prepared.procedure.id,
        source = prepared.origin.source,
        run = fields.run,
        started = fields.started,
        params = prepared.params,
        namespace = prepared.connection.namespace,
        cluster = prepared.cluster,
        performer = fields.performer,
        facts = fields.facts,
        kit_entries = fields.kit_entries,
        k8s = client.wrap(prepared.connection, {
            performer = fields.performer,
            run = fields.run,
            wait = fields.wait,
        }),
    })
end

local function is_wanted(step, ctx)
    return not step.check and (not step.when or step.when(ctx))
end

local function as_error(err, ctx)
    if errors.is(err) then
        return err
    end
    return errors.new({code = "InvalidScript",
                       message = loader.located(ctx.source, tostring(err))})
end

local function plan_step(step, ctx)
    local ok, err = pcall(step.run, ctx)
    if not ok then
        err = as_error(err, ctx)
        error(errors.new({
            code = err.code,
            message = "step " .. step.id .. " cannot be planned: "
                .. (err.op and err.op .. ": " or "") .. err.message,
            hint = (err.hint and err.hint .. "; " or "") .. "nothing was changed",
            cause = err,
        }), 0)
    end
end

--- plan(id, options, observer) -> {procedure, origin, cluster, checks, failed, steps}; each step is
--- {step, status = "planned", "done" or "not-needed", effects, findings}. Changes nothing.
function engine.plan(id, options, observer)
    local prepared = prepare(id, options)
    local performer = effects.plan()
    local ctx = new_context(prepared, {
        run = "plan",
        started = now(),
        performer = performer,
        wait = observer.wait,
    })
    local plan = {
        procedure = prepared.procedure,
        origin = prepared.origin,
        cluster = prepared.cluster,
        namespace = ctx.namespace,
        steps = {},
    }
    observer.begin(prepared)
    plan.checks, plan.failed = preflight.run(prepared.procedure, ctx, {}, observer.check)
    if plan.failed then
        return plan
    end
    for _, step in ipairs(prepared.procedure.steps) do
        if not step.check then
            local planned = {step = step, status = "not-needed"}
            ctx.findings, performer.list = salvor.list(), salvor.list()
            performer.step = step.id
            if is_wanted(step, ctx) then
                planned.status = "done"
                if not step.done or not step.done(ctx) then
                    planned.status = "planned"
                    plan_step(step, ctx)
                end
            end
            planned.effects, planned.findings = performer.list, ctx.findings
            plan.steps[#plan.steps + 1] = planned
        end
    end
    return plan
end

local function run_step(step, ctx)
    if not step.timeout then
        return step.run(ctx)
    end
    local finished, err = task.timeout(step.timeout, function()
        step.run(ctx)
        return true
    end)
    if not finished then
        error(err, 0)
    end
end

--- Runs the step, again after a passing failure as often as it says.
local function try_step(step, ctx)
    local left = step.retry or 0
    while true do
        local ok, err = pcall(run_step, step, ctx)
        if ok then
            return
        elseif left == 0 or not errors.is(err) or not err.retryable then
            error(err, 0)
        end
        left = left - 1
        ctx:note("tried again after: " .. err.message)
    end
end

--- The end of a run that did not get through: what failed, and how to go on.
local function stopped(run, step, err, ctx)
    err = as_error(err, ctx)
    return errors.new({
        code = "Stopped",
        message = "stopped at step " .. step.id .. ": "
            .. (err.op and err.op .. ": " or "") .. err.message,
        hint = (err.hint and err.hint .. "; then " or "") .. "go on with: salvor run --resume "
            .. run.id,
        cause = err,
    })
end

local function perform_step(run, step, ctx, observer)
    ctx.findings, ctx.performer.step = salvor.list(), step.id
    run.journal:append({type = "step.begin", step = step.id})
    observer.step(step, "begin")
    local ok, err = pcall(try_step, step, ctx)
    if ok and step.verify and not step.verify(ctx) then
        ok, err = false, errors.new({code = "Failed", message = "what it did cannot be verified"})
    end
    if not ok then
        ctx:discard_kits()
        -- A journal that cannot be written may be the very reason, which is what counts.
        pcall(run.journal.append, run.journal,
            {type = "step.failed", step = step.id,
             message = secret.mask(as_error(err, ctx).message)})
        observer.step(step, "failed", ctx.findings)
        error(err, 0)
    end
    run.journal:append({type = "step.end", step = step.id, facts = ctx.facts,
                        findings = ctx.findings})
    observer.step(step, "done", ctx.findings)
end

--- Whether a step that an earlier attempt finished still holds.
local function still_holds(step, ctx)
    return not step.verify or step.verify(ctx)
end

local function advance(run, step, ctx, finished, observer)
    if not is_wanted(step, ctx) then
        return
    elseif finished[step.id] and still_holds(step, ctx) then
        observer.step(step, "verified")
    elseif step.done and step.done(ctx) then
        run.journal:append({type = "step.end", step = step.id, already = true, facts = ctx.facts})
        observer.step(step, "already")
    else
        perform_step(run, step, ctx, observer)
    end
end

--- Whatever goes wrong from here on, the run can be resumed.
local function perform_steps(run, procedure, ctx, finished, observer)
    for _, step in ipairs(procedure.steps) do
        local ok, err = pcall(advance, run, step, ctx, finished, observer)
        if not ok then
            error(stopped(run, step, err, ctx), 0)
        end
    end
end

--- Asks for a yes to each destructive step that is still to come.
local function confirm_all(run, procedure, ctx, finished, observer)
    for _, step in ipairs(procedure.steps) do
        if step.destructive and not finished[step.id] and is_wanted(step, ctx) then
            local loss = step.destructive
            if type(loss) == "function" then
                loss = loss(ctx)
            end
            local yes, err = observer.confirm(step, loss)
            run.journal:append({type = "confirm", step = step.id, loss = loss, yes = yes or false,
                                user = os.getenv("USER")})
            if not yes then
                error(err or errors.new({code = "Refused",
                                         message = "the operator said no; nothing was changed"}), 0)
            end
        end
    end
end

--- To be closed: what is told when Ctrl-C or SIGTERM unwinds a run.
local function on_interrupt(run, observer)
    return setmetatable({}, {__close = function(_, err)
        if errors.is(err, "Cancelled") then
            run.journal:append({type = "run.interrupted"})
            observer.interrupted(run.id)
        end
    end})
end

local function carry_out(run, prepared, ctx, finished, observer)
    local told <close> = on_interrupt(run, observer) -- luacheck: ignore 211
    local results, failed = preflight.run(prepared.procedure, ctx, finished, function(result)
        observer.check(result)
        run.journal:append({type = "check", step = result.step.id, status = result.status,
                            findings = result.findings, facts = ctx.facts})
    end)
    if failed then
        run.journal:append({type = "run.end", status = "preflight"})
        return {status = "preflight", run = run.id, checks = results}
    end
    confirm_all(run, prepared.procedure, ctx, finished, observer)
    perform_steps(run, prepared.procedure, ctx, finished, observer)
    run.journal:append({type = "run.end", status = "done"})
    return {
        status = "done",
        run = run.id,
        folder = run.folder,
        next = prepared.procedure.next and prepared.procedure.next(ctx) or {},
    }
end

--- What a resumed run needs to be given the same parameters: their texts, paths from the root.
local function params_to_keep(prepared, texts)
    local kept = {}
    for _, declaration in ipairs(prepared.procedure.params) do
        local name = declaration.name
        if declaration.type == "path" then
            kept[name] = prepared.params[name]
        elseif declaration.type ~= "secret" then
            kept[name] = texts[name]
        end
    end
    return kept
end

--- run(id, options, observer) -> {status = "done", run, folder, next} or {status = "preflight",
--- run, checks}; raises Stopped when it can be resumed, Refused, and what prevents the start.
function engine.run(id, options, observer)
    local prepared = prepare(id, options)
    local run = runs.create()
    local held <close> = run.lock -- luacheck: ignore 211
    local started = now()
    run.journal:append({
        type = "run.begin",
        run = run.id,
        procedure = id,
        script = prepared.origin,
        salvor = salvor.version,
        params = params_to_keep(prepared, options.params or {}),
        context = prepared.connection.context,
        kubeconfig = options.kubeconfig and fs.absolute(options.kubeconfig),
        namespace = prepared.connection.namespace,
        cluster = prepared.cluster,
        user = os.getenv("USER"),
        started = started,
    })
    observer.begin(prepared, run.id)
    local ctx = new_context(prepared, {
        run = run.id,
        started = started,
        performer = effects.run(run.journal),
        wait = observer.wait,
    })
    return carry_out(run, prepared, ctx, {}, observer)
end

--- What the journal says: the facts, the kit's files, and the steps and checks that are finished.
local function replay(records)
    local facts, entries, finished = {}, {}, {}
    for _, record in ipairs(records) do
        if record.type == "step.begin" then
            finished[record.step] = nil
        elseif record.type == "step.end" or (record.type == "check" and record.status == "ok") then
            finished[record.step] = true
            facts = record.facts or facts
        elseif record.type == "effect.end" and record.result and record.result.kit_file then
            entries[record.result.kit_file] = record.result.entry
        end
    end
    return facts, entries, finished
end

local function refuse_resume(message, hint)
    error(errors.new({code = "Conflict", op = "resume", message = message, hint = hint}), 0)
end

local function is_same_cluster(one, other)
    if one.uid and other.uid then
        return one.uid == other.uid
    end
    return one.server == other.server
end

--- resume(run id, options, observer): as run(). Finished steps are verified and left out, the one
--- in flight is finished. options: as for run; only secret parameters need to be given again.
function engine.resume(run_id, options, observer)
    local run = runs.open(run_id)
    local held <close> = run.lock -- luacheck: ignore 211
    local begin = run.records[1]
    if not begin or begin.type ~= "run.begin" then
        refuse_resume("run " .. run_id .. " ended before it did anything", "start a new run")
    end
    local texts = begin.params
    for name, text in pairs(options.params or {}) do
        texts[name] = text
    end
    local prepared = prepare(begin.procedure, {
        params = texts,
        context = options.context or begin.context,
        kubeconfig = options.kubeconfig or begin.kubeconfig,
        namespace = options.namespace or begin.namespace,
    })
    if prepared.origin.sha256 ~= begin.script.sha256 then
        refuse_resume("the script has changed since run " .. run_id .. " began",
            "start a new run, or put the old script back")
    elseif not is_same_cluster(prepared.cluster, begin.cluster) then
        refuse_resume("this is another cluster than the one run " .. run_id .. " began on",
            "name its context with --context")
    end
    local facts, entries, finished = replay(run.records)
    run.journal:append({type = "run.resume", user = os.getenv("USER")})
    observer.begin(prepared, run.id)
    local ctx = new_context(prepared, {
        run = run.id,
        started = begin.started,
        performer = effects.run(run.journal),
        facts = facts,
        kit_entries = entries,
        wait = observer.wait,
    })
    return carry_out(run, prepared, ctx, finished, observer)
end

return engine
