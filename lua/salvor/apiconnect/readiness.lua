--- How ready an API Connect v10 is for a disaster: a score, which is full when nothing is missing,
--- and the gaps that take from it.
---
--- A gap has a rule, which says what it costs, and a subsystem ("management", "portal", or "both");
--- a rule costs once for each subsystem, however many gaps it finds there.
---
--- ctx.facts: management and portal, what is known of each; gaps, by the check that found them:
--- lists of {rule, subsystem, message, cure}; readiness {score, gaps (how many)}.
local errors = require("salvor.error")
local list = require("salvor").list
local part = require("salvor.apiconnect.part")

local readiness = {FULL = 100}

--- What each gap costs, and why: a loss that nothing makes good costs most, one that work on the
--- day of the disaster makes good costs least.
readiness.RULES = {
    {id = "resource", cost = 50, why = "what is not there, or cannot be told, cannot be judged"},
    {id = "backup-settings", cost = 40, why = "backups that stay in the cluster are lost with it"},
    {id = "kit", cost = 40, why = "without its secrets no backup can be read"},
    {id = "kit-secrets", cost = 40, why = "with other secrets the backups cannot be read"},
    {id = "backups", cost = 40, why = "without a backup nothing comes back"},
    {id = "storage", cost = 30, why = "a backup that storage does not hold whole is none"},
    {id = "secrets", cost = 25, why = "what is gone from the cluster is in the kit at best"},
    {id = "age", cost = 15, why = "what came after the backup is lost"},
    {id = "schedule", cost = 15, why = "tomorrow's backup will not be there"},
    {id = "names", cost = 15, why = "the backups are bound to names and uid"},
    {id = "kit-settings", cost = 15, why = "the old values must be found by other means"},
    {id = "pair", cost = 10, why = "sites that do not fit the management database are repaired by"
        .. " hand"},
    {id = "versions", cost = 10, why = "a recovery needs all subsystems at one version"},
    {id = "restores", cost = 10, why = "it is not known what the system will be like afterwards"},
    {id = "health", cost = 10, why = "a system that is not up takes no sound backup"},
}

local rules = {}
for _, rule in ipairs(readiness.RULES) do
    rules[rule.id] = rule
end

local function record(ctx, rule, subsystem, message, cure)
    assert(rules[rule], rule)
    local found = ctx.facts.gaps[ctx.facts.checking]
    found[#found + 1] = {rule = rule, subsystem = subsystem, message = message, cure = cure}
end

--- gap(ctx, rule, subsystem, message, cure): a problem that takes from the score.
function readiness.gap(ctx, rule, subsystem, message, cure)
    record(ctx, rule, subsystem, message, cure)
    ctx:problem(subsystem .. ": " .. message, cure)
end

--- check(id, rule, fn) -> the run function of the check of that id. What cannot be looked at is a
--- gap of that rule.
function readiness.check(id, rule, fn)
    return function(ctx)
        ctx.facts.gaps = ctx.facts.gaps or {}
        ctx.facts.gaps[id], ctx.facts.checking = list({}), id
        local ok, err = pcall(fn, ctx)
        if not ok then
            if errors.is(err) then
                record(ctx, rule, "both", err.message, err.hint)
            end
            error(err, 0)
        end
    end
end

--- of(ctx, name, rule) -> the ctx of that subsystem, as salvor.apiconnect.prepare's checks take it:
--- its facts are ctx.facts[name], its problems gaps of the rule; `subsystem` is its name.
function readiness.of(ctx, name, rule)
    local own = part.of(ctx, name, {params = function(whole, param)
        return param == "name" and whole.params[name] or nil
    end})
    own.subsystem = name
    function own:problem(message, hint) -- luacheck: ignore 212
        readiness.gap(ctx, rule, name, message, hint)
    end
    function own:warn(message, hint) -- luacheck: ignore 212
        ctx:warn(name .. ": " .. message, hint)
    end
    function own:note(message) -- luacheck: ignore 212
        ctx:note(name .. ": " .. message)
    end
    return own
end

--- try(fn, ...) -> what it returns, or nil and the error object that it raises; anything else that
--- it raises goes on, and so does the operator's wish to end.
function readiness.try(fn, ...)
    local ok, result, err = pcall(fn, ...)
    if ok then
        return result, err
    elseif not errors.is(result) or result.code == "Cancelled" then
        error(result, 0)
    end
    return nil, result
end

--- each(ctx, rule, fn): fn(own, name) for each subsystem that is there.
function readiness.each(ctx, rule, fn)
    for _, name in ipairs({"management", "portal"}) do
        if (ctx.facts[name] or {}).version then
            fn(readiness.of(ctx, name, rule), name)
        end
    end
end

-- The score

--- What was found: {{rule, subsystem, cost, count}, ...} with what costs most first, how many gaps.
local function bill(gaps)
    local found, places, count = {}, {}, 0
    for _, of_check in pairs(gaps) do
        for _, one in ipairs(of_check) do
            local place = one.rule .. "/" .. one.subsystem
            if not places[place] then
                places[place] = {rule = rules[one.rule], subsystem = one.subsystem, count = 0}
                found[#found + 1] = places[place]
            end
            places[place].count, count = places[place].count + 1, count + 1
        end
    end
    table.sort(found, function(a, b)
        if a.rule.cost ~= b.rule.cost then
            return a.rule.cost > b.rule.cost
        end
        return a.rule.id .. a.subsystem < b.rule.id .. b.subsystem
    end)
    return found, count
end

--- score(gaps) -> the score from 0 to 100, how many gaps, what they cost (see bill). gaps: as in
--- ctx.facts.
function readiness.score(gaps)
    local found, count = bill(gaps)
    local score = readiness.FULL
    for _, one in ipairs(found) do
        score = score - one.rule.cost
    end
    return math.max(score, 0), count, found
end

--- "readiness 85 of 100, 1 gap"
function readiness.describe(known)
    return string.format("readiness %d of %d, %s", known.score, readiness.FULL,
        known.gaps == 0 and "no gap" or known.gaps == 1 and "1 gap" or known.gaps .. " gaps")
end

--- judge(ctx, looked_at): tells the score, and what each gap costs. looked_at: ids of the checks
--- that it rests on.
function readiness.judge(ctx, looked_at)
    local gaps = ctx.facts.gaps or {}
    local score, count, found = readiness.score(gaps)
    ctx.facts.checking = nil
    ctx.facts.readiness = {score = score, gaps = count}
    ctx:note(readiness.describe(ctx.facts.readiness))
    for _, one in ipairs(found) do
        ctx:note(string.format("-%d %s (%s%s): %s", one.rule.cost, one.rule.id, one.subsystem,
            one.count > 1 and ", " .. one.count .. " gaps" or "", one.rule.why))
    end
    for _, id in ipairs(looked_at) do
        if not gaps[id] then
            ctx:warn("the score says nothing of " .. id .. ", which was left out")
        end
    end
end

return readiness
