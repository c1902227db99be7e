--- Which backups a portal is recovered from: of those that its operator has found in storage, the
--- newest of the system and of each site for the time that is wanted.
local backup = require("salvor.apiconnect.portal_backup")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local keys = require("salvor").keys
local list = require("salvor").list
local settled = require("salvor.apiconnect.recover.settled")

local records = {}

local function failure(code, message, hint)
    return errors.new({code = code, message = message, hint = hint})
end

--- The records that this installation's operator has made; those of an earlier one of the same name
--- are left out. And what backup.of() says of those that may be another portal's.
local function made_since(ctx, installed)
    local made, all, _, unnamed = {}, backup.of(ctx.k8s, ctx.facts.name)
    for _, found in ipairs(all) do
        if found.is_record and found.created >= installed then
            made[#made + 1] = found
        end
    end
    return made, unnamed
end

--- What the kit knows of and no record is of.
local function missing_of(ctx, kit, made)
    local seen, missing = {}, {}
    for _, record in ipairs(made) do
        seen[record.subject] = true
    end
    for _, site in ipairs(ctx.params.accept_missing_sites and {} or kit.sites) do
        if not seen[site.name] then
            missing[#missing + 1] = "site " .. site.name
        end
    end
    if not seen[backup.SYSTEM] then
        table.insert(missing, 1, "the system")
    end
    return missing
end

local SAME_PLACE = "the name, portalBackup's host and path must be those of the old portal, and its"
    .. " credentials must open that place; -p records_timeout=… waits longer"

local function in_vain(made, missing, unnamed)
    local also = unnamed and "; " .. unnamed or ""
    if #made == 0 then
        return failure("Timeout", "the operator has made no records of the old backups" .. also,
            SAME_PLACE)
    end
    return failure("Timeout", #made .. " records of backups have appeared, and none of "
        .. table.concat(missing, ", ") .. also, missing[1] == "the system" and SAME_PLACE
        or "do without these sites in a new run: -p accept_missing_sites=true; " .. SAME_PLACE)
end

--- await(ctx, kit, installed) -> records, as salvor.apiconnect.portal_backup has them; nil in a
--- plan. installed: when the portal was created.
function records.await(ctx, kit, installed)
    return settled(ctx, {
        target = "records of PortalCluster " .. kit.name,
        wanted = "to be made anew of the old backups",
        timeout = ctx.params.records_timeout,
        settle = ctx.params.records_settle,
    }, function()
        local made, unnamed = made_since(ctx, installed)
        local missing = missing_of(ctx, kit, made)
        if missing[1] then
            return nil, #made, in_vain(made, missing, unnamed)
        end
        return made, #made
    end)
end

-- The choice

local function oldest_of_system(made)
    local oldest
    for _, record in ipairs(made) do
        if record.subject == backup.SYSTEM and (not oldest or record.time < oldest.time) then
            oldest = record
        end
    end
    return oldest
end

--- The time of the restore: what was asked for, and in the place of "now" that of the newest
--- backup, so that a backup of the new, still empty portal is never meant.
local function time_of(ctx, set, installed)
    if ctx.params.timestamp ~= "now" then
        return ctx.params.timestamp
    end
    local newest = set.system
    for _, site in pairs(set.sites) do
        newest = site.time > newest.time and site or newest
    end
    if newest.time > installed then
        error(failure("Conflict", "backup " .. newest.id .. " (" .. newest.name .. ") is newer than"
            .. " this installation: it may be one of the new, still empty portal",
            "begin a new run that says which time is meant: -p timestamp=YYYYMMDD.HHMMSS"), 0)
    end
    return newest.id
end

local function tell_skew(ctx, what, seconds)
    if math.abs(seconds) > ctx.params.max_skew then
        ctx:warn(string.format("%s is %d minutes %s than the backup of the portal's system", what,
            math.abs(seconds) // 60, seconds > 0 and "newer" or "older"),
            "sites must fit the management database: take backups of the same time")
    end
end

--- choose(ctx, made, installed) -> {system, sites (a list), timestamp} of what is restored; a
--- backup is {name, id, site}.
function records.choose(ctx, made, installed)
    local set, newer = backup.set(made, ctx.params.timestamp)
    if not set.system then
        error(failure("NotFound", "there is no backup of the system until " .. ctx.params.timestamp,
            "the oldest one is " .. oldest_of_system(made).id
            .. "; begin a new run with -p timestamp=…"), 0)
    end
    for _, site in ipairs(newer) do
        ctx:warn("every backup of site " .. site .. " is newer than " .. ctx.params.timestamp
            .. ": it is not restored")
    end
    local chosen = {system = {name = set.system.name, id = set.system.id},
                    timestamp = time_of(ctx, set, installed), sites = list({})}
    ctx:note("system: " .. set.system.id .. " (" .. set.system.name .. ")")
    for _, name in ipairs(keys(set.sites)) do
        local site = set.sites[name]
        table.insert(chosen.sites, {name = name, id = site.id, site = site.site})
        ctx:note("site " .. name .. ": " .. site.id .. " (" .. site.name .. ")")
        tell_skew(ctx, "that of site " .. name, site.time - set.system.time)
    end
    if ctx.params.management_time then
        tell_skew(ctx, "that of the management database",
            dates.compact(ctx.params.management_time) - set.system.time)
    end
    return chosen
end

return records
