--- Runs and resumes procedures, with a journal.
local document = require("salvor.procedure.plan_document")
local effects = require("salvor.procedure.effects")
local errors = require("salvor.error")
local evidence = require("salvor.procedure.evidence")
local fs = require("salvor.fs")
local preflight = require("salvor.procedure.preflight")
local runs = require("salvor.procedure.runs")
local salvor = require("salvor")
local secret = require("salvor.secret")
local session = require("salvor.procedure.session")
local task = require("salvor.task")

local runner = {}

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
    err = session.as_error(err, ctx)
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
             message = secret.mask(session.as_error(err, ctx).message)})
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
    if not session.is_wanted(step, ctx) then
        return
    elseif finished[step.id] and still_holds(step, ctx) then
        observer.step(step, step.verify and "verified" or "before")
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
        if step.destructive and not finished[step.id] and session.is_wanted(step, ctx) then
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

local function carry_out(run, opened, ctx, finished, observer)
    local told <close> = on_interrupt(run, observer) -- luacheck: ignore 211
    local results, failed = preflight.run(opened.procedure, ctx, finished, function(result)
        observer.check(result)
        run.journal:append({type = "check", step = result.step.id, status = result.status,
                            findings = result.findings, facts = ctx.facts})
    end)
    if failed then
        run.journal:append({type = "run.end", status = "preflight"})
        return {status = "preflight", run = run.id, checks = results}
    end
    confirm_all(run, opened.procedure, ctx, finished, observer)
    perform_steps(run, opened.procedure, ctx, finished, observer)
    run.journal:append({type = "run.end", status = "done"})
    return {
        status = "done",
        run = run.id,
        folder = run.folder,
        next = opened.procedure.next and opened.procedure.next(ctx) or {},
    }
end

--- run(id, options, observer) -> {status = "done", run, folder, next} or {status = "preflight",
--- run, checks}; raises Stopped when it can be resumed, Refused, and what prevents the start.
function runner.run(id, options, observer)
    local opened = session.open(id, options)
    local run = runs.create()
    run.journal.echo = observer.record
    local held <close> = run.lock -- luacheck: ignore 211
    local started = session.now()
    run.journal:append({
        type = "run.begin",
        run = run.id,
        procedure = id,
        title = opened.procedure.title,
        document = opened.procedure.document,
        steps = evidence.steps(opened.procedure),
        script = opened.origin,
        salvor = salvor.version,
        params = document.params(opened.procedure.params, opened.params),
        context = opened.connection.context,
        kubeconfig = options.kubeconfig and fs.absolute(options.kubeconfig),
        namespace = opened.connection.namespace,
        cluster = opened.cluster,
        user = os.getenv("USER"),
        started = started,
        plan = options.plan,
    })
    observer.begin(opened, run.id)
    local ctx = session.context(opened, {
        run = run.id,
        started = started,
        performer = effects.run(run.journal),
        wait = observer.wait,
    })
    return carry_out(run, opened, ctx, {}, observer)
end

--- What the journal says: the facts, the kit's files, and the steps and checks that are finished.
--- Before the first step nothing is: then the checks are all done anew.
local function replay(records)
    local facts, entries, finished, began = {}, {}, {}, false
    for _, record in ipairs(records) do
        began = began or record.type == "step.begin"
        if record.type == "step.begin" then
            finished[record.step] = nil
        elseif record.type == "step.end" or (record.type == "check" and record.status == "ok") then
            finished[record.step] = true
            facts = record.facts or facts
        elseif record.type == "effect.end" and record.result and record.result.kit_file then
            local result = record.result
            entries[result.kit] = entries[result.kit] or {}
            entries[result.kit][result.kit_file] = result.entry
        end
    end
    if not began then
        return {}, {}, {}
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
function runner.resume(run_id, options, observer)
    local run = runs.open(run_id)
    run.journal.echo = observer.record
    local held <close> = run.lock -- luacheck: ignore 211
    local begin = run.records[1]
    if not begin or begin.type ~= "run.begin" then
        refuse_resume("run " .. run_id .. " ended before it did anything", "start a new run")
    end
    local texts = begin.params
    for name, text in pairs(options.params or {}) do
        texts[name] = text
    end
    local opened = session.open(begin.procedure, {
        params = texts,
        context = options.context or begin.context,
        kubeconfig = options.kubeconfig or begin.kubeconfig,
        namespace = options.namespace or begin.namespace,
    })
    if opened.origin.sha256 ~= begin.script.sha256 then
        refuse_resume("the script has changed since run " .. run_id .. " began",
            "start a new run, or put the old script back")
    elseif not is_same_cluster(opened.cluster, begin.cluster) then
        refuse_resume("this is another cluster than the one run " .. run_id .. " began on",
            "name its context with --context")
    end
    local facts, entries, finished = replay(run.records)
    run.journal:append({type = "run.resume", user = os.getenv("USER")})
    observer.begin(opened, run.id)
    local ctx = session.context(opened, {
        run = run.id,
        started = begin.started,
        performer = effects.run(run.journal),
        facts = facts,
        kit_entries = entries,
        wait = observer.wait,
    })
    return carry_out(run, opened, ctx, finished, observer)
end

return runner
