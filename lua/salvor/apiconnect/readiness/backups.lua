--- Whether API Connect v10 has the backups that a recovery needs: as the cluster knows them.
local backup = require("salvor.apiconnect.management_backup")
local interval = require("salvor.apiconnect.readiness.interval")
local pair = require("salvor.apiconnect.pair")
local portal_backup = require("salvor.apiconnect.portal_backup")
local readiness = require("salvor.apiconnect.readiness")
local subsystem = require("salvor.apiconnect.subsystem")
local subsystems = require("salvor.apiconnect.readiness.subsystems")

local backups = {}

local HOUR = 3600
local TAKE = "take both with apic-v10/backup"

-- The newest

local function check_age(own, newest)
    local age = subsystem.tell_age(own, newest)
    if age > own.params.max_age then
        own:gap("age", string.format("the newest usable backup is %.1f hours old, %.1f are allowed",
            age / HOUR, own.params.max_age / HOUR), TAKE)
    end
end

--- Check: each subsystem has one, young enough.
function backups.check(look)
    readiness.each(look, "backups", function(own, name)
        local newest, count, whose, set = subsystems.kind(name):newest(own)
        own.facts.backup = newest
        if newest then
            check_age(own, newest)
        else
            own:problem(subsystem.no_backup(count, whose), TAKE)
        end
        for _, text in ipairs(set and portal_backup.old_sites(set, own.params.max_age) or {}) do
            own:warn(text, "was the site deleted? otherwise " .. TAKE)
        end
    end)
end

-- The schedule

local GRACE = 2 * HOUR -- until a backup that has begun is there
local SET = "set it, for both at the same time"

--- Whether the last backup came when the schedule said so. longest: its longest pause.
local function check_last(own, longest)
    local newest = own.facts.backup
    if not longest then
        own:problem("by its schedule there is never a backup", "take one that has days")
    elseif newest and os.time() - newest.time > longest + GRACE then
        own:problem(string.format("the newest backup is %.1f hours old, and the schedule takes one"
            .. " every %.1f hours at least: the last one has failed, or was not begun",
            (os.time() - newest.time) / HOUR, longest / HOUR),
            "look at the backups that failed, and at the operator's log; then " .. TAKE)
    end
end

local function check_schedule(own, subject)
    local field = subject.backup_field .. ".schedule"
    local text = subject:backup_settings(subject:get(own)).schedule or ""
    local problem, example = subject:schedule_problem(text, own.facts.version)
    if text == "" and subject.default_interval then
        own:warn(field .. " is not set: the operator chooses the time of the backups", SET)
        check_last(own, subject.default_interval)
    elseif text == "" then
        own:problem(field .. " is not set: nobody takes the next backup", SET)
    elseif problem and text:find("[%a@?]") then
        own:warn(field .. ": " .. problem .. "; it is not judged", example)
    elseif problem then
        own:problem(field .. ": " .. problem, example)
    else
        check_last(own, interval.longest(text))
    end
end

--- Check: backups are taken by themselves, and the last one was.
function backups.check_schedule(look)
    readiness.each(look, "schedule", function(own, name)
        check_schedule(own, subsystems.kind(name))
    end)
end

-- The two together

--- Whether both backups of a recorded pair can be used still.
local function is_usable(look, known)
    local management, portal = look.facts.management, look.facts.portal
    if known.management.uid ~= management.uid or known.portal.uid ~= portal.uid
        or pair.apart(known) > look.params.max_skew
        or os.time() - known.management.time > look.params.max_age then
        return false
    end
    return backup.find(look.k8s, management.owner, known.management.id) ~= nil
        and portal_backup.is_usable(look.k8s, known.portal.name)
end

--- The newest recorded pair that can be used, or nil.
local function recorded(look)
    local store <close> = look:store(look.params.record)
    local all, others = pair.all(store)
    for _, path in ipairs(others) do
        look:warn(path .. " in " .. store.url .. " is no record of a pair")
    end
    for _, known in ipairs(all) do
        if is_usable(look, known) then
            return known
        end
    end
end

--- Check: there is a backup of each of the same time.
function backups.check_pair(look)
    local management, portal = look.facts.management or {}, look.facts.portal or {}
    if not readiness.was_done(look, "backups") then
        return
    elseif not management.backup or not portal.backup then
        return look:note("not judged: no backup of " .. (management.backup and "the portal"
            or "management") .. " is known")
    end
    local apart = math.abs(management.backup.time - portal.backup.time)
    local known = look.params.record and recorded(look)
    if known then
        look:note(string.format("%s in the record belong together, %d seconds apart", known.path,
            pair.apart(known)))
    elseif apart <= look.params.max_skew then
        look:note(string.format("the newest backups are %d seconds apart", apart))
    else
        readiness.gap(look, "pair", "both", string.format("the newest backups are %.1f hours apart,"
            .. " %.1f are allowed%s", apart / HOUR, look.params.max_skew / HOUR, look.params.record
            and ", and no pair in " .. look.params.record .. " can be used" or ""),
            TAKE .. ", and give both schedules the same time")
    end
end

return backups
