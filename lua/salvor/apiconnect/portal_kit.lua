--- A recovery kit of apic-v10/prepare-portal, read for a recovery.
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local kit_files = require("salvor.apiconnect.kit_files")
local kit_reader = require("salvor.apiconnect.kit_reader")
local portal = require("salvor.apiconnect.portal")

local portal_kit = {PROCEDURE = "apic-v10/prepare-portal"}

--- The secrets that the resource names.
local function secrets_of(reader, resource, known)
    local found = {}
    local described = {spec = resource.spec, status = {encryptionSecret = known.encryptionSecret}}
    for index, item in ipairs(portal.secrets(described)) do
        if item.problem then
            reader:refuse(item.problem)
        end
        found[index] = reader:secret(item.role, item.secret, item.missing)
    end
    return found
end

--- The sites that had backups: {name (as in the names of files), site (spec.siteName)}.
local function sites_of(known)
    local sites = {}
    for _, entry in ipairs(fields.items(known, "sites")) do
        if type(entry.name) == "string" then
            sites[#sites + 1] = {name = entry.name, site = fields.text(entry, "site")}
        end
    end
    return sites
end

--- read(kit) -> what it says; raises when it cannot be relied on:
---   section, run, created, name, uid, version    see salvor.apiconnect.kit_reader
---   top                the name of the APIConnectCluster above it, or nil
---   resource           the old PortalCluster, neat
---   spec               what the replacement must have
---   secrets            a list of {role, object}
---   sites              a list of {name, site}
function portal_kit.read(kit)
    local reader = kit_reader.open(kit, portal_kit.PROCEDURE)
    local resource = reader:object(kit_files.resource(portal.KIND))
    local known = reader:object(kit_files.SETTINGS)
    reader:agree("name", reader.name, known.name, dig(resource, "metadata", "name"))
    reader:agree("uid", reader.uid, known.metadataUID)
    reader:agree("originalUID", known.originalUID,
        dig(resource, "spec", "originalUID") or known.metadataUID)
    known.portalBackup = fields.map(known, "portalBackup")
    for _, problem in ipairs(portal.backup_problems(known.portalBackup)) do
        reader:refuse(table.concat(problem, ": "))
    end
    return reader:kit("portal", {
        top = dig(known, "topLevel", "name"),
        resource = resource,
        spec = portal.fields(known),
        secrets = secrets_of(reader, resource, known),
        sites = sites_of(known),
    })
end

return portal_kit
