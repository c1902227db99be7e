--- Runs the checks of a procedure: all of them, so that every failing one is reported.
local errors = require("salvor.error")
local list = require("salvor").list
local loader = require("salvor.procedure.loader")

local preflight = {}

local function has_problem(findings)
    for _, finding in ipairs(findings) do
        if finding.level == "problem" then
            return true
        end
    end
end

local function failed_need(step, failed)
    for _, needed in ipairs(step.needs or {}) do
        if failed[needed] then
            return needed
        end
    end
end

--- One check: its findings. An error object that it raises is a problem like any other; any other
--- error is a fault of the script and ends everything.
local function run_check(step, ctx)
    ctx.findings = list()
    local ok, err = pcall(step.run, ctx)
    if not ok and not errors.is(err) then
        error(errors.new({
            code = "InvalidScript",
            message = "check '" .. step.id .. "': " .. loader.located(ctx.source, tostring(err)),
            hint = "nothing was changed",
        }), 0)
    elseif not ok then
        ctx:problem((err.op and err.op .. ": " or "") .. err.message, err.code == "Forbidden"
            and "salvor show " .. ctx.procedure .. " lists the permissions that are needed"
            or err.hint)
    end
    return ctx.findings
end

--- run(procedure, ctx, passed, report) -> results, failed: a list of {step, status, findings} with
--- status "ok", "failed" or "skipped", and whether any failed. Checks in the set `passed` (ids) are
--- left out; `report` is called with each result as it comes. `left_out(step)`, if given, says
--- which option of the operator's leaves a check out; what needs that one is done all the same.
function preflight.run(procedure, ctx, passed, report, left_out)
    local results, failed = {}, {}
    for _, step in ipairs(procedure.steps) do
        if step.check and not passed[step.id] then
            local need = failed_need(step, failed)
            local result = {step = step, status = "skipped", findings = list()}
            local why = left_out and left_out(step)
            if why then
                result.findings[1] = {level = "warning", message = "left out by " .. why}
            elseif need then
                result.needs = need
            elseif not step.when or step.when(ctx) then
                result.findings = run_check(step, ctx)
                result.status = has_problem(result.findings) and "failed" or "ok"
            end
            if need and not why or result.status == "failed" then
                failed[step.id] = true
            end
            results[#results + 1] = result
            report(result)
        end
    end
    return results, next(failed) ~= nil
end

return preflight
