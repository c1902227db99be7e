-- Backs up management and portal of API Connect v10 at the same time, and notes that the two belong
-- together.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local backup_pair = require("salvor.apiconnect.backup_pair")

return {
    id = "apic-v10/backup",
    title = "Back up management and portal at the same time",
    summary = "Takes a backup of the management database and one of the developer portal together, "
        .. "and records the pair, for a recovery needs backups of the same time.",
    document = "IBM API Connect v10: Preparing the management subsystem for disaster recovery",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"backup", "safe"},
    params = {
        {name = "record", type = "url", required = true,
         help = "the folder or store where pairs/TIME.json is written; that of the kits will do"},
        {name = "management", type = "name",
         help = "the ManagementCluster; the only one when left out"},
        {name = "portal", type = "name", help = "the PortalCluster; the only one when left out"},
        {name = "max_skew", type = "duration", default = "1h",
         help = "how far the two backups may be apart"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long the backups may take"},
        backup.PARAM,
    },
    permissions = {
        {kind = apiconnect.MANAGEMENT, verbs = {"get", "list"}},
        {kind = apiconnect.PORTAL, verbs = {"get", "list"}},
        {kind = apiconnect.MANAGEMENT_RESTORE, verbs = {"list"}},
        {kind = apiconnect.PORTAL_RESTORE, verbs = {"list"}},
        {kind = "configmaps", verbs = {"get"}},
        {kind = apiconnect.MANAGEMENT_BACKUP, verbs = {"get", "list", "watch", "create"},
         when = backup.may_be("crunchy")},
        {kind = apiconnect.EDB_BACKUP, verbs = {"get", "list", "watch", "create"},
         when = backup.may_be("edb")},
        {kind = apiconnect.PORTAL_BACKUP, verbs = {"get", "list", "watch", "create"}},
    },
    steps = {
        {
            id = "management",
            title = "Find the ManagementCluster",
            why = "Everything else of management is read from this resource and its status.",
            check = true,
            run = backup_pair.find("management"),
        },
        {
            id = "portal",
            title = "Find the PortalCluster",
            why = "A management database without the portals that fit it is half a recovery.",
            check = true,
            run = backup_pair.find("portal"),
        },
        {
            id = "management-state",
            title = "The management subsystem is healthy, its backups leave the cluster",
            why = "Local backups are lost in the disaster, and a half-working system cannot be"
                .. " backed up.",
            check = true,
            needs = {"management"},
            run = backup_pair.check_state("management"),
        },
        {
            id = "portal-state",
            title = "The portal is healthy, its backups leave the cluster",
            why = "The same holds for it.",
            check = true,
            needs = {"portal"},
            run = backup_pair.check_state("portal"),
        },
        {
            id = "database",
            title = "It is known which kind of backup the version has",
            why = "Up to 10.0.5 it is a ManagementBackup, from 10.0.8 on a Backup of EDB.",
            check = true,
            needs = {"management"},
            run = backup_pair.check_database,
        },
        {
            id = "versions",
            title = "Management and portal have the same version",
            why = "A recovery needs all subsystems at the same version and fix pack.",
            check = true,
            needs = {"management", "portal"},
            run = backup_pair.check_versions,
        },
        {
            id = "restores",
            title = "Nothing is being restored",
            why = "What is half restored is not worth a backup.",
            check = true,
            needs = {"management", "portal"},
            run = backup_pair.check_restores,
        },
        {
            id = "record",
            title = "The place of the record can be used",
            why = "Backups of which nobody knows that they belong together are of less use.",
            check = true,
            run = backup_pair.check_record,
        },
        {
            id = "take",
            title = "Take both backups and wait for them",
            why = "Portal sites must be consistent with the management database.",
            run = backup_pair.take,
            verify = backup_pair.are_taken,
        },
        {
            id = "compare",
            title = "The two are of the same time",
            why = "One may have waited for something before it began.",
            run = backup_pair.compare,
        },
        {
            id = "write-record",
            title = "Record that they belong together",
            why = "A recovery takes the pair from there.",
            run = backup_pair.record,
            verify = backup_pair.is_recorded,
        },
    },
    next = function()
        return {
            "salvor verify looks into the storage itself, whether the backups can be restored.",
            "apic-v10/recover restores the pair.",
        }
    end,
}
