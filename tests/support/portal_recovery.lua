--- A portal that was lost, and the recovery of it in a namespace of its own.
---
---     local lost <close> = recovery.lose{version = "10.0.5.3"}
---     local operation <close> = recovery.start(lost, {faults = {...}})
---     operation:recover({timestamp = "now"})
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local fs = require("salvor.fs")
local lost_subsystem = require("support.lost_subsystem")
local merge = require("salvor.copy").merge
local portal = require("support.portal")
local yaml = require("salvor.yaml")

local recovery = {ORIGINAL = "447ea4b3-9514-4a84-a34b-ce0b349838da"} -- originalUID

local HOUR = 3600

--- lose(options of the world) -> {kit (its folder), home, storage, spec, secrets, options}, to be
--- closed: a portal that was prepared for a disaster, and is gone. It had two backups.
function recovery.lose(options)
    options = merge({spec = {originalUID = recovery.ORIGINAL}, backups = {30 * HOUR, 6 * HOUR}},
        options)
    local fixture = portal.start(options)
    return lost_subsystem(fixture, {
        storage = fixture.world.storage,
        spec = fixture.world:portal().spec,
        options = options,
    })
end

--- start(lost, options of the world) -> an operation on apic-v10/recover-portal with the operator
--- alone in its namespace. common: parameters of every command.
function recovery.start(lost, options)
    local given = merge({
        id = portal.RECOVER, version = lost.options.version, name = lost.options.name,
        sites = lost.options.sites, storage = lost.storage, install = false, kit = lost.kit,
    }, options)
    given.common = merge({records_settle = "1s", check_sites = "false"}, given.common)
    local operation = portal.start(given)
    operation.lost = lost
    operation.world.secrets = merge(lost.secrets)
    return operation
end

--- Writes the operator's file: the old definition in another form, with comments, and without what
--- a recovery has to add. fields: of the spec, that differ.
function recovery.write_file(operation, fields, documents)
    local path = fs.join(operation.home, "portal_cr.yaml")
    local spec = merge(operation.world:portal_spec({portalBackup = false, siteName = false}),
        fields)
    must(fs.write(path, "# the portal of production\n" .. (documents or "") .. must(yaml.dump({
        apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = "PortalCluster",
        metadata = {name = operation.world.name}, spec = spec,
    })) .. "# the end\n"))
    return path
end

--- The restores there are, by name: "Ready", with a "dry " in front for a dry run.
function recovery.restores(operation)
    local found = {}
    for _, object in ipairs(operation.world:list(apiconnect.PORTAL_RESTORE)) do
        found[#found + 1] = (object.spec.dryRun and "dry " or "")
            .. tostring(dig(object, "status", "phase"))
    end
    table.sort(found)
    return table.concat(found, ", ")
end

return recovery
