--- What the checks and steps of apic-v10/recover-management have found out for later ones.
return require("salvor.procedure.known")({
    database = "database", backup = {"backup", "await-backups"},
})
