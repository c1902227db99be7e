-- Could API Connect v10 be recovered today? Looks, changes nothing, and tells a score.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local backups = require("salvor.apiconnect.readiness.backups")
local kits = require("salvor.apiconnect.readiness.kits")
local readiness = require("salvor.apiconnect.readiness")
local storage = require("salvor.apiconnect.readiness.storage")
local subsystems = require("salvor.apiconnect.readiness.subsystems")

--- Checks are independent of each other, so that all that is missing is told at once.
local checks = {
    {
        id = "subsystems",
        rule = "resource",
        title = "Management and portal are there",
        why = "What is judged is read from their resources; one may be installed elsewhere.",
        look = subsystems.find,
    },
    {
        id = "health",
        title = "Both are healthy",
        why = "A system that is half up takes no sound backup.",
        look = subsystems.health,
    },
    {
        id = "versions",
        title = "Both have the same version",
        why = "A recovery needs all subsystems at one version and fix pack.",
        look = subsystems.versions,
    },
    {
        id = "names",
        title = "Names, siteName and originalUID are such that backups can be restored",
        why = "Backups are bound to them; with a long name nothing can be restored without"
            .. " originalUID.",
        look = subsystems.names,
    },
    {
        id = "restores",
        title = "Nothing is being restored",
        why = "Nobody knows yet what the system will be like.",
        look = subsystems.restores,
    },
    {
        id = "backup-settings",
        title = "Backups leave the cluster",
        why = "Those that stay are lost with it.",
        look = subsystems.backup_settings,
    },
    {
        id = "secrets",
        title = "All secrets that a recovery needs exist",
        why = "A kit that is saved tomorrow needs them.",
        look = subsystems.secrets,
    },
    {
        id = "kits",
        rule = "kit",
        title = "The kits are whole, and of the system as it is now",
        why = "Secrets are made at installation, never again; settings must be the same again.",
        look = kits.check,
    },
    {
        id = "backups",
        title = "Both have a usable backup that is young enough",
        why = "What came after it is lost.",
        look = backups.check,
    },
    {
        id = "schedule",
        title = "Backups are taken by themselves, and the last one was",
        why = "A backup that fails every night is noticed in the disaster otherwise.",
        look = backups.check_schedule,
    },
    {
        id = "pair",
        title = "There are backups of both of the same time",
        why = "Portal sites must be consistent with the management database.",
        look = backups.check_pair,
    },
    {
        id = "storage",
        title = "The newest backups are in storage, whole",
        why = "The cluster tells what it has written, not what is there now.",
        when = function(ctx)
            return ctx.params.storage
        end,
        look = storage.check,
    },
}

local steps, looked_at = {}, {}
for number, check in ipairs(checks) do
    looked_at[number] = check.id
    steps[number] = {
        id = check.id,
        title = check.title,
        why = check.why,
        check = true,
        when = check.when,
        run = readiness.check(check.id, check.rule or check.id, check.look),
    }
end

steps[#steps + 1] = {
    id = "score",
    title = "How ready it is",
    why = "One number to watch; each gap takes from it what it would cost.",
    check = true,
    run = function(ctx)
        readiness.judge(ctx, looked_at)
    end,
}

local function has_record(params)
    return params.record ~= nil
end

return {
    id = "apic-v10/readiness",
    title = "Could we recover today?",
    summary = "Judges kits, backups, storage and settings of management and portal without changing"
        .. " anything: a score of 100, and what each gap costs and how it is closed.",
    document = "IBM API Connect v10: Preparing the management subsystem and the Developer Portal "
        .. "for disaster recovery",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"check", "safe"},
    params = {
        {name = "management_kit", type = "url",
         help = "the kit of apic-v10/prepare-management"},
        {name = "portal_kit", type = "url", help = "the kit of apic-v10/prepare-portal"},
        {name = "record", type = "url", help = "where apic-v10/backup records its pairs"},
        {name = "management", type = "name",
         help = "the ManagementCluster; the only one when left out"},
        {name = "portal", type = "name", help = "the PortalCluster; the only one when left out"},
        {name = "max_age", type = "duration", default = "24h",
         help = "how old the newest usable backups may be"},
        {name = "max_skew", type = "duration", default = "1h",
         help = "how far the backups of both may be apart"},
        {name = "storage", type = "boolean", default = true,
         help = "look into the backup storage itself"},
        {name = "management_host_key", type = "string",
         help = "fingerprint of the SFTP server's key, SHA256:…; by known_hosts when left out"},
        {name = "portal_host_key", type = "string", help = "the same for the portal's server"},
        backup.PARAM,
    },
    permissions = {
        {kind = apiconnect.MANAGEMENT, verbs = {"get", "list"}},
        {kind = apiconnect.PORTAL, verbs = {"get", "list"}},
        {kind = "secrets", verbs = {"get"}},
        {kind = "configmaps", verbs = {"get"}},
        {kind = apiconnect.MANAGEMENT_RESTORE, verbs = {"list"}},
        {kind = apiconnect.PORTAL_RESTORE, verbs = {"list"}},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"list"}, when = backup.may_be("crunchy")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"list"}, when = backup.may_be("edb")},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"list"}},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"get"}, when = has_record},
    },
    steps = steps,
    next = function(ctx)
        return {ctx.facts.readiness and readiness.describe(ctx.facts.readiness)}
    end,
}
