--- The Lease that keeps two operators from working on one namespace at the same time.
--
-- The rules are those of client-go's leader election: whoever holds it renews it, and it may be
-- taken when its renewTime has not moved for as long as it lasts, by the clock of the one who
-- looks. Times of two machines are never compared. Each write names the resourceVersion that it was
-- decided on, so of two who take it at the same time one gets it.
local copy = require("salvor.copy")
local dig = require("salvor").dig
local errors = require("salvor.error")
local lease = require("salvor.procedure.lease")
local task = require("salvor.task")

local lock = {}

--- Seconds: how long the Lease lasts, between renewals, between tries of one that failed, between
--- looks at somebody else's, and the longest that is waited for one of those to run out.
lock.times = {duration = 30, renew = 10, retry = 2, look = 0.5, longest = 300}

local REQUEST = 10 -- seconds for one request
local RELEASE = 2 -- seconds; the operator may have pressed Ctrl-C and is waiting

local Lock = {}
Lock.__index = Lock

--- holder(connection) -> {identity, who, run, procedure, since} of whoever holds the lock of the
--- connection's namespace; nil when nobody does, or when that cannot be told.
function lock.holder(connection)
    return lease.holder(connection:get(lease.KIND, lease.NAME))
end

--- Whether a procedure needs the lock: only one that changes nothing does not.
function lock.is_needed(procedure)
    for _, category in ipairs(procedure.categories) do
        if category == "check" then
            return false
        end
    end
    return true
end

-- Taking it

local function refused(self, err)
    local hint = err.hint
    if err.code == "Forbidden" then
        hint = "it takes get, create, update and delete of leases.coordination.k8s.io"
    elseif err.code == "NotFound" then
        hint = "the namespace has to exist; the target's is named with -n"
    end
    error(errors.new({
        code = err.code,
        op = "lock",
        message = "the lock of " .. self.place .. " cannot be taken: " .. err.message,
        hint = (hint and hint .. "; " or "") .. "nothing was changed",
        cause = err,
    }), 0)
end

local function held(self, holder, hint)
    error(errors.new({
        code = "Conflict",
        op = "lock",
        message = "somebody works on " .. self.place .. " already: "
            .. lease.describe(holder),
        hint = hint or "wait for that run to end; when it is certain that it is not at work any"
            .. " more, --break-lock takes the lock from it; nothing was changed",
    }), 0)
end

--- Whether the Lease has stood still for as long as it lasts, since `seen` was first looked at;
--- raises as soon as it moves.
local function has_expired(self, found, holder, seen)
    local state, lasts = lease.state(found), lease.duration(found) or lock.times.duration
    seen.state, seen.since = seen.state or state, seen.since or task.now()
    local still = task.now() - seen.since
    if state ~= seen.state then
        held(self, holder)
    elseif lasts > lock.times.longest then
        held(self, holder, string.format("it lasts %d s, which is too long to wait for; when it is"
            .. " certain that nobody is at work, --break-lock takes it; nothing was changed",
            lasts))
    elseif still >= lasts then
        return true
    end
    self.wait("lock of " .. self.place, {
        state = string.format("held by %s; free when not renewed for %d s", lease.describe(holder),
            lasts),
        elapsed = still,
    })
    return false
end

--- Why somebody's Lease may be taken; nil when it may not.
local function reason_to_take(self, found, holder, seen)
    if not holder then
        return "free"
    elseif holder.run == self.run then
        return "own"
    elseif self.force then
        return "broken"
    end
    return has_expired(self, found, holder, seen) and "expired" or nil
end

--- Makes the Lease that was found ours, or a new one.
local function put(self, found)
    local mine = lease.taken(found, {identity = self.identity, run = self.run,
                                     procedure = self.procedure, duration = lock.times.duration})
    return self.connection[found and "replace" or "create"](self.connection, mine,
        {timeout = REQUEST})
end

--- Whether somebody else was at it at the same moment, so that it has to be looked at again.
local function was_overtaken(found, err)
    return err.code == "Conflict" or err.code == "AlreadyExists"
        or (found and err.code == "NotFound")
end

--- Returns how it was taken and from whom.
local function take(self)
    local seen = {}
    while true do
        local began, wall = task.now(), os.time()
        local found, err = self.connection:get(lease.KIND, lease.NAME, {timeout = REQUEST})
        local holder, how, taken = lease.holder(found), "free", nil
        if found then
            how = reason_to_take(self, found, holder, seen)
        end
        if how and (found or err.code == "NotFound") then
            taken, err = put(self, found)
        end
        if taken then
            self.renewed, self.renewed_wall = began, wall
            return how, holder
        elseif err and not was_overtaken(found, err) then
            refused(self, err)
        elseif err then
            seen = {}
        end
        task.sleep(lock.times.look)
    end
end

--- acquire(connection, options) -> lock, to be kept in a `<close>` variable, which gives it back.
--- options: place (what it is the lock of, in words), run (its id), procedure (its id), force,
--- journal, wait(what, progress). Raises Conflict when somebody else holds it, and what prevents
--- it.
function lock.acquire(connection, options)
    local self = setmetatable({
        connection = connection,
        place = options.place,
        run = options.run,
        procedure = options.procedure,
        force = options.force,
        journal = options.journal,
        wait = options.wait,
        identity = lease.identity(options.run),
    }, Lock)
    self.how, self.previous = take(self)
    local ok, err = pcall(self.journal.append, self.journal, {
        type = "lock.acquired",
        place = self.place,
        holder = self.identity,
        how = self.how,
        from = self.previous and self.previous.identity or nil,
    })
    if not ok then
        self:__close()
        error(err, 0)
    end
    return self
end

-- Keeping it

--- Seconds since the Lease was certainly ours. That a machine slept is told by its calendar alone,
--- which knows whole seconds.
local function age(self)
    return math.max(task.now() - self.renewed, os.time() - self.renewed_wall - 1)
end

local function lost(self, problem)
    self.lost = errors.new({code = "Conflict", op = "lock",
                            message = "the lock of " .. self.place .. " was lost: " .. problem})
    -- A journal that cannot be written is no reason to go on without the lock.
    pcall(self.journal.append, self.journal, {type = "lock.lost", message = problem})
    error(self.lost, 0)
end

--- true | nil, err; raises when somebody has taken it.
local function renew(self)
    local left = lock.times.duration - (task.now() - self.renewed)
    local began, wall, holder = task.now(), os.time(), nil
    local renewed, err = self.connection:update(lease.KIND, lease.NAME, function(found)
        holder = lease.holder(found)
        if not holder or holder.identity ~= self.identity then
            return nil, errors.new({code = "Conflict", message = "it is not ours any more"})
        end
        found.spec.renewTime = lease.microtime()
    end, {timeout = math.min(REQUEST, math.max(left, 1))})
    if renewed then
        self.renewed, self.renewed_wall = began, wall
        return true
    elseif err.code == "NotFound" and dig(err, "details", "name") == lease.NAME then
        lost(self, "somebody has deleted its Lease")
    elseif err.code == "Conflict" and not (holder and holder.identity == self.identity) then
        lost(self, holder and "it was taken by " .. lease.describe(holder)
            or "somebody has taken it away")
    end
    return nil, err
end

--- Renews it until the task ends; raises, `self.lost` being what, when it is not ours any more.
function Lock:keep()
    local pause = lock.times.renew
    while true do
        task.sleep(pause)
        local ok, err = renew(self)
        if ok then
            pause = lock.times.renew
        elseif age(self) >= lock.times.duration then
            lost(self, string.format("it could not be renewed for %d s: %s",
                math.floor(age(self)), err.message))
        else
            pause = math.min(lock.times.retry, lock.times.duration - age(self))
        end
    end
end

--- Waits until the lock is certainly ours: after a pause of the whole process others may have it,
--- which keep() finds out.
function Lock:ensure()
    while age(self) >= lock.times.duration do
        task.sleep(0.05)
    end
end

-- Giving it back

local function delete(self)
    local deadline = task.now() + RELEASE
    local function left()
        return {timeout = math.max(deadline - task.now(), 0.1)}
    end
    while true do
        local found, err = self.connection:get(lease.KIND, lease.NAME, left())
        local holder = lease.holder(found)
        if not found then
            return err.code == "NotFound", err
        elseif not holder or holder.identity ~= self.identity then
            return true
        end
        local metadata = found.metadata
        local gone, problem = self.connection:delete(lease.KIND, lease.NAME, copy.merge(left(), {
            preconditions = {uid = metadata.uid, resourceVersion = metadata.resourceVersion},
        }))
        if gone or problem.code ~= "Conflict" or task.now() > deadline then
            return gone, problem
        end
    end
end

--- What cannot be given back runs out by itself.
function Lock:__close()
    if self.lost then
        return
    end
    local ok, gone, err = pcall(delete, self)
    local problem = not ok and tostring(gone) or not gone and err.message or nil
    -- A journal that cannot be written may be why the run ends.
    pcall(self.journal.append, self.journal, {type = "lock.released", problem = problem})
end

return lock
