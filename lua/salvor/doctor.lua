--- Looks at what a procedure will rely on, before it does: `salvor doctor`.
---
--- A check is {group, name, context, needs, asks, run}. `run()` gives a status, what was seen
--- and what to do about it; nil and an error object, or raising one, is an error. It begins when
--- the checks of the list `needs` have ended, and is skipped when one of those was an error. One
--- for which `asks()` is true may ask a person something, who is given time to answer; there is
--- never more than one of these at work.
---
--- A status is "ok", "warning", "error" or "skipped".
local catch = require("salvor.catch")
local condition = require("salvor.condition")
local task = require("salvor.task")

local doctor = {}

-- Seconds more than what a check gives its requests: their errors say more than ours.
local GRACE = 1

-- Seconds for somebody who is asked for a password, or to log in with a browser.
local PATIENCE = 180

local LONGER = "check the network, or give it longer with --timeout"

-- What to do about an error that does not say it itself, by its code.
local ADVICE = {
    Timeout = LONGER,
    Disconnected = "check that it is the right server, and what is between: proxy, firewall, VPN",
    Forbidden = "have that permission granted, or use other credentials",
    Invalid = "correct it, or name another one",
    InvalidScript = "correct the script",
    NotFound = "see that it is there, or name another one",
    Unauthorized = "renew the credentials, or use others",
    Usage = "correct it",
}

local function advice_for(err)
    if err.hint then
        return err.hint
    elseif err.status and err.status >= 500 then
        return "the server, or a proxy in front of it, is in trouble: look at its log"
    end
    return ADVICE[err.code] or err.status and "check that it is the server that is meant" or nil
end

local function because_of(err, seconds)
    if err.op == "task.timeout" then
        return string.format("no answer within %g s", seconds), LONGER
    end
    return err.message, advice_for(err)
end

local function carry_out(check, asks, timeout)
    local began = task.now()
    local seconds = asks and math.max(timeout, PATIENCE) or timeout
    local status, seen, advice = catch(task.timeout, seconds + GRACE, check.run)
    if not status then
        status, seen, advice = "error", because_of(seen, seconds)
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
--- seconds; progress(going_on) is called with the checks that have begun and not ended, whenever
--- one does either.
function doctor.run(checks, options)
    local results, has_begun, changed, asking = {}, {}, condition.new(), false
    local function report()
        local going_on = {}
        for _, check in ipairs(checks) do
            going_on[#going_on + 1] = has_begun[check] and not results[check] and check or nil
        end
        options.progress(going_on)
    end
    local function look(check)
        local asks = check.asks and check.asks() or false
        while asks and asking do
            changed:wait()
        end
        asking, has_begun[check] = asking or asks, true
        report()
        local result = carry_out(check, asks, options.timeout)
        asking = asking and not asks
        return result
    end
    task.map(checks, function(check)
        local because = await(check, results, changed)
        local result = because and skipped(because) or look(check)
        result.group, result.context, result.name = check.group, check.context, check.name
        results[check] = result
        changed:wake()
        report()
    end, {workers = #checks})
    local ordered = {}
    for number, check in ipairs(checks) do
        ordered[number] = results[check]
    end
    return ordered
end

return doctor
