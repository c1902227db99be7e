--- A recovery kit of apic-v10/prepare-management, read for a recovery: whole, and of one piece.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local objects = require("salvor.procedure.objects")
local secrets = require("salvor.apiconnect.secrets")
local yaml = require("salvor.yaml")

local management_kit = {PROCEDURE = "apic-v10/prepare-management"}

local FILES = {resource = "managementcluster.yaml", recreate = "recreate.yaml",
               settings = "settings.yaml"}

local function refuse(kit, message)
    error(errors.new({
        code = "Invalid",
        op = "kit.read",
        message = kit.url .. ": " .. message,
        hint = "take another kit; salvor run " .. management_kit.PROCEDURE .. " makes one as long"
            .. " as the subsystem lives",
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

--- Reads one secret into the list; missing(object) tells what a recovery misses in it.
local function add_secret(found, kit, files, role, name, missing)
    if type(name) ~= "string" then
        refuse(kit, FILES.recreate .. " names no " .. role)
    end
    local path = "secrets/" .. name .. ".yaml"
    local object = object_of(kit, files, path)
    objects.register_secrets(object)
    if object.kind ~= "Secret" or dig(object, "metadata", "name") ~= name then
        refuse(kit, path .. " is not the Secret " .. name)
    elseif missing(object) then
        refuse(kit, "secret " .. name .. " has " .. missing(object))
    end
    found[#found + 1] = {role = role, object = object}
end

--- The secrets that the replacement names: {role, object}.
local function secrets_of(kit, files, spec)
    local found = {}
    add_secret(found, kit, files, secrets.ENCRYPTION, dig(spec, "encryptionSecret", "secretName"),
        secrets.keys("encryption_secret.bin"))
    for _, entry in ipairs(fields.items(spec, "customApplicationCredentials")) do
        add_secret(found, kit, files, tostring(entry.name), entry.secretName,
            secrets.keys("credential.json"))
    end
    local settings = fields.map(spec, "databaseBackup")
    add_secret(found, kit, files, "databaseBackup.credentials", settings.credentials,
        settings.protocol == "objstore" and secrets.pair("key", "keysecret") or secrets.login)
    if (settings.backupCerts or "") ~= "" then
        add_secret(found, kit, files, "databaseBackup.backupCerts", settings.backupCerts,
            secrets.keys("ca.crt"))
    end
    return found
end

--- What the parts say of each other.
local function check_agreement(kit, manifest, parts, spec)
    local settings, system = parts.settings, fields.map(manifest, "system")
    local theirs = {
        {"name", system.name, settings.name, dig(parts.resource, "metadata", "name")},
        {"uid", system.uid, settings.metadataUID, system.uid},
        {"siteName", settings.siteName, spec.siteName, dig(parts.resource, "spec", "siteName")},
        {"originalUID", settings.originalUID, spec.originalUID, settings.originalUID},
    }
    for _, row in ipairs(theirs) do
        local what, one, two, three = table.unpack(row, 1, 4)
        if type(one) ~= "string" or one ~= two or one ~= three then
            refuse(kit, string.format("its parts disagree about %s: %s, %s, %s", what,
                tostring(one), tostring(two), tostring(three)))
        end
    end
end

--- read(kit) -> what it says; raises when it is not whole, was changed, or is of another procedure:
---   run, created       its generation
---   name, uid, version, site, original_uid    of the old subsystem
---   resource           the old ManagementCluster, neat
---   top                the name of the APIConnectCluster above it, or nil
---   spec               what the replacement must have
---   secrets            a list of {role, object}
---   newest             the backup that was newest: name, id, time as text, serverName
function management_kit.read(kit)
    local manifest, files = kit:read()
    must(manifest, files)
    if manifest.procedure ~= management_kit.PROCEDURE then
        refuse(kit, "it is a kit of " .. tostring(manifest.procedure) .. ", not of "
            .. management_kit.PROCEDURE)
    end
    local parts = {}
    for part, path in pairs(FILES) do
        parts[part] = object_of(kit, files, path)
    end
    local recreate = parts.recreate
    local is_top = recreate.kind == apiconnect.TOP_KIND
    local spec = is_top and fields.map(recreate, "spec", "management")
        or fields.map(recreate, "spec")
    check_agreement(kit, manifest, parts, spec)
    return {
        name = manifest.system.name,
        version = tostring(manifest.system.version),
        uid = manifest.system.uid,
        site = spec.siteName,
        original_uid = spec.originalUID,
        created = manifest.created,
        run = manifest.run,
        resource = parts.resource,
        top = is_top and dig(recreate, "metadata", "name") or nil,
        api = recreate.apiVersion,
        spec = spec,
        secrets = secrets_of(kit, files, spec),
        newest = fields.map(parts.settings, "newestBackup"),
    }
end

return management_kit
