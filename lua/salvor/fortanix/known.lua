--- What the checks of fortanix-ccm/backup and fortanix-ccm/restore have found out for later ones.
return require("salvor.procedure.known")({
    backup = "backup", cr = "resource", datacenter = "datacenter' or 'cassandra",
    deployments = "prerequisites", pods = "cassandra", selectors = "deployments", settings = "kit",
    storage = "storage", system = "resource",
})
