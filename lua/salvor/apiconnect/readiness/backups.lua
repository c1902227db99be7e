--- Whether API Connect v10 has the backups that a recovery needs: as the cluster knows them.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.backup")
local interval = require("salvor.apiconnect.readiness.interval")
local keys = require("salvor").keys
local pair = require("salvor.apiconnect.pair")
local portal_backup = require("salvor.apiconnect.portal_backup")
local readiness = require("salvor.apiconnect.readiness")
local schedule = require("salvor.apiconnect.schedule")
local subsystems = require("salvor.apiconnect.readiness.subsystems")

local backups = {}

local HOUR = 3600
local CLOCK_TOLERANCE = 300 -- seconds
local TAKE = "take both with apic-v10/backup"

-- The newest

local function find_management(own)
    local database = own.params.database ~= "auto" and own.params.database
        or apiconnect.database(own.facts.version)
    if not database then
        return own:problem("version " .. own.facts.version .. " may keep its backups as"
            .. " ManagementBackup or as EDB Backup", "say which: -p database=crunchy or edb")
    end
    own.facts.owner = {
        name = own.facts.name,
        database = database,
        database_cluster = apiconnect.database_cluster(subsystems.get(own, "management"), database),
    }
    local newest, count = backup.newest(own.k8s, own.facts.owner)
    return newest, count, backup.belonging(own.facts.owner)
end

local function find_portal(own)
    local usable, count = portal_backup.of(own.k8s, own.facts.name)
    local set = portal_backup.set(usable, "now")
    for _, site in ipairs(set.system and keys(set.sites) or {}) do
        local behind = set.system.time - set.sites[site].time
        if behind > own.params.max_age then
            own:warn(string.format("the newest backup of site %s is %.1f hours older than that of"
                .. " the system", site, behind / HOUR), "was the site deleted? otherwise " .. TAKE)
        end
    end
    return set.system, count, "PortalBackup of the system with spec.portalCluster "
        .. own.facts.name
end

local FIND = {management = find_management, portal = find_portal}

local function check_age(own, newest)
    local age = os.time() - newest.time
    own:note(string.format("newest usable backup: %s (%s), %.1f hours old", newest.name,
        newest.id or "without an id", math.max(age, 0) / HOUR))
    if age < -CLOCK_TOLERANCE then
        own:warn(string.format("that is %.1f hours in the future: the clocks of this machine and"
            .. " of the cluster differ", -age / HOUR), "set them, its age may be wrong")
    elseif age > own.params.max_age then
        readiness.gap(own.whole, "age", own.subsystem,
            string.format("the newest usable backup is %.1f hours old, %.1f are allowed",
                age / HOUR, own.params.max_age / HOUR), TAKE)
    end
end

--- Check: each subsystem has one, young enough.
function backups.check(ctx)
    readiness.each(ctx, "backups", function(own, name)
        local newest, count, whose = FIND[name](own)
        own.facts.backup = newest and {name = newest.name, id = newest.id, time = newest.time,
                                       server = newest.server} or nil
        if newest then
            check_age(own, newest)
        elseif whose then
            own:problem(count == 0 and "there is no backup (" .. whose .. ")" or "none of the "
                .. count .. " backups can be used (" .. whose .. ")", TAKE)
        end
    end)
end

-- The schedule

local GRACE = 2 * HOUR -- until a backup that has begun is there

--- Of the portal's the vendor has examples with five fields only; from 10.0.8 on both forms pass.
local function problem_of(name, text, version)
    local problem, example = schedule.problem(text, version)
    if problem and name == "portal" and not schedule.problem(text, "10.0.5") then
        return nil
    end
    return problem, example
end

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

--- Check: backups are taken by themselves, and the last one was.
function backups.check_schedule(ctx)
    readiness.each(ctx, "schedule", function(own, name)
        local field = subsystems.kind(name).backup_field
        local text = subsystems.settings(own, name).schedule or ""
        local problem, example = problem_of(name, text, own.facts.version)
        if text == "" then
            own:problem(field .. ".schedule is not set: nobody takes the next backup",
                "set it, for both at the same time")
        elseif problem and text:find("[%a@]") then
            own:warn(field .. ": " .. problem .. "; it is not judged", example)
        elseif problem then
            own:problem(field .. ": " .. problem, example)
        else
            check_last(own, interval.longest(text))
        end
    end)
end

-- The two together

--- Whether both backups of a recorded pair can be used still.
local function is_usable(ctx, known)
    local management, portal = ctx.facts.management, ctx.facts.portal
    if known.management.uid ~= management.uid or known.portal.uid ~= portal.uid
        or pair.apart(known) > ctx.params.max_skew
        or os.time() - known.management.time > ctx.params.max_age then
        return false
    end
    return backup.find(ctx.k8s, management.owner, known.management.id) ~= nil
        and portal_backup.is_usable(ctx.k8s, known.portal.name)
end

--- The newest recorded pair that can be used, or nil.
local function recorded(ctx)
    local store <close> = ctx:store(ctx.params.record)
    local all, others = pair.all(store)
    for _, path in ipairs(others) do
        ctx:warn(path .. " in " .. store.url .. " is no record of a pair")
    end
    for _, known in ipairs(all) do
        if is_usable(ctx, known) then
            return known
        end
    end
end

--- Check: there is a backup of each of the same time.
function backups.check_pair(ctx)
    local management, portal = ctx.facts.management or {}, ctx.facts.portal or {}
    if not management.backup or not portal.backup then
        return
    end
    local apart = math.abs(management.backup.time - portal.backup.time)
    local known = ctx.params.record and recorded(ctx)
    if known then
        ctx:note(string.format("%s in the record belong together, %d seconds apart", known.path,
            pair.apart(known)))
    elseif apart <= ctx.params.max_skew then
        ctx:note(string.format("the newest backups are %d seconds apart", apart))
    else
        readiness.gap(ctx, "pair", "both", string.format("the newest backups are %.1f hours apart,"
            .. " %.1f are allowed%s", apart / HOUR, ctx.params.max_skew / HOUR, ctx.params.record
            and ", and no pair in " .. ctx.params.record .. " can be used" or ""),
            TAKE .. ", and give both schedules the same time")
    end
end

return backups
