--- What must be so before a portal is recovered: the checks of apic-v10/recover-portal.
---
--- ctx.facts: run, name and version as salvor.apiconnect.recover has them.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local dates = require("salvor.dates")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local fs = require("salvor.fs")
local portal = require("salvor.apiconnect.portal")
local portal_restore = require("salvor.apiconnect.portal_restore")
local ready = require("salvor.k8s.ready")
local recover = require("salvor.apiconnect.recover")
local sites = require("salvor.apiconnect.portal_sites")
local subsystem = require("salvor.apiconnect.recover_portal.subsystem")

local checks = {}

function checks.kit(ctx)
    local kit = subsystem:check_kit(ctx)
    if not kit then
        return
    end
    for _, problem in ipairs(portal.backup_problems(kit.known.portalBackup)) do
        ctx:problem(table.unpack(problem))
    end
end

--- An APIConnectCluster that is there makes its portal by the name that it says.
local function check_section(ctx, kit, live, definition)
    local section = dig(live, "spec", "portal")
    local name = section and (section.name or live.metadata.name .. "-ptl")
    if not section and not definition then
        ctx:problem("APIConnectCluster " .. live.metadata.name .. " defines no portal",
            "give its definition: -p resource=FILE")
    elseif section and name ~= kit.name then
        ctx:problem("APIConnectCluster " .. live.metadata.name .. " has a portal of another name"
            .. " than the old one, " .. kit.name .. ": " .. name, "the name must be the same: the"
            .. " backups are bound to it; take that portal out first")
    end
end

--- What the replacement is, or would be, and where that is said.
local function described(ctx, kit, object)
    local target = subsystem:target(ctx, kit)
    local live = recover.find(ctx, target.plural, target.name)
    local definition = subsystem:definition(ctx, kit)
    if live and live.kind == apiconnect.TOP_KIND then
        check_section(ctx, kit, live, definition)
    elseif not live and not definition then
        return ctx:problem("there is no APIConnectCluster " .. target.name .. " in namespace "
            .. ctx.namespace .. ", and the kit has the PortalCluster alone",
            "give its definition: -p resource=FILE")
    end
    ctx:note(target.kind .. " " .. target.name .. (live and " is there already"
        or " is created from " .. (ctx.params.resource or "the old definition in the kit")))
    return ctx.params.resource and definition or object or live or definition
end

function checks.resource(ctx)
    local kit = subsystem:kit_of(ctx)
    local kind, unknown = ctx.k8s:kind(apiconnect.PORTAL)
    if not kind and unknown.code == "NotFound" then
        return ctx:problem("this cluster has no PortalClusters: the operator of API Connect v10 is"
            .. " not installed", "install it first, in the version of the old installation")
    end
    must(kind, unknown)
    local object = recover.find(ctx, apiconnect.PORTAL, kit.name)
    if object and object.metadata.uid == kit.uid then
        return ctx:problem("PortalCluster " .. kit.name .. " is the very one that the kit was made"
            .. " of, and is still there", "this recovers a lost portal on a new installation")
    end
    subsystem:check_top(ctx, kit, object)
    local found = described(ctx, kit, object)
    if not found then
        return
    end
    recover.check_namespace(ctx, found)
    for _, change in ipairs(portal.endpoint_changes(found, kit.known)) do
        ctx:problem(change, "the host names cannot be changed in a recovery; point their DNS names"
            .. " to the new installation instead")
    end
    ctx.facts.version = dig(object, "status", "versions", "reconciled")
        or dig(found, "spec", "version")
end

--- A long name is restored by originalUID alone, which older versions do not have.
local function check_name(ctx, kit, version)
    local name, length = apiconnect.long_name(kit.name, ctx.params.top or kit.top)
    if apiconnect.has_original_uid(version) then
        ctx:note("originalUID is " .. kit.original_uid
            .. (name and ", without which the restore of so long a name fails" or ""))
    elseif name then
        ctx:problem(string.format("the name %s is longer than %d characters, and %s has no"
            .. " originalUID: the restore may not work", name, length, version),
            "restore onto 10.0.3.0 or later")
    end
end

function checks.version(ctx)
    local kit, version = subsystem:kit_of(ctx), ctx.facts.version
    local parsed = apiconnect.parse_version(version)
    if not parsed or #parsed < 3 then
        return ctx:problem("the replacement does not tell its version"
            .. (parsed and ", '" .. version .. "' is only a line of them" or ""),
            "set spec.version to " .. kit.version)
    elseif not apiconnect.at_least(version, kit.version) then
        ctx:problem("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "install " .. kit.version .. ", or a later one")
    elseif not apiconnect.at_least(kit.version, version) then
        ctx:warn("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "all subsystems must have the same version and fix pack")
    end
    check_name(ctx, kit, version)
end

function checks.secrets(ctx)
    subsystem:check_secrets(ctx)
end

--- What a portal that is there already cannot be given any more.
local FIXED = {encryptionSecret = "its data is encrypted with another key"}

local function check_difference(ctx, live, restored, one)
    local text = "the resource is there with another value: " .. difference.describe(one)
    local reason
    for _, key in ipairs(live.object and one.path or {}) do
        reason = reason or FIXED[key]
    end
    if restored then
        ctx:problem(text .. ", and " .. restored .. " has been restored into it",
            "what was restored is not put at stake: delete the resource first to recover it anew")
    elseif reason then
        ctx:problem(text .. ", which cannot be changed: " .. reason, "delete the resource, and its"
            .. " secrets and volumes, so that this procedure creates it")
    else
        ctx:warn(text .. ", which is changed: nothing was restored into it yet")
    end
end

function checks.settings(ctx)
    local kit = subsystem:kit_of(ctx)
    local live = subsystem:look(ctx, kit)
    if not live then
        return
    end
    local restored = portal_restore.all(ctx.k8s, kit.name).done[1]
    restored = restored and "PortalRestore " .. restored
    for _, one in ipairs(live.differences) do
        check_difference(ctx, live, restored, one)
    end
    if #live.differences == 0 and restored then
        ctx:warn(restored .. " has succeeded: the portal was restored before",
            "what has been changed since then is lost when it is restored again")
    end
end

function checks.restores(ctx)
    for _, other in ipairs(portal_restore.all(ctx.k8s, ctx.facts.name).in_flight) do
        ctx:problem("PortalRestore " .. other .. " is in flight", "wait until it has ended")
    end
end

function checks.time(ctx)
    local time, management = ctx.params.timestamp, ctx.params.management_time
    local seconds = backup.seconds(time)
    if time ~= "now" and not seconds then
        ctx:problem("-p timestamp=" .. time .. " is no time",
            "now, or YYYYMMDD.HHMMSS as the ids of backups have it")
    elseif seconds and seconds > os.time() then
        ctx:warn("-p timestamp=" .. time .. " is in the future: the newest backups are taken")
    end
    if management and not dates.compact(management) then
        ctx:problem("-p management_time=" .. management .. " is no time",
            "it begins with YYYYMMDD-HHMMSS, as the ids of management backups do")
    end
end

function checks.sites(ctx)
    for _, site in ipairs(ctx.params.sites or {}) do
        if not sites.address(site) then
            ctx:problem("-p sites: '" .. site .. "' is not the address of a site",
                "give them as portal.example.org/organisation/catalog")
        end
    end
    local file = ctx.params.ca
    if file and not must(fs.read(file)):find("-----BEGIN CERTIFICATE-----", 1, true) then
        ctx:problem("-p ca: " .. file .. " holds no certificate", "it is a file in PEM form")
    end
end

--- The objects of a kind in the namespace, or nil where the cluster does not know it.
local function list(ctx, plural)
    local kind, err = ctx.k8s:kind(plural)
    if not kind and err.code == "NotFound" then
        return nil
    end
    must(kind, err)
    return must(ctx.k8s:list(plural))
end

local FIRST = "the management subsystem is restored first, the portal immediately afterwards"

--- Management restores that are complete, and a problem for each in flight.
local function count_restored(ctx)
    local count = 0
    for _, object in ipairs(list(ctx, apiconnect.MANAGEMENT_RESTORE) or {}) do
        local state = ready.state(object)
        count = count + (state == "ready" and 1 or 0)
        if state == "waiting" then
            ctx:problem("ManagementRestore " .. object.metadata.name .. " is in flight", FIRST)
        end
    end
    return count
end

function checks.management(ctx)
    local found = list(ctx, apiconnect.MANAGEMENT) or {}
    for _, object in ipairs(found) do
        local is_up, text = apiconnect.ready(object)
        if not is_up then
            ctx:problem("ManagementCluster " .. object.metadata.name .. " is not up: " .. text,
                FIRST)
        end
    end
    if not found[1] then
        ctx:warn("there is no management subsystem in namespace " .. ctx.namespace, FIRST)
    elseif count_restored(ctx) == 0 then
        ctx:warn("no ManagementRestore is complete in namespace " .. ctx.namespace, FIRST)
    end
end

--- What nobody can see from here.
function checks.outside(ctx)
    ctx:warn("the backups of portal and management must be of the same time, so that sites and"
        .. " management database fit")
    ctx:warn("the endpoints' DNS names must point to the new installation")
    ctx:warn("nobody may log in or change anything before the restore is done",
        "external traffic must be stopped until then")
end

return checks
