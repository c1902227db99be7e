--- In what two plans of one procedure differ: a saved one and one made anew.
local cluster = require("salvor.procedure.cluster")
local json = require("salvor.json")
local salvor = require("salvor")
local summary = require("salvor.procedure.plan_summary")

local MOST = 100 -- lines; whoever has more to compare plans anew

local function shown(value)
    return value == nil and "nothing" or tostring(value)
end

local function change_text(change)
    if change.op == "-" then
        return "was to go"
    elseif change.op == "+" then
        return "was to be " .. shown(change.after)
    end
    return "was to go from " .. shown(change.before) .. " to " .. shown(change.after)
end

local function now_text(change)
    return (change_text(change):gsub("^was to", "is now to", 1))
end

--- What the server fills in by itself is no part of the plan: some of it is chosen at random.
local function by_path(effect)
    local map, order = {}, {}
    for _, change in ipairs(effect.changes or {}) do
        if change.by ~= "server" then
            map[change.path] = change
            order[#order + 1] = change.path
        end
    end
    return map, order
end

local function compare_changes(add, where, saved, now)
    local old, old_order = by_path(saved)
    local new, new_order = by_path(now)
    for _, path in ipairs(old_order) do
        local a, b = old[path], new[path]
        if not b then
            add(string.format("%s: %s %s, and is left as it is now", where, path, change_text(a)))
        elseif a.op ~= b.op or a.before ~= b.before or a.after ~= b.after then
            add(string.format("%s: %s %s, it %s", where, path, change_text(a), now_text(b)))
        end
    end
    for _, path in ipairs(new_order) do
        if not old[path] then
            add(string.format("%s: %s was to be left as it is, it %s", where, path,
                now_text(new[path])))
        end
    end
end

local function title(effect)
    return effect.verb .. " " .. effect.target
end

local function compare_effect(add, where, saved, now)
    for _, field in ipairs({"wanted", "timeout"}) do
        if saved[field] ~= now[field] then
            add(string.format("%s: %s was %s, is %s", where, field, shown(saved[field]),
                shown(now[field])))
        end
    end
    if saved.uid and now.uid and saved.uid ~= now.uid then
        add(where .. ": was made anew by somebody: it has another uid")
    end
    if summary.class(saved) ~= summary.class(now) then
        add(string.format("%s: was '%s', is '%s'", where, summary.class(saved),
            summary.class(now)))
    end
    compare_changes(add, where, saved, now)
end

local function compare_effects(add, id, saved, now)
    for index = 1, math.max(#saved, #now) do
        local a, b = saved[index], now[index]
        local where = "step " .. id .. ", effect " .. index
        if not b then
            add(where .. ": " .. title(a) .. " would not be done any more")
        elseif not a then
            add(where .. ": " .. title(b) .. " was not in the plan")
        elseif title(a) ~= title(b) then
            -- What comes behind it has moved as a whole, most likely.
            return add(where .. ": was " .. title(a) .. ", is " .. title(b))
        else
            compare_effect(add, where .. ", " .. title(a), a, b)
        end
    end
end

--- Where a step comes from when it is not the script's own.
local function text_of(origin)
    return origin == nil and "the script" or must(json.encode(origin))
end

local function compare_steps(add, saved, now)
    for index = 1, math.max(#saved, #now) do
        local a, b = saved[index], now[index]
        if not a or not b or a.step ~= b.step then
            return add(string.format("step %d: was %s, is %s", index, shown(a and a.step),
                shown(b and b.step)))
        elseif a.status ~= b.status then
            add(string.format("step %s: was %s, is %s", a.step, a.status, b.status))
        elseif text_of(a.origin) ~= text_of(b.origin) then
            add(string.format("step %s: came from %s, comes from %s", a.step, text_of(a.origin),
                text_of(b.origin)))
        else
            compare_effects(add, a.step, a.effects or {}, b.effects or {})
        end
    end
end

local function compare_cluster(add, what, saved, now)
    if not cluster.is_same(saved, now) then
        add(string.format("%s: was %s (%s), is %s (%s)", what, shown(saved.server),
            shown(saved.uid), shown(now.server), shown(now.uid)))
    end
end

local function compare_heads(add, saved, now)
    compare_cluster(add, "cluster", saved.cluster, now.cluster)
    -- The parameters say which places; a context may mean another cluster by now.
    for index, place in ipairs(now.elsewhere or {}) do
        if place.context then
            compare_cluster(add, "cluster of context " .. place.context,
                (saved.elsewhere or {})[index] or {}, place)
        end
    end
    if saved.script.sha256 ~= now.script.sha256 or saved.script.digest ~= now.script.digest then
        local function named(script)
            return string.format("%s (SHA-256 %s)", shown(script.source),
                shown(script.digest or script.sha256))
        end
        add("script: was " .. named(saved.script) .. ", is " .. named(now.script))
    end
    if saved.namespace ~= now.namespace then
        add("namespace: was " .. shown(saved.namespace) .. ", is " .. shown(now.namespace))
    end
    local names = {}
    for _, of in ipairs({saved.params, now.params}) do
        for name in pairs(of) do
            names[name] = true
        end
    end
    for _, name in ipairs(salvor.keys(names)) do
        if saved.params[name] ~= now.params[name] then
            add(string.format("parameter %s: was %s, is %s", name, shown(saved.params[name]),
                shown(now.params[name])))
        end
    end
end

--- differences(saved, now) -> list of lines, empty when the plans are the same; both are documents
--- as salvor.procedure.plan_document makes them.
return function(saved, now)
    local lines = {}
    local function add(line)
        if #lines < MOST then
            lines[#lines + 1] = line
        elseif #lines == MOST then
            lines[#lines + 1] = "and more"
        end
    end
    compare_heads(add, saved, now)
    compare_steps(add, saved.steps, now.steps)
    return lines
end
