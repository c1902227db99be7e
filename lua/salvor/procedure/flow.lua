--- Which steps the operator wants done: --from, --until and --skip.
local permissions = require("salvor.procedure.permissions")
local usage = require("salvor.usage")

local flow = {}

local Flow = {}
Flow.__index = Flow

local function find(procedure, option, id)
    local ids = {}
    for number, step in ipairs(procedure.steps) do
        if step.id == id then
            return number, step
        end
        ids[number] = step.id
    end
    usage("--" .. option .. ": there is no step '" .. id .. "'",
        "its steps are: " .. table.concat(ids, ", "))
end

--- The number of a step that is no check: all checks come before the first step.
local function find_step(procedure, option, id)
    local number, step = find(procedure, option, id)
    if step.check then
        usage("--" .. option .. ": '" .. id .. "' is a check, and checks come before all steps",
            "--skip leaves a check out")
    end
    return number
end

--- read(procedure, {from, until, skip}) -> flow; raises Usage for what is no step.
function flow.read(procedure, wanted)
    local self = setmetatable({from = wanted.from, last = wanted["until"], skipped = {}}, Flow)
    local first = self.from and find_step(procedure, "from", self.from)
    local last = self.last and find_step(procedure, "until", self.last)
    if first and last and first > last then
        usage("--from " .. self.from .. " comes after --until " .. self.last)
    end
    self.reasons = {}
    for _, id in ipairs(wanted.skip or {}) do
        if id == permissions.CHECK then
            self.reasons[id] = "--skip"
        else
            find(procedure, "skip", id)
        end
        self.skipped[id] = true
    end
    for number, step in ipairs(procedure.steps) do
        if self.skipped[step.id] then
            self.reasons[step.id] = "--skip"
        elseif first and number < first and not step.check then
            self.reasons[step.id] = "--from " .. self.from
        end
    end
    return self
end

--- The option that leaves the step out; nil when it is wanted.
function Flow:left_out(step)
    return self.reasons[step.id]
end

--- Whether the run is to end after this step.
function Flow:ends_after(step)
    return step.id == self.last
end

--- What was asked for, for the journal: {from, until, skip}.
function Flow:asked()
    local skip = {}
    for id in pairs(self.skipped) do
        skip[#skip + 1] = id
    end
    table.sort(skip)
    return {from = self.from, ["until"] = self.last, skip = #skip > 0 and skip or nil}
end

--- add(asked, more) -> {from, until, skip}: what a resumed run is asked for. `from` stays what it
--- was, since what comes before it must not be done now either.
function flow.add(asked, more)
    local skip = table.move(asked.skip or {}, 1, #(asked.skip or {}), 1, {})
    table.move(more.skip or {}, 1, #(more.skip or {}), #skip + 1, skip)
    return {from = asked.from, ["until"] = more["until"] or asked["until"], skip = skip}
end

return flow
