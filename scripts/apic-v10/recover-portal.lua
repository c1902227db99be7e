-- Recovers an API Connect v10 developer portal on a new installation, from a kit of
-- apic-v10/prepare-portal and the backups in storage.
local apiconnect = require("salvor.apiconnect")
local checks = require("salvor.apiconnect.recover_portal.checks")
local merge = require("salvor.copy").merge
local steps = require("salvor.apiconnect.recover_portal.steps")
local subsystem = require("salvor.apiconnect.recover_portal.subsystem")

local function restores(ctx)
    return not ctx.params.dry_run
end

local shared = subsystem:steps()

return {
    id = "apic-v10/recover-portal",
    title = "Recover the developer portal after a disaster",
    summary = "Gives the replacement the secrets and settings of a kit, waits until it is up and "
        .. "has found the old backups, and restores the system and all sites.",
    document = "IBM API Connect v10: Recovering the Developer Portal after a disaster",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"restore", "destructive"},
    params = subsystem:params({
        {name = "timestamp", type = "string", default = "now",
         help = "now, or YYYYMMDD.HHMMSS: the newest backups that are not newer are restored"},
        {name = "management_time", type = "string",
         help = "the id of the management backup that was restored, to compare its time"},
        {name = "max_skew", type = "duration", default = "1h",
         help = "warn when backups that belong together are further apart"},
        {name = "accept_missing_sites", type = "boolean", default = false,
         help = "do without sites of the kit that have no backup"},
        {name = "dry_run", type = "boolean", default = false,
         help = "end with the dry run, which shows what the restore would do"},
        {name = "check_sites", type = "boolean", default = true,
         help = "open each restored site over HTTPS"},
        {name = "sites", type = "list",
         help = "their addresses, host/organisation/catalog; those that backups name by default"},
        {name = "ca", type = "path",
         help = "the authority of their certificates, a file; the system's when left out"},
        {name = "records_timeout", type = "duration", default = "25m",
         help = "how long the operator, who looks every ten minutes, may take to find the backups"},
        {name = "records_settle", type = "duration", default = "1m",
         help = "how long no more of them must have come before they are chosen from"},
        {name = "sites_timeout", type = "duration", default = "10m",
         help = "how long the sites may take to answer"},
    }),
    permissions = subsystem:permissions({
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"list"}},
        {kind = apiconnect.MANAGEMENT, verbs = {"list"}},
        {kind = apiconnect.MANAGEMENT_RESTORE, verbs = {"list"}},
    }),
    steps = {
        shared.kit,
        shared.resource,
        shared.version,
        shared.secrets,
        shared.settings,
        shared.restores,
        {
            id = "management",
            title = "The management subsystem is restored",
            why = "The portal is restored immediately after the management subsystem.",
            check = true,
            run = checks.management,
        },
        {
            id = "time",
            title = "The time of the restore is one",
            why = "The newest backups that are not newer are restored.",
            check = true,
            run = checks.time,
        },
        {
            id = "addresses",
            title = "The sites can be looked at",
            why = "The recovery is done when each site can be reached.",
            check = true,
            when = function(ctx)
                return ctx.params.check_sites
            end,
            run = checks.sites,
        },
        shared.outside,
        shared["apply-secrets"],
        shared["edit-file"],
        shared["apply-resource"],
        shared["await-operator"],
        {
            id = "choose-backups",
            title = "Wait until the operator has found the old backups, and choose",
            why = "It makes a record of each file in storage every ten minutes; of the system and "
                .. "of each site the newest one for the time that is wanted is restored.",
            run = steps.choose_backups,
        },
        {
            id = "dry-run",
            title = "Ask what the restore would do",
            why = "The operator of the portal tells each action before anything is done.",
            run = steps.dry_run,
        },
        {
            id = "restore",
            title = "Restore the system and all sites",
            why = "After a disaster everything is restored together.",
            when = restores,
            destructive = function(ctx)
                return "all sites that PortalCluster " .. subsystem:name(ctx) .. " in namespace "
                    .. ctx.namespace .. " has"
            end,
            run = steps.restore,
            verify = steps.is_restored,
        },
        merge(shared.verify, {when = restores}),
        {
            id = "sites",
            title = "Each restored site can be reached over HTTPS",
            why = "That is what the portal is there for.",
            when = function(ctx)
                return restores(ctx) and ctx.params.check_sites
            end,
            run = steps.reach_sites,
        },
    },
    next = function(ctx)
        if ctx.params.dry_run then
            return {"Nothing was restored yet: run it again without -p dry_run."}
        end
        return {
            "Log in to each site, and look at it.",
            "Take new backups of management and portal at the same time, and new kits "
                .. "(apic-v10/prepare-management, apic-v10/prepare-portal).",
        }
    end,
}
