--- One object that is waited for: what is wanted of it, how it was seen last, and whether that is
--- enough.
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")
local ready_rules = require("salvor.k8s.ready")
local status = require("salvor.k8s.status")
local task = require("salvor.task")

local target = {}
target.__index = target

--- A state rule (lua/salvor/k8s/ready.lua) from the functions that a script gives.
local function rule_of(ready, failed)
    return function(object)
        if failed then
            local has_failed, why = failed(object)
            if has_failed then
                return "failed", why
            end
        end
        local reason
        for _, test in ipairs(ready) do
            local is_ready
            is_ready, reason = test(object)
            if not is_ready then
                return "waiting", reason
            end
        end
        return "ready", reason
    end
end

local function predicate(rule, option, what)
    if type(rule) == "function" then
        return rule
    end
    local made = type(rule) == "string" and status.predicate(rule)
    if not made then
        error(string.format("%s: option '%s': '%s' is not a condition such as Ready=True", what,
            option, tostring(rule)), 0)
    end
    return made
end

--- wants(opts, what) -> {deleted, create, ready (a list of functions) or nil, failed, positive and
--- negative (in words), is_custom (no words tell what is ready)} of the options; misuse raises.
function target.wants(opts, what)
    local ready, failed = {}, opts.failed and predicate(opts.failed, "failed", what)
    for _, rule in ipairs(type(opts.ready) == "table" and opts.ready or {opts.ready}) do
        ready[#ready + 1] = predicate(rule, "ready", what)
    end
    if opts.deleted and (ready[1] or failed) then
        error(what .. ": option 'deleted' goes with neither 'ready' nor 'failed'", 0)
    elseif type(opts.ready) == "table" and not ready[1] then
        error(what .. ": option 'ready' is an empty list", 0)
    end
    local positive, negative = "to be ready", "is not ready"
    if opts.deleted then
        positive, negative = "to be gone", "is still there"
    elseif type(opts.ready) == "string" then
        positive, negative = "for " .. opts.ready, "does not meet " .. opts.ready
    end
    return {deleted = opts.deleted, create = opts.create, failed = failed,
            ready = ready[1] and ready, positive = opts.wanted or positive, negative = negative,
            is_custom = ready[1] ~= nil and type(opts.ready) ~= "string" and not opts.wanted}
end

--- The kind's own rule says what is ready where item.wants does not.
function target.new(item, name, namespace)
    local wants = item.wants
    local own = ready_rules.rule(item.resource)
    local ready = wants.ready or {function(object)
        local state, reason = own(object)
        return state == "ready", reason
    end}
    local rule = own
    if wants.ready or wants.failed then
        rule = rule_of(ready, wants.failed)
    end
    return setmetatable({
        item = item,
        words = item.resource.plural .. "/" .. name,
        resource = item.resource,
        name = name,
        namespace = namespace,
        wants = wants,
        rule = rule,
        state = "waiting",
        changed = task.now(),
        stall_told = false,
    }, target)
end

--- "pods/db-0"
function target:title()
    return self.words
end

function target:is_done()
    return self.state == "ready"
end

--- One line of what it says of itself.
function target:describe()
    return self.object and status.describe(self.object) or "it does not exist"
end

--- Why an object that is to go is still there.
local function held_by(object)
    if not fields.text(object, "metadata", "deletionTimestamp") then
        return "nobody has deleted it"
    end
    local names = {}
    for _, name in ipairs(fields.map(object, "metadata", "finalizers")) do
        names[#names + 1] = tostring(name)
    end
    return names[1] and "held by the finalizers " .. table.concat(names, ", ") or nil
end

function target:judge()
    if self.wants.deleted then
        self.reason = held_by(self.object)
        return
    end
    local reason
    self.state, reason = self.rule(self.object)
    self.reason = reason ~= nil and tostring(reason) or nil
end

--- Takes an event of it; true when something has moved.
function target:take(event)
    if event.type == "DELETED" then
        self.state = self.wants.deleted and "ready" or "lost"
        -- A server may tell of that without the last state.
        if event.object.status or not self.object then
            self.object = event.object
        end
        return true
    end
    self.object = event.object
    self:judge()
    local print = status.fingerprint(self.object)
    if print == self.print then
        return false
    end
    self.print, self.changed, self.stall_told, self.why = print, task.now(), false, nil
    return true
end

--- What is known of it in one line: its state, and the reason where that says more.
function target:last()
    local words = self:describe()
    local line = self.why and self.why.line
    local reason = self.reason and harmless(self.reason)
    if reason and not words:find(reason, 1, true) and not (line and line:find(reason, 1, true)) then
        words = words .. " (" .. reason .. ")"
    end
    return line and words .. "; " .. line or words
end

return target
