-- Recovers an API Connect v10 developer portal on a new installation, from a kit of
-- apic-v10/prepare-portal and the backups in storage.
local apiconnect = require("salvor.apiconnect")
local checks = require("salvor.apiconnect.recover_portal.checks")
local steps = require("salvor.apiconnect.recover_portal.steps")

local function has_file(ctx)
    return ctx.params.resource ~= nil
end

local function restores(ctx)
    return not ctx.params.dry_run
end

--- What the settings are put into.
local function edited(params)
    return params.top and apiconnect.TOP or apiconnect.PORTAL
end

return {
    id = "apic-v10/recover-portal",
    title = "Recover the developer portal after a disaster",
    summary = "Gives the replacement the secrets and settings of a kit, waits until it is up and "
        .. "has found the old backups, and restores the system and all sites.",
    document = "IBM API Connect v10: Recovering the Developer Portal after a disaster",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"restore", "destructive"},
    params = {
        {name = "kit", type = "url", required = true,
         help = "the kit that apic-v10/prepare-portal has saved"},
        {name = "name", type = "name", help = "the PortalCluster, to be sure that it is the kit's"},
        {name = "resource", type = "path",
         help = "the file that defines the replacement, which is edited in place; the old "
            .. "definition of the kit when left out"},
        {name = "top", type = "name",
         help = "the APIConnectCluster that the portal belongs to, if to any"},
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
        {name = "install_timeout", type = "duration", default = "2h",
         help = "how long the portal may take to come up"},
        {name = "records_timeout", type = "duration", default = "25m",
         help = "how long the operator, who looks every ten minutes, may take to find the backups"},
        {name = "records_settle", type = "duration", default = "1m",
         help = "how long no more of them must have come before they are chosen from"},
        {name = "restore_timeout", type = "duration", default = "4h",
         help = "how long the restore may take"},
        {name = "sites_timeout", type = "duration", default = "10m",
         help = "how long the sites may take to answer"},
    },
    permissions = {
        {kind = apiconnect.PORTAL, verbs = {"get", "list", "watch"}},
        {kind = edited, verbs = {"get", "create", "patch"}},
        {kind = "secrets", verbs = {"get", "create"}},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"list"}},
        {kind = apiconnect.PORTAL_RESTORE, verbs = {"get", "list", "watch", "create"}},
        {kind = apiconnect.MANAGEMENT, verbs = {"list"}},
        {kind = apiconnect.MANAGEMENT_RESTORE, verbs = {"list"}},
    },
    steps = {
        {
            id = "kit",
            title = "The kit is whole, and of this portal",
            why = "Without the old secrets and identity the backups cannot be restored.",
            check = true,
            run = checks.kit,
        },
        {
            id = "resource",
            title = "The replacement has the old name and endpoints",
            why = "Backups are bound to the name, and host names cannot be changed in a recovery.",
            check = true,
            needs = {"kit"},
            run = checks.resource,
        },
        {
            id = "version",
            title = "The replacement has the old version, or a later one",
            why = "Below 10.0.3.0 there is no originalUID, without which a portal of a long name "
                .. "may not be restorable.",
            check = true,
            needs = {"resource"},
            run = checks.version,
        },
        {
            id = "secrets",
            title = "No other secrets stand in the way",
            why = "Secrets that are there are used and not made anew: they must be the old ones.",
            check = true,
            needs = {"kit"},
            run = checks.secrets,
        },
        {
            id = "settings",
            title = "A portal that is there already can take over",
            why = "originalUID, encryption key and the place of the backups must be the old ones, "
                .. "or the restore fails.",
            check = true,
            needs = {"resource", "version"},
            run = checks.settings,
        },
        {
            id = "restores",
            title = "No other restore is in flight",
            why = "Two restores at once spoil each other.",
            check = true,
            needs = {"resource"},
            run = checks.restores,
        },
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
        {
            id = "outside",
            title = "What nobody can see from here",
            why = "What is changed before the restore is lost.",
            check = true,
            run = checks.outside,
        },
        {
            id = "apply-secrets",
            title = "Put the secrets back",
            why = "The encryption secret and the credentials of the backup server get their old "
                .. "names; the operator uses them when it installs.",
            run = steps.apply_secrets,
            verify = steps.has_secrets,
        },
        {
            id = "edit-file",
            title = "Put the kit's values into the file of the replacement",
            why = "So that the file is the truth from now on, with its comments.",
            when = has_file,
            done = steps.is_file_edited,
            run = steps.edit_file,
        },
        {
            id = "apply-resource",
            title = "Create the replacement, or change the one that is there",
            why = "originalUID, encryptionSecret and portalBackup are the old ones before the "
                .. "operator begins.",
            done = steps.needs_no_change,
            run = steps.apply_resource,
            verify = steps.is_resource_applied,
        },
        {
            id = "await-operator",
            title = "Wait until the portal is up",
            why = "A restore needs a portal whose parts all run.",
            run = steps.await_operator,
        },
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
                return "all sites that PortalCluster " .. ctx.facts.name .. " in namespace "
                    .. ctx.namespace .. " has"
            end,
            run = steps.restore,
            verify = steps.is_restored,
        },
        {
            id = "verify",
            title = "The portal is up, with the old identity",
            why = "A restore that has ended is not yet a portal that works.",
            when = restores,
            run = steps.verify,
        },
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
