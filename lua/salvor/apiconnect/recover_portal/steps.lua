--- What recovers a portal: the steps of apic-v10/recover-portal.
---
--- ctx.facts: beside those of salvor.apiconnect.recover `set`, the backups that are restored:
--- {system, sites (a list), timestamp}; a backup is {name, id, site}.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local dates = require("salvor.dates")
local difference = require("salvor.apiconnect.difference")
local errors = require("salvor.error")
local keys = require("salvor").keys
local portal = require("salvor.apiconnect.portal")
local portal_restore = require("salvor.apiconnect.portal_restore")
local salvor = require("salvor")
local sites = require("salvor.apiconnect.portal_sites")
local subsystem = require("salvor.apiconnect.recover_portal.subsystem")
local task = require("salvor.task")

local steps = {}

-- Seconds between looks at which records there are.
local LOOK, SHORTEST = 2, 0.1

function steps.apply_secrets(ctx)
    subsystem:apply_secrets(ctx)
end

function steps.has_secrets(ctx)
    return subsystem:has_secrets(ctx)
end

function steps.edit_file(ctx)
    subsystem:edit_file(ctx)
end

function steps.is_file_edited(ctx)
    return subsystem:is_file_edited(ctx)
end

function steps.apply_resource(ctx)
    subsystem:apply_resource(ctx)
end

function steps.needs_no_change(ctx)
    return subsystem:needs_no_change(ctx)
end

function steps.is_resource_applied(ctx)
    return subsystem:is_resource_applied(ctx)
end

local function fail(code, message, hint)
    error(errors.new({code = code, message = message, hint = hint}), 0)
end

--- An APIConnectCluster may have left the endpoints to its operator.
function steps.await_operator(ctx)
    local object = subsystem:await_operator(ctx, ctx.params.install_timeout)
    if ctx.planning then
        return
    end
    local change = portal.endpoint_changes(object, subsystem:kit_of(ctx).known)[1]
    if change then
        fail("Conflict", "the portal is up with other host names: " .. change,
            "they must be the old ones: set them in the resource, which is to be installed anew")
    end
end

-- Which backups

--- The records that this installation's operator has made; those of an earlier one of the same name
--- are left out.
local function records_of(ctx, installed)
    local records = {}
    for _, found in ipairs((backup.of(ctx.k8s, ctx.facts.name))) do
        if found.is_record and found.created >= installed then
            records[#records + 1] = found
        end
    end
    return records
end

--- What the kit knows of and no record is of.
local function missing_of(ctx, kit, records)
    local seen, missing = {}, {}
    for _, record in ipairs(records) do
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

local function in_vain(records, missing)
    if #records == 0 then
        fail("Timeout", "the operator has made no records of the old backups", SAME_PLACE)
    end
    fail("Timeout", #records .. " records of backups have appeared, and none of "
        .. table.concat(missing, ", "), missing[1] == "the system" and SAME_PLACE
        or "do without these sites: -p accept_missing_sites=true; " .. SAME_PLACE)
end

--- The operator makes records of the files in storage, one after the other, every ten minutes: all
--- are there when no more have come for a while.
local function await_records(ctx, kit, installed)
    local settle, deadline = ctx.params.records_settle, task.now() + ctx.params.records_timeout
    local seen, since = nil, task.now()
    while true do
        local records = records_of(ctx, installed)
        local missing = missing_of(ctx, kit, records)
        if #records ~= seen then
            seen, since = #records, task.now()
        elseif not missing[1] and (task.now() - since >= settle or task.now() > deadline) then
            return records
        elseif task.now() > deadline then
            in_vain(records, missing)
        end
        task.sleep(math.max(math.min(LOOK, settle / 4), SHORTEST))
    end
end

local function oldest_of_system(records)
    local oldest
    for _, record in ipairs(records) do
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
        fail("Conflict", "backup " .. newest.id .. " (" .. newest.name .. ") is newer than this"
            .. " installation: it may be one of the new, still empty portal",
            "begin a new run that says which time is meant: -p timestamp=YYYYMMDD.HHMMSS")
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

local function choose(ctx, records, installed)
    local set, newer = backup.set(records, ctx.params.timestamp)
    if not set.system then
        fail("NotFound", "there is no backup of the system until " .. ctx.params.timestamp,
            "the oldest one is " .. oldest_of_system(records).id
            .. "; begin a new run with -p timestamp=…")
    end
    for _, site in ipairs(newer) do
        ctx:warn("every backup of site " .. site .. " is newer than " .. ctx.params.timestamp
            .. ": it is not restored")
    end
    local facts = {system = {name = set.system.name, id = set.system.id},
                   timestamp = time_of(ctx, set, installed), sites = salvor.list({})}
    ctx:note("system: " .. set.system.id .. " (" .. set.system.name .. ")")
    for _, name in ipairs(keys(set.sites)) do
        local site = set.sites[name]
        table.insert(facts.sites, {name = name, id = site.id, site = site.site})
        ctx:note("site " .. name .. ": " .. site.id .. " (" .. site.name .. ")")
        tell_skew(ctx, "that of site " .. name, site.time - set.system.time)
    end
    if ctx.params.management_time then
        tell_skew(ctx, "that of the management database",
            dates.compact(ctx.params.management_time) - set.system.time)
    end
    return facts
end

function steps.choose_backups(ctx)
    local kit = subsystem:kit_of(ctx)
    if ctx.planning then
        ctx:perform({verb = "wait for", class = "wait", wanted = "to be made anew of the old"
            .. " backups", target = "records of PortalCluster " .. kit.name,
            timeout = ctx.params.records_timeout})
        ctx.facts.set = {timestamp = ctx.params.timestamp, sites = salvor.list({})}
        return
    end
    local object = must(ctx.k8s:get(apiconnect.PORTAL, kit.name))
    local installed = dates.iso(object.metadata.creationTimestamp)
    local records = await_records(ctx, kit, installed)
    ctx.facts.set = choose(ctx, records, installed)
end

-- Restoring

local function restore(ctx, name, dry_run)
    return portal_restore.run(ctx.k8s, name, {
        portal = ctx.facts.name,
        timestamp = ctx.facts.set.timestamp,
        dry_run = dry_run,
    }, ctx.params.restore_timeout)
end

--- What its actions do not mention of the backups that were chosen.
local function warn_of_others(ctx, text)
    local set = ctx.facts.set
    local chosen = table.move(set.sites, 1, #set.sites, 2,
        {{name = "the system", id = set.system.id}})
    for _, one in ipairs(chosen) do
        if not text:find(one.id, 1, true) then
            ctx:warn("the dry run does not mention backup " .. one.id .. " of " .. one.name)
        end
    end
end

function steps.dry_run(ctx)
    local object = restore(ctx, ctx:name(ctx.facts.name .. "-dry"), true)
    if ctx.planning then
        return
    end
    local actions = portal_restore.actions(object)
    for _, action in ipairs(actions) do
        ctx:note(action)
    end
    if actions[1] then
        warn_of_others(ctx, table.concat(actions, "\n"))
    else
        ctx:warn("the dry run tells no actions", "look at PortalRestore " .. object.metadata.name)
    end
end

local function restore_name(ctx)
    return ctx:name(ctx.facts.name)
end

function steps.restore(ctx)
    restore(ctx, restore_name(ctx), false)
end

function steps.is_restored(ctx)
    return portal_restore.is_done(ctx.k8s, restore_name(ctx))
end

--- The portal is up, with the old secrets and identity.
function steps.verify(ctx)
    local kit = subsystem:kit_of(ctx)
    local object = must(ctx.k8s:wait(apiconnect.PORTAL, kit.name,
        {timeout = ctx.params.install_timeout, create = true}))
    if ctx.planning then
        return
    end
    local found = subsystem:differences_of(ctx, kit, object)[1]
    if found then
        fail("Failed", "after the restore the resource has another value than it must have: "
            .. difference.describe(found), "look who has changed it")
    elseif not subsystem:has_secrets(ctx) then
        fail("Failed", "after the restore a secret is not the kit's any more",
            "look who has changed it")
    end
    local _, text = apiconnect.ready(object)
    ctx:note("PortalCluster " .. kit.name .. ": " .. text)
end

--- Those that the operator has named, or those that were restored, where their address is known.
local function addresses(ctx)
    if ctx.params.sites then
        return ctx.params.sites, {}
    end
    local known, unknown, by_name = {}, {}, {}
    for _, site in ipairs(subsystem:kit_of(ctx).sites) do
        by_name[site.name] = site.site
    end
    for _, site in ipairs(ctx.facts.set.sites) do
        local address = site.site or by_name[site.name]
        if address and sites.address(address) then
            known[#known + 1] = address
        else
            unknown[#unknown + 1] = site.name
        end
    end
    return known, unknown
end

function steps.reach_sites(ctx)
    local known, unknown = addresses(ctx)
    if unknown[1] then
        ctx:warn("nobody knows the addresses of " .. table.concat(unknown, ", "),
            "look at these sites yourself, or name all of them: -p sites=host/organisation/catalog")
    end
    if not known[1] and not ctx.planning then
        return
    end
    local count = ctx:perform({
        verb = "open",
        target = known[1] and "https://" .. table.concat(known, ", https://")
            or "the restored sites",
        preview = function()
            return #known, {}
        end,
        run = function()
            return sites.reach(known, {ca = ctx.params.ca, timeout = ctx.params.sites_timeout})
        end,
    })
    if not ctx.planning then
        ctx:note(count .. " sites answer over HTTPS")
    end
end

return steps
