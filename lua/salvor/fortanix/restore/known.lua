--- What the checks of fortanix-ccm/restore have found out for later ones.
return require("salvor.procedure.known")({
    backup = "backup", cr = "resource", datacenter = "cassandra", deployments = "kit",
    selectors = "deployments", settings = "kit",
})
