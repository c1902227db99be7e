--- What recovers a portal, beside salvor.apiconnect.recover: the steps of apic-v10/recover-portal.
---
--- ctx.facts: beside those of salvor.apiconnect.recover `set`, the backups that are restored, as
--- salvor.apiconnect.recover_portal.records chooses them.
local apiconnect = require("salvor.apiconnect")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local fact = require("salvor.procedure.known")({set = "choose-backups"})
local list = require("salvor").list
local portal_restore = require("salvor.apiconnect.portal_restore")
local records = require("salvor.apiconnect.recover_portal.records")
local sites = require("salvor.apiconnect.portal_sites")
local subsystem = require("salvor.apiconnect.recover_portal.subsystem")

local steps = {}

function steps.choose_backups(ctx)
    local object = not ctx.planning and must(ctx.k8s:get(apiconnect.PORTAL, subsystem:name(ctx)))
    local installed = object and dates.iso(object.metadata.creationTimestamp)
    local made = records.await(ctx, subsystem:kit_of(ctx), installed)
    ctx.facts.set = made and records.choose(ctx, made, installed)
        or {timestamp = ctx.params.timestamp, sites = list({})}
end

-- Restoring

--- What is restored, by the time that was chosen.
local function wanted(ctx)
    local set = fact(ctx, "set")
    return {portal = subsystem:name(ctx), timestamp = set.timestamp, sites = set.sites}
end

local function check_actions(ctx, name, lines, wrong)
    if wrong[1] then
        error(errors.new({
            code = "Failed",
            message = "the dry run " .. name .. " does not do what was chosen: "
                .. table.concat(wrong, "; "),
            hint = "look at the status of PortalRestore " .. name .. ", and whether the files are"
                .. " in storage; where it is only worded in another way, leave this step out with"
                .. " --skip dry-run",
        }), 0)
    elseif not table.concat(lines, "\n"):find(ctx.facts.set.system.id, 1, true) then
        ctx:warn("the dry run " .. name .. " does not mention the backup of the system, "
            .. ctx.facts.set.system.id)
    end
end

function steps.dry_run(ctx)
    local object, wrong = portal_restore.dry_run(ctx.k8s, ctx:name(subsystem:name(ctx) .. "-dry"),
        wanted(ctx), ctx.params.restore_timeout)
    if ctx.planning then
        return
    end
    local lines = portal_restore.actions(object)
    for _, action in ipairs(lines) do
        ctx:note(action)
    end
    check_actions(ctx, object.metadata.name, lines, wrong)
end

local function restore_name(ctx)
    return ctx:name(subsystem:name(ctx))
end

function steps.restore(ctx)
    portal_restore.run(ctx.k8s, restore_name(ctx), wanted(ctx), ctx.params.restore_timeout)
end

function steps.is_restored(ctx)
    return portal_restore.is_done(ctx.k8s, restore_name(ctx))
end

-- The sites

--- Those that the operator has named, or those that were restored, where their address is known.
local function addresses(ctx)
    if ctx.params.sites then
        return ctx.params.sites, {}
    end
    local known, unknown, by_name = {}, {}, {}
    for _, site in ipairs(subsystem:kit_of(ctx).sites) do
        by_name[site.name] = site.site
    end
    for _, site in ipairs(fact(ctx, "set").sites) do
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
