--- How many of what a plan would do.
local summary = {}

--- What an effect is, where it does not say so itself, as those on objects of the cluster do
--- (create, change, none, delete).
local CLASS = {
    ["wait for"] = "wait",
    ["run in"] = "command", execute = "command",
    ["upload to"] = "copy", ["download from"] = "copy", copy = "copy",
    write = "storage", upload = "storage", remove = "storage", publish = "storage",
    ["remove what interrupted uploads left in"] = "storage",
}

function summary.class(effect)
    return effect.class or CLASS[effect.verb] or "other"
end

-- The field of the counts, and how the line says it: those always shown first.
local COUNTED = {
    create = "created", change = "changed", none = "unchanged", delete = "deleted", wait = "waits",
    command = "commands", copy = "copies", storage = "storage", other = "other",
}

--- count(steps) -> {created, changed, unchanged, deleted, waits, commands, copies, storage, other,
--- problems}
function summary.count(steps)
    local counts = {problems = 0}
    for _, field in pairs(COUNTED) do
        counts[field] = 0
    end
    for _, step in ipairs(steps) do
        for _, effect in ipairs(step.effects) do
            local field = COUNTED[summary.class(effect)] or "other"
            counts[field] = counts[field] + (effect.count or 1)
            counts.problems = counts.problems + #(effect.problems or {})
        end
    end
    return counts
end

local function plural(count, one, many)
    return count .. " " .. (count == 1 and one or many)
end

--- "1 object created, 2 changed, 0 deleted, 1 wait, 0 commands"
function summary.line(counts)
    local parts = {
        plural(counts.created, "object", "objects") .. " created",
        counts.changed .. " changed",
        counts.deleted .. " deleted",
        plural(counts.waits, "wait", "waits"),
        plural(counts.commands, "command", "commands"),
    }
    for _, rare in ipairs({{"copies", "copy", "copies"},
                           {"storage", "write to storage", "writes to storage"},
                           {"other", "other effect", "other effects"}}) do
        local count = counts[rare[1]]
        if count > 0 then
            parts[#parts + 1] = plural(count, rare[2], rare[3])
        end
    end
    return table.concat(parts, ", ")
end

return summary
