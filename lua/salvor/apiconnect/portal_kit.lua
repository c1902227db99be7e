--- A recovery kit of apic-v10/prepare-portal, read for a recovery: whole, and of one piece.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local objects = require("salvor.procedure.objects")
local portal = require("salvor.apiconnect.portal")
local prepare = require("salvor.apiconnect.prepare")
local yaml = require("salvor.yaml")

local portal_kit = {PROCEDURE = "apic-v10/prepare-portal"}

local function refuse(kit, message)
    error(errors.new({
        code = "Invalid",
        op = "kit.read",
        message = kit.url .. ": " .. message,
        hint = "take another kit; salvor run " .. portal_kit.PROCEDURE .. " makes one as long as"
            .. " the portal lives",
    }), 0)
end

local function object_of(kit, files, path)
    if not files[path] then
        refuse(kit, "it lacks " .. path)
    end
    local object, err = yaml.load(files[path])
    if type(object) ~= "table" then
        refuse(kit, path .. " cannot be read" .. (err and ": " .. err.message or ""))
    end
    return object
end

--- The secrets that the resource names: {role, object}.
local function secrets_of(kit, files, resource, known)
    local found = {}
    local described = {spec = resource.spec, status = {encryptionSecret = known.encryptionSecret}}
    for _, item in ipairs(portal.secrets(described)) do
        if item.problem then
            refuse(kit, item.problem)
        end
        local path = prepare.secret_file(item.secret)
        local object = object_of(kit, files, path)
        objects.register_secrets(object)
        local missing = item.missing(object)
        if object.kind ~= "Secret" or dig(object, "metadata", "name") ~= item.secret then
            refuse(kit, path .. " is not the Secret " .. item.secret)
        elseif missing then
            refuse(kit, "secret " .. item.secret .. " has " .. missing)
        end
        found[#found + 1] = {role = item.role, object = object}
    end
    return found
end

--- What the parts say of each other.
local function check_agreement(kit, manifest, resource, known)
    local system = fields.map(manifest, "system")
    for _, row in ipairs({
        {"name", system.name, known.name, dig(resource, "metadata", "name")},
        {"uid", system.uid, known.metadataUID, system.uid},
        {"originalUID", known.originalUID, known.originalUID,
         dig(resource, "spec", "originalUID") or known.metadataUID},
    }) do
        local what, one, two, three = table.unpack(row, 1, 4)
        if type(one) ~= "string" or one ~= two or one ~= three then
            refuse(kit, string.format("its parts disagree about %s: %s, %s, %s", what,
                tostring(one), tostring(two), tostring(three)))
        end
    end
end

--- The sites that had backups: {name (as in the names of files), site (spec.siteName)}.
local function sites_of(known)
    local sites = {}
    for _, entry in ipairs(fields.items(known, "sites")) do
        if type(entry.name) == "string" then
            sites[#sites + 1] = {name = entry.name,
                                 site = type(entry.site) == "string" and entry.site or nil}
        end
    end
    return sites
end

--- read(kit) -> what it says; raises when it is not whole, was changed, or is of another procedure:
---   run, created       its generation
---   name, uid, version, original_uid    of the old portal
---   top                the name of the APIConnectCluster above it, or nil
---   resource           the old PortalCluster, neat
---   known              what the replacement must have, as portal.fields() takes it
---   secrets            a list of {role, object}
---   sites              a list of {name, site}
function portal_kit.read(kit)
    local manifest, files = kit:read()
    must(manifest, files)
    if manifest.procedure ~= portal_kit.PROCEDURE then
        refuse(kit, "it is a kit of " .. tostring(manifest.procedure) .. ", not of "
            .. portal_kit.PROCEDURE)
    end
    local resource = object_of(kit, files, portal.RESOURCE_FILE)
    local known = object_of(kit, files, portal.SETTINGS_FILE)
    check_agreement(kit, manifest, resource, known)
    known.endpoints, known.portalBackup = fields.map(known, "endpoints"),
        fields.map(known, "portalBackup")
    local version = tostring(manifest.system.version)
    if not apiconnect.parse_version(version) then
        refuse(kit, "it does not tell the version of the portal")
    end
    return {
        run = manifest.run,
        created = tostring(manifest.created),
        name = known.name,
        uid = known.metadataUID,
        version = version,
        original_uid = known.originalUID,
        top = dig(known, "topLevel", "name"),
        resource = resource,
        known = known,
        secrets = secrets_of(kit, files, resource, known),
        sites = sites_of(known),
    }
end

return portal_kit
