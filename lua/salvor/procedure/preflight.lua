--- Runs the checks of a procedure: all of them, so that every failing one is reported.
local access = require("salvor.procedure.access")
local errors = require("salvor.error")
local list = require("salvor").list
local loader = require("salvor.procedure.loader")
local permissions = require("salvor.procedure.permissions")

local preflight = {}

local function has_problem(findings)
    for _, finding in ipairs(findings) do
        if finding.level == "problem" then
            return true
        end
    end
end

--- The check whose failure makes this one meaningless, maybe by way of others.
local function failed_need(step, failed)
    for _, needed in ipairs(step.needs or {}) do
        if failed[needed] then
            return failed[needed]
        end
    end
end

--- Does a check; false: it is not wanted.
local function carry_out(step, ctx)
    if step.when and not step.when(ctx) then
        return false
    end
    step.run(ctx)
    return true
end

--- One check: its status and findings; nil when it could not be done since permissions are missing,
--- which is reported already. An error object that it raises is a problem like any other; any other
--- error is a fault of the script and ends everything.
local function run_check(step, ctx, failed)
    ctx.findings, ctx.performer.step = list(), step.id
    local ok, err = pcall(carry_out, step, ctx)
    if ok and not err then
        return "skipped", list()
    elseif not ok and (not errors.is(err) or err.code == "InvalidScript") then
        error(errors.new({
            code = "InvalidScript",
            message = "check '" .. step.id .. "': "
                .. (errors.is(err) and err.message or loader.located(ctx.source, tostring(err))),
            hint = errors.is(err) and err.hint or "nothing was changed",
        }), 0)
    elseif not ok and err.code == "Forbidden" and failed[permissions.CHECK] then
        return nil
    elseif not ok then
        ctx:problem((err.op and err.op .. ": " or "") .. err.message, err.code == "Forbidden"
            and "the procedure's permissions do not list it; salvor show " .. ctx.procedure
            .. " shows them" or err.hint)
    end
    return has_problem(ctx.findings) and "failed" or "ok", ctx.findings
end

--- The result of one check.
local function result_of(step, ctx, failed, why_left_out)
    local result = {step = step, status = "skipped", findings = list()}
    if why_left_out then
        result.findings[1] = {level = "warning", message = "left out by " .. why_left_out}
        return result
    end
    result.needs = failed_need(step, failed)
    if not result.needs then
        local status, findings = run_check(step, ctx, failed)
        result.status, result.findings = status or result.status, findings or result.findings
        result.needs = not status and permissions.CHECK or nil
    end
    return result
end

--- The check of permissions is first, and never passed: whoever resumes may be somebody else.
local function checks_of(procedure, ctx, passed)
    local checks = {access.check(procedure, ctx.params, ctx.namespace)}
    for _, step in ipairs(procedure.steps) do
        if step.check and not passed[step.id] then
            checks[#checks + 1] = step
        end
    end
    return checks
end

--- run(procedure, ctx, passed, report) -> results, failed: a list of {step, status, findings} with
--- status "ok", "failed" or "skipped", and whether any failed. Checks in the set `passed` (ids) are
--- left out; `report` is called with each result as it comes. `flow` says which ones the
--- operator leaves out (see salvor.procedure.flow); what needs such a one is done all the same.
function preflight.run(procedure, ctx, passed, report, flow)
    local results, failed = {}, {}
    for number, step in ipairs(checks_of(procedure, ctx, passed)) do
        local result = result_of(step, ctx, failed, flow:left_out(step))
        if result.needs or result.status == "failed" then
            failed[step.id] = result.needs or step.id
        end
        results[number] = result
        report(result)
    end
    return results, next(failed) ~= nil
end

return preflight
