--- Plans a procedure: reads for real, asks about every write with dry run, changes nothing.
local dates = require("salvor.dates")
local effects = require("salvor.procedure.effects")
local elsewhere = require("salvor.procedure.elsewhere")
local errors = require("salvor.error")
local flow = require("salvor.procedure.flow")
local lock = require("salvor.procedure.lock")
local locks = require("salvor.procedure.locks")
local preflight = require("salvor.procedure.preflight")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local site = require("salvor.procedure.site")

local function has_problem(steps)
    for _, planned in ipairs(steps) do
        for _, effect in ipairs(planned.effects) do
            if effect.problems then
                return true
            end
        end
    end
    return false
end

--- What becomes of the step; its effects are listed meanwhile.
local function try_step(step, ctx)
    if not session.is_wanted(step, ctx) then
        return "not-needed"
    elseif step.done and step.done(ctx) then
        return "done"
    end
    if step.destructive then
        ctx:warn("this destroys " .. session.loss(step, ctx), "salvor run asks before")
    end
    step.run(ctx)
    return "planned"
end

local function plan_step(step, ctx)
    local performer = ctx.performer
    ctx.findings, performer.list, performer.step = salvor.list(), salvor.list(), step.id
    local ok, status = pcall(try_step, step, ctx)
    if not ok then
        local err = session.as_error(status, ctx)
        error(errors.new({
            code = err.code,
            message = "step " .. step.id .. " cannot be planned: "
                .. (err.op and err.op .. ": " or "") .. err.message,
            hint = (err.hint and err.hint .. "; " or "") .. "nothing was changed",
            cause = err,
        }), 0)
    end
    return {step = step, status = status, effects = performer.list, findings = ctx.findings}
end

local function left_out(step, why)
    return {step = step, status = "skipped", effects = salvor.list(), findings = salvor.list({
        {level = "warning", message = "left out by " .. why}})}
end

--- The steps up to the last one that is asked for; `tell` is called with each as it comes.
local function plan_steps(opened, ctx, wanted, tell)
    local steps = {}
    for _, step in ipairs(opened.procedure.steps) do
        local why = wanted:left_out(step)
        if not step.check then
            steps[#steps + 1] = why and left_out(step, why) or plan_step(step, ctx)
            tell(steps[#steps])
        end
        if wanted:ends_after(step) then
            break
        end
    end
    return steps
end

--- plan(id, options, observer) -> {procedure, origin, opened, created, cluster, namespace,
--- kubeconfig, site, flow, checks, failed, steps}; each step is {step, status = "planned", "done",
--- "not-needed" or "skipped", effects, findings}. `failed`: a check failed, or an effect has
--- problems. `lock` says who works on the namespace (see salvor.procedure.lease). options: those of
--- session.open; from, until, skip (ids of steps). The observer may have planned(step), which is
--- called with each of the steps as it comes. Changes nothing.
return function(id, options, observer)
    local opened = session.open(id, options)
    local wanted = flow.read(opened.procedure, options)
    local ctx = session.context(opened, {
        run = "plan",
        started = dates.text(),
        performer = effects.plan(),
        wait = observer.wait,
    })
    local plan = {
        procedure = opened.procedure,
        origin = opened.origin,
        opened = opened,
        created = dates.text(),
        cluster = opened.cluster,
        namespace = ctx.namespace,
        elsewhere = elsewhere.identities(opened.elsewhere),
        kubeconfig = opened.target.kubeconfig,
        site = (site.identity(opened.site) or {}).file,
        flow = wanted:asked(),
        steps = {},
    }
    observer.begin(opened)
    for _, found in ipairs(lock.is_needed(opened.procedure) and locks.holders(opened) or {}) do
        plan.lock = plan.lock or found.holder
        observer.locked(found.holder, found.place)
    end
    plan.checks, plan.failed = preflight.run(opened.procedure, ctx, {}, observer.check, wanted)
    if plan.failed then
        return plan
    end
    plan.steps = plan_steps(opened, ctx, wanted, observer.planned or function() end)
    plan.failed = has_problem(plan.steps)
    return plan
end
