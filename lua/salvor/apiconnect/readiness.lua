--- How ready an API Connect v10 is for a disaster: a score, which is full when nothing is missing,
--- and the gaps that take from it.
---
--- A gap has a rule, which says what it costs, and a subsystem ("management", "portal", or "both");
--- a rule costs once for each subsystem, however many gaps it finds there.
---
--- ctx.facts: management and portal, what is known of each; gaps, by the check that found them,
--- until they are judged; then readiness {score, full, gaps}, what costs most first. A gap is
--- {check, rule, subsystem, object, cost, message, cure}.
local errors = require("salvor.error")
local list = require("salvor").list
local management = require("salvor.apiconnect.management")
local part = require("salvor.apiconnect.part")
local portal = require("salvor.apiconnect.portal")

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

-- Looking

local KINDS = {management = management.KIND, portal = portal.KIND}

--- What a gap is in: "ManagementCluster management", or the namespace.
local function object_of(look, subsystem)
    local name = (look.facts[subsystem] or {}).name
    return name and KINDS[subsystem] .. " " .. name or "namespace " .. look.namespace
end

local function record(look, rule, subsystem, message, cure)
    table.insert(look.gaps, {
        check = look.check, rule = rule, subsystem = subsystem, cost = rules[rule].cost,
        object = object_of(look, subsystem), message = message, cure = cure,
    })
end

--- gap(look, rule, subsystem, message, cure): a problem that takes from the score.
function readiness.gap(look, rule, subsystem, message, cure)
    record(look, rule, subsystem, message, cure)
    look:problem(subsystem .. ": " .. message, cure)
end

--- check(id, rule, fn) -> the run function of the check of that id: fn(look), where look is the ctx
--- that gaps are told to. What cannot be looked at is a gap of that rule.
function readiness.check(id, rule, fn)
    return function(ctx)
        local gaps = list({})
        ctx.facts.gaps = ctx.facts.gaps or {}
        ctx.facts.gaps[id] = gaps
        local look = setmetatable({gaps = gaps, check = id}, {__index = ctx})
        local ok, err = pcall(fn, look)
        if not ok then
            if errors.is(err) then
                record(look, rule, "both", err.message, err.hint)
            end
            error(err, 0)
        end
    end
end

--- of(look, name, rule) -> the ctx of that subsystem, as salvor.apiconnect.subsystem takes it: its
--- facts are ctx.facts[name], its problems gaps of the rule; `subsystem` is its name; own:gap(rule,
--- message, cure) is a gap of another rule.
function readiness.of(look, name, rule)
    local own = part.of(look, name)
    own.subsystem = name
    function own.gap(_, other, message, cure)
        readiness.gap(look, other, name, message, cure)
    end
    function own.problem(_, message, hint)
        readiness.gap(look, rule, name, message, hint)
    end
    function own.warn(_, message, hint)
        look:warn(name .. ": " .. message, hint)
    end
    function own.note(_, message)
        look:note(name .. ": " .. message)
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

--- each(look, rule, fn): fn(own, name) for each subsystem that is there. What cannot be looked at
--- of one is a gap of that rule, and the other one is looked at all the same.
function readiness.each(look, rule, fn)
    if not look.facts.gaps.subsystems then
        error(errors.new({code = "Invalid", message = "it is not known what is to be judged",
                          hint = "do not leave out the check subsystems"}), 0)
    end
    for _, name in ipairs({"management", "portal"}) do
        if (look.facts[name] or {}).version then
            local own = readiness.of(look, name, rule)
            local _, err = readiness.try(function()
                fn(own, name)
            end)
            if err and err.code == "Forbidden" then
                error(err, 0) -- the check of permissions has told it
            elseif err then
                own:problem((err.op and err.op .. ": " or "") .. err.message, err.hint)
            end
        end
    end
end

--- Whether the check of that id was done, on which this one rests; a warning when it was not.
function readiness.was_done(look, id)
    if not look.facts.gaps[id] then
        look:warn("not judged, since " .. id .. " was left out")
    end
    return look.facts.gaps[id] ~= nil
end

-- The score

--- gaps, by their checks -> the list of all, and the list of {rule, subsystem, count}; both with
--- what costs most first.
local function bill(gaps)
    local all, found, places = list({}), {}, {}
    for _, of_check in pairs(gaps) do
        table.move(of_check, 1, #of_check, #all + 1, all)
    end
    table.sort(all, function(a, b)
        if a.cost ~= b.cost then
            return a.cost > b.cost
        end
        local one, other = a.rule .. "/" .. a.subsystem, b.rule .. "/" .. b.subsystem
        return one < other or one == other and a.message < b.message
    end)
    for _, gap in ipairs(all) do
        local place = gap.rule .. "/" .. gap.subsystem
        if not places[place] then
            places[place] = {rule = rules[gap.rule], subsystem = gap.subsystem, count = 0}
            found[#found + 1] = places[place]
        end
        places[place].count = places[place].count + 1
    end
    return all, found
end

--- score(gaps) -> {score (from 0), full, gaps (a list)}, and what they cost: a list of {rule,
--- subsystem, count}. gaps: by their checks, as in ctx.facts.
function readiness.score(gaps)
    local all, found = bill(gaps)
    local score = readiness.FULL
    for _, one in ipairs(found) do
        score = score - one.rule.cost
    end
    return {score = math.max(score, 0), full = readiness.FULL, gaps = all}, found
end

--- "readiness 85 of 100, 1 gap"
function readiness.describe(known)
    local count = #known.gaps
    return string.format("readiness %d of %d, %s", known.score, known.full,
        count == 0 and "no gap" or count == 1 and "1 gap" or count .. " gaps")
end

--- judge(ctx, looked_at): tells the score, and what each gap costs. looked_at: ids of the checks
--- that it rests on.
function readiness.judge(ctx, looked_at)
    local gaps = ctx.facts.gaps or {}
    local known, found = readiness.score(gaps)
    ctx.facts.readiness, ctx.facts.gaps = known, nil
    ctx:note(readiness.describe(known))
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
