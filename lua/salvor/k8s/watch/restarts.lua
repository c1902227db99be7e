--- When a watch may start anew after a failure, and when it is to be given up.
local task = require("salvor.task")

local MAX_PAUSE = 30
local MAX_STARTS = 10 -- of a watch that has not had any answer yet
local LASTING = 2 -- seconds; what is cut now and then is mostly there again by then

local restarts = {}
restarts.__index = restarts

--- least: the seconds between two starts.
function restarts.new(least)
    return setmetatable({
        least = least,
        is_established = false, -- there has been an answer
        failures = 0, -- since the last answer
        pause = 0, -- seconds, from the last failure on
    }, restarts)
end

--- A start is made now.
function restarts:begin()
    self.started = task.now()
end

--- The last start does not count: the next one may come at once.
function restarts:forgive()
    self.started = nil
end

--- There is an answer, which may have nothing to tell yet.
function restarts:answered()
    self.lost = nil
end

--- The error by which the server was lost, when that has lasted for a while.
function restarts:trouble()
    return self.lost and task.now() - self.lost.at >= LASTING and self.lost.err or nil
end

--- The server is there and tells something.
function restarts:progress()
    self.is_established = true
    self.pause, self.failures = 0, 0
end

function restarts:fail(err)
    if self.started and task.now() - self.started > MAX_PAUSE then
        self.pause = 0
    end
    self.failures = self.failures + 1
    self.failed_at = task.now()
    self.lost = self.lost or {at = self.failed_at, err = err}
    self.pause = math.max(err.retry_after or 0, math.min(math.max(2 * self.pause, 1), MAX_PAUSE))
end

local transient_codes = {Disconnected = true, Unreachable = true, Timeout = true}

--- Until the first answer only what a single call would repeat, and as often: what is wrong from
--- the beginning is better said.
function restarts:may_go_on(err, is_start, deadline)
    if self.is_established then
        if err.status then
            return err.status == 429 or err.status >= 500
        end
        return transient_codes[err.code] or false
    elseif not is_start or self.failures >= MAX_STARTS
        or (deadline and task.now() >= deadline) then
        return false
    end
    return err.code == "Disconnected" or err.code == "Timeout"
        or ((err.status == 429 or (err.status or 0) >= 500) and err.retry_after ~= nil)
end

--- Sleeps until a new start is due; false when `deadline` comes first.
function restarts:rest(deadline)
    local due = (self.started or -self.least) + self.least
    if self.pause > 0 then
        -- From the failure on, however often somebody looks in between.
        due = math.max(due, self.failed_at + self.pause)
    end
    local now = task.now()
    if deadline and due > deadline then
        task.sleep(math.max(deadline - now, 0))
        return false
    end
    if due > now then
        task.sleep(due - now)
    end
    return true
end

return restarts
