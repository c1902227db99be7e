--- Plans a procedure: reads for real, asks about every write with dry run, changes nothing.
local effects = require("salvor.procedure.effects")
local errors = require("salvor.error")
local lock = require("salvor.procedure.lock")
local preflight = require("salvor.procedure.preflight")
local salvor = require("salvor")
local session = require("salvor.procedure.session")
local site = require("salvor.procedure.site")

local function has_problem(performed)
    for _, effect in ipairs(performed) do
        if effect.problems then
            return true
        end
    end
    return false
end

--- Whether the step would be done; its effects are listed meanwhile.
local function try_step(step, ctx)
    if not session.is_wanted(step, ctx) then
        return "not-needed"
    elseif step.done and step.done(ctx) then
        return "done"
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

--- plan(id, options, observer) -> {procedure, origin, opened, created, cluster, namespace,
--- kubeconfig, site, checks, failed, steps}; each step is {step, status = "planned", "done" or
--- "not-needed", effects, findings}. `failed`: a check failed, or an effect has problems. `lock`
--- says who works on the namespace (see salvor.procedure.lease). Changes nothing.
return function(id, options, observer)
    local opened = session.open(id, options)
    local ctx = session.context(opened, {
        run = "plan",
        started = session.now(),
        performer = effects.plan(),
        wait = observer.wait,
    })
    local plan = {
        procedure = opened.procedure,
        origin = opened.origin,
        opened = opened,
        created = session.now(),
        cluster = opened.cluster,
        namespace = ctx.namespace,
        kubeconfig = opened.target.kubeconfig,
        site = (site.identity(opened.site) or {}).file,
        steps = {},
    }
    observer.begin(opened)
    plan.lock = lock.is_needed(opened.procedure) and lock.holder(opened.connection) or nil
    if plan.lock then
        observer.locked(plan.lock)
    end
    plan.checks, plan.failed = preflight.run(opened.procedure, ctx, {}, observer.check)
    if plan.failed then
        return plan
    end
    for _, step in ipairs(opened.procedure.steps) do
        if not step.check then
            local planned = plan_step(step, ctx)
            plan.failed = plan.failed or has_problem(planned.effects)
            plan.steps[#plan.steps + 1] = planned
        end
    end
    return plan
end
