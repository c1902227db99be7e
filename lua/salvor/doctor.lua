--- Looks at what a procedure will rely on, before it does: `salvor doctor`.
---
--- A check is {group, name, context, needs, asks, run}. `run()` gives a status, what was seen
--- and what to do about it; nil and an error object, or raising one, is an error. It begins when
--- the checks of the list `needs` have ended, and is skipped when one of those was an error. One
--- for which `asks()` is true may ask a person something, and has all the time.
---
--- A status is "ok", "warning", "error" or "skipped".
local condition = require("salvor.condition")
local errors = require("salvor.error")
local task = require("salvor.task")

local doctor = {}

-- Seconds more than what a check gives its requests: their errors say more than ours.
local GRACE = 1

local function because_of(err, timeout)
    if err.op == "task.timeout" then
        return string.format("no answer within %g s", timeout),
            "check the network, or give it longer with --timeout"
    end
    return err.message, err.hint
end

local function carry_out(check, timeout)
    local began = task.now()
    local ok, status, seen, advice
    if check.asks and check.asks() then
        ok, status, seen, advice = pcall(check.run)
    else
        ok, status, seen, advice = pcall(task.timeout, timeout + GRACE, check.run)
    end
    local err
    if not ok then
        err = status
    elseif not status then
        err = seen
    end
    if err and not errors.is(err) then
        error(err, 0)
    elseif err then
        status = "error"
        seen, advice = because_of(err, timeout)
    end
    return {status = status, seen = seen, advice = advice,
            milliseconds = math.floor((task.now() - began) * 1000)}
end

--- Waits for what a check needs; the name of the check whose error makes it meaningless, or nil.
local function await(check, results, changed)
    for _, needed in ipairs(check.needs or {}) do
        while not results[needed] do
            changed:wait()
        end
        local result = results[needed]
        if result.status == "error" or result.because then
            return result.because or needed.name
        end
    end
end

local function skipped(because)
    return {status = "skipped", because = because,
            seen = "not looked at, since '" .. because .. "' failed"}
end

--- run(checks, {timeout, progress}) -> results in the order of the checks: list of {group, context,
--- name, status, seen, advice, milliseconds}. All are done side by side, each within `timeout`
--- seconds; progress(waiting) is called with the checks that have not ended whenever one has.
function doctor.run(checks, options)
    local results, changed = {}, condition.new()
    local function report()
        local waiting = {}
        for _, check in ipairs(checks) do
            waiting[#waiting + 1] = not results[check] and check or nil
        end
        options.progress(waiting)
    end
    local work = {}
    for number, check in ipairs(checks) do
        work[number] = function()
            local because = await(check, results, changed)
            local result = because and skipped(because) or carry_out(check, options.timeout)
            result.group, result.context, result.name = check.group, check.context, check.name
            results[check] = result
            changed:wake()
            report()
        end
    end
    task.all(work)
    local ordered = {}
    for number, check in ipairs(checks) do
        ordered[number] = results[check]
    end
    return ordered
end

return doctor
