--- What changes the world goes through here: a plan lists it, a run journals and does it.
--
-- An effect is a table:
--
--   verb, target      text for people
--   preview()         -> result, changes, more: asks, but changes nothing; `more` are fields that
--                     the plan shows besides
--   run()             -> result
--   summary(result)   -> what the journal keeps of it, never a secret
--   changes(result)   -> what it has changed, as preview's, and how many more; for the journal
--   object            what is written to, see salvor.procedure.written; for the journal
--   class, wanted, timeout    see salvor.procedure.plan_summary and salvor.procedure.waits
--
-- preview and run return nil, err or raise, like any call.
local copy = require("salvor.copy")
local errors = require("salvor.error")
local guard = require("salvor.guard")
local text = require("salvor.procedure.text")

local effects = {}

--- What an effect says of itself.
local function described(effect)
    local plain = {}
    for name, value in pairs(effect) do
        plain[name] = type(value) ~= "function" and value or nil
    end
    return plain
end

local Plan = {}
Plan.__index = Plan

function Plan:perform(effect)
    local result, changes, more = effect.preview()
    if result == nil then
        error(changes, 0)
    end
    table.insert(self.list, copy.merge(described(effect), more,
        {step = self.step, changes = changes}))
    return result
end

--- plan() -> performer whose `list` collects {step, verb, target, changes, ...}; `planned` is what
--- the plan leaves of each cluster (salvor.procedure.planned), by its server.
function effects.plan()
    return setmetatable({planning = true, list = {}, planned = {}}, Plan)
end

local Run = {}
Run.__index = Run

--- The effect's result; what it raises or returns as an error is journaled and raised. What came of
--- an effect that failed, only the server knows: it may have been the answer that was lost.
local function carry_out(self, effect, begun)
    local ok, result = pcall(function()
        return must(effect.run())
    end)
    if ok then
        return result
    end
    -- A journal that cannot be written is less than what has just failed.
    pcall(self.journal.append, self.journal, {
        type = "effect.failed",
        step = self.step,
        effect = begun.number,
        message = text.plain(errors.is(result) and result.message or tostring(result)),
    })
    error(result, 0)
end

function Run:perform(effect)
    must(guard.check({verb = effect.verb, target = effect.target}))
    self.ensure()
    local begun = self.journal:append({
        type = "effect.begin",
        step = self.step,
        verb = effect.verb,
        target = text.plain(effect.target),
        object = effect.object,
    })
    local result = carry_out(self, effect, begun)
    local changes, more
    if effect.changes then
        changes, more = effect.changes(result)
    end
    self.journal:append({
        type = "effect.end",
        step = self.step,
        effect = begun.number,
        result = effect.summary and effect.summary(result) or nil,
        changes = changes,
        more_changes = more,
    })
    return result
end

--- Journals how long is waited, for what, and each time that the API server cannot be asked
--- meanwhile; `wait` as salvor.procedure.waits describes it, and fn(note) as client:wait, which
--- calls note(progress).
function Run:await(wait, fn)
    local begun = self.journal:append({
        type = "wait.begin",
        step = self.step,
        target = text.plain(wait.target),
        wanted = wait.wanted,
        timeout = wait.timeout,
    })
    local had_trouble = false
    local result, err = fn(function(progress)
        local trouble = progress.trouble
        if trouble and not had_trouble then
            self.journal:append({
                type = "wait.trouble",
                step = self.step,
                wait = begun.number,
                message = text.plain(trouble.message),
            })
        end
        had_trouble = trouble ~= nil
    end)
    self.journal:append({
        type = "wait.end",
        step = self.step,
        wait = begun.number,
        ok = result ~= nil,
        message = result == nil and text.plain(err.message) or nil,
    })
    return result, err
end

local function nothing() end

--- run(journal) -> performer. Its field `ensure` is called before each effect, and raises or waits
--- when this is not the time for one.
function effects.run(journal)
    return setmetatable({planning = false, journal = journal, ensure = nothing}, Run)
end

return effects
