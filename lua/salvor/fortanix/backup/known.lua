--- What the checks of fortanix-ccm/backup have found out for later ones.
return require("salvor.procedure.known")({
    cr = "resource", datacenter = "datacenter", system = "resource",
})
