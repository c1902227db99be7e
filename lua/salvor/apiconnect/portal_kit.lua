--- A recovery kit of apic-v10/prepare-portal, read for a recovery.
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local kit_reader = require("salvor.apiconnect.kit_reader")
local portal = require("salvor.apiconnect.portal")
local storage = require("salvor.apiconnect.storage")

local portal_kit = {PROCEDURE = "apic-v10/prepare-portal"}

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
---   section, run, created, name, uid, version, resource, secrets  see salvor.apiconnect.kit_reader
---   top                the name of the APIConnectCluster above it, or nil
---   spec               what the replacement must have
---   sites              a list of {name, site}
function portal_kit.read(kit)
    local reader = kit_reader.open(kit, portal_kit.PROCEDURE, portal.KIND)
    local known = reader.settings
    reader:agree("originalUID", known.originalUID,
        dig(reader.resource, "spec", "originalUID") or known.metadataUID)
    known.portalBackup = fields.map(known, portal.BACKUP_FIELD)
    for _, problem in ipairs(storage.problems(portal.BACKUP_FIELD, known.portalBackup)) do
        reader:refuse(table.concat(problem, ": "))
    end
    local items = portal.secrets({spec = {portalBackup = known.portalBackup},
                                  status = {encryptionSecret = known.encryptionSecret}})
    return reader:kit("portal", portal.BACKUP_FIELD, items, {
        top = dig(known, "topLevel", "name"),
        spec = portal.fields(known),
        sites = sites_of(known),
    })
end

return portal_kit
