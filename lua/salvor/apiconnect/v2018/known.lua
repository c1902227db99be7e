--- What the checks and steps of apic-v2018/restore-management have found out for later ones.
return require("salvor.procedure.known")({
    record = "record", subsystem = "project", cluster = "cluster", backup = "backup",
    count = "files", before = "note-state", job = "restore",
})
