--- A simulated API Connect v10 operator: its kinds on a real API server, and a controller that
--- moves the objects through the states the real one does.
---
---   local world <close> = world.start{kubeconfig = file, namespace = "apic", version = "10.0.5.3"}
---
--- start() returns when the ManagementCluster is Running with all its secrets, and close() ends the
--- controller. What a test spoils in between (world.client) stays as it is: the controller acts on
--- new objects only.
local base64 = require("salvor.digest").base64
local apiconnect = require("salvor.apiconnect")
local backups = require("worlds.apic_v10_backups")
local json = require("salvor.json")
local operator = require("worlds.operator")
local recovery = require("worlds.apic_v10_recovery")
local salvor = require("salvor")
local task = require("salvor.task")

local CRDS = "tests/worlds/apic-v10/crds.yaml"
local SITE = "82b290a2"
local PARTS = 18 -- how many parts a management subsystem has

local MANAGEMENT_API = "management.apiconnect.ibm.com/v1beta1"
local APIC_API = "apiconnect.ibm.com/v1beta1"

local world = {}

local World = operator.new_class()

--- Installs the kinds; safe to do at any time by any number of specs.
function world.install(client)
    operator.install(client, CRDS)
end

-- What the operator makes

local function every_byte()
    local bytes = {}
    for byte = 0, 255 do
        bytes[#bytes + 1] = string.char(byte)
    end
    return table.concat(bytes)
end

-- Values whose base64 a careless YAML writer turns into something else: true, null, numbers, a
-- date-like word, text that begins like a tag or an anchor.
local TREACHEROUS = {
    ["looks-true"] = "true", ["looks-null"] = "null", ["looks-octal"] = "0777",
    ["looks-float"] = "1e10", ["looks-plus"] = "+123", ["looks-number"] = "12345678",
    ["looks-infinite"] = "+inf", ["looks-yes"] = "yes/",
}

local function credential(role)
    local data = {
        ["credential.json"] = base64(must(json.encode({
            client_id = operator.hex(16), client_secret = operator.hex(32),
        }))),
    }
    if role == "atmCredentialSecret" then
        data["every-byte"] = base64(every_byte() .. operator.random_bytes(64))
        for key, text in pairs(TREACHEROUS) do
            data[key] = text
        end
        data.empty = ""
    end
    return data
end

--- The secrets of a subsystem of this version, under the names that its resource gives them:
--- {role = {name, data}}.
local function secrets_of(object)
    local name, version, spec = object.metadata.name, object.spec.version, object.spec
    local given = {}
    for _, entry in ipairs(spec.customApplicationCredentials or {}) do
        given[entry.name] = entry.secretName
    end
    local secrets = {
        encryptionSecret = {
            name = salvor.dig(spec, "encryptionSecret", "secretName") or name .. "-enc-key",
            data = {["encryption_secret.bin"] = base64(operator.random_bytes(128))},
        },
    }
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        if not entry.since or apiconnect.at_least(version, entry.since) then
            secrets[entry.status] = {name = given[entry.name] or name .. "-" .. entry.name,
                                     data = credential(entry.status)}
        end
    end
    return secrets
end

local function secret_object(name, data, owner)
    return {
        apiVersion = "v1",
        kind = "Secret",
        type = "Opaque",
        metadata = {
            name = name,
            labels = {
                ["app.kubernetes.io/instance"] = owner and owner.metadata.name or "management",
                ["app.kubernetes.io/managed-by"] = "ibm-apiconnect",
                ["app.kubernetes.io/name"] = name,
            },
            annotations = {
                ["kubectl.kubernetes.io/last-applied-configuration"] = "{\"kind\":\"Secret\"}\n",
            },
            ownerReferences = owner and operator.owner_reference(owner) or nil,
        },
        data = data,
    }
end

--- A secret that is there already is used as it is.
local function create_secret(self, role, secret, owner)
    self.secrets[role] = secret
    local created, err = self.client:create(secret_object(secret.name, secret.data, owner))
    if not created and err.code == "AlreadyExists" then
        secret.data = must(self.client:get("secrets", secret.name)).data
    else
        must(created, err)
    end
end

-- The controller

--- What the operator writes into the resource where the administrator has not.
local function complete_spec(self, object)
    local spec, missing = object.spec, {}
    if not spec.siteName then
        missing.siteName = operator.hex(4)
    end
    if not spec.originalUID and apiconnect.has_original_uid(spec.version) then
        missing.originalUID = object.metadata.uid
    end
    return next(missing) and must(self.client:patch(apiconnect.MANAGEMENT, object.metadata.name,
        {spec = missing})) or object
end

local function database_cluster(database, name, site)
    return name .. "-" .. site .. (database == "edb" and "-db" or "-postgres")
end

local function reconcile_cluster(self, object)
    local name, version = object.metadata.name, object.spec.version
    local status = {
        phase = "Pending",
        state = "0/" .. PARTS,
        message = "Management is being installed",
        conditions = salvor.list({}),
        endpoints = salvor.list({}),
        versions = {reconciled = version},
    }
    self:set_status(object, status)
    object = complete_spec(self, object)
    for role, secret in pairs(secrets_of(object)) do
        create_secret(self, role, secret, object)
        status[role] = secret.name
    end
    local cluster = database_cluster(self.database, name, object.spec.siteName)
    if name == self.name then
        self.database_cluster = cluster
    end
    if self.database == "crunchy" then
        status.services = {db = cluster}
    end
    task.sleep(self.delays.install)
    if name == self.name then
        self.used = object.spec.databaseBackup or {}
    end
    status.phase, status.state = "Running", PARTS .. "/" .. PARTS
    status.message = "Management is ready"
    self:set_status(object, status)
    recovery.record_backups(self)
end

-- What the administrator makes

local DATABASE_BACKUP = {
    sftp = function(self)
        return {protocol = "sftp", host = "backup.example.org", path = "/backups/management",
                port = 22, credentials = self.backup_secret, schedule = "0 3 * * *"}
    end,
    objstore = function(self)
        return {protocol = "objstore", s3provider = "custom", host = "s3.example.org/eu-standard",
                path = "apic-backup/management", credentials = self.backup_secret,
                backupCerts = "custom-server-ca", backups3URIStyle = "path",
                schedule = "0 3 * * *", repoRetentionFull = 2}
    end,
}

local BACKUP_CREDENTIALS = {
    sftp = function()
        return {username = base64("apicbackup"), password = base64(operator.hex(12))}
    end,
    objstore = function()
        return {key = base64("ACCESS" .. operator.hex(7)), keysecret = base64(operator.hex(20))}
    end,
}

--- A ManagementCluster's spec; options: those of start(). `bare`: without what a new installation
--- does not know.
function World:management_spec(options)
    local spec = {
        version = self.version,
        siteName = not options.bare and SITE or nil,
        license = {accept = true, use = "nonproduction"},
        analytics = {},
        apiManagerEndpoint = {hosts = {{name = "manager.example.org"}}},
        cloudManagerEndpoint = {hosts = {{name = "admin.example.org"}}},
        consumerAPIEndpoint = {hosts = {{name = "consumer.example.org"}}},
        platformAPIEndpoint = {hosts = {{name = "api.example.org"}}},
        portal = {admin = {secretName = "portal-admin-client"}},
        databaseBackup = not options.bare
            and DATABASE_BACKUP[options.protocol or "sftp"](self) or nil,
    }
    for field, value in pairs(options.spec or {}) do
        spec[field] = value
    end
    return spec
end

--- Creates a further ManagementCluster; the controller takes care of it.
function World:add_management(name, options)
    options = options or {}
    local owner = options.owner and must(self.client:create({
        apiVersion = APIC_API,
        kind = "APIConnectCluster",
        metadata = {name = options.owner},
        spec = {version = self.version},
    }))
    must(self.client:create({
        apiVersion = MANAGEMENT_API,
        kind = "ManagementCluster",
        metadata = {name = name, ownerReferences = owner and operator.owner_reference(owner)},
        spec = self:management_spec(options),
    }))
    must(self.client:wait(apiconnect.MANAGEMENT, name, {
        timeout = operator.PATIENCE,
        ready = function(object)
            return (apiconnect.ready(object))
        end,
    }))
end

--- Creates a backup that ended `age` seconds ago in the phase; by default it can be used.
function World:add_backup(name, age, phase)
    backups.add(self, name, os.time() - age, phase)
end

-- What tests ask

function World:management()
    return must(self.client:get(apiconnect.MANAGEMENT, self.name))
end

function World:backups()
    return must(self.client:list(backups.GENERATION[self.database].kind))
end

--- Changes the ManagementCluster as a merge patch does.
function World:patch(patch)
    return must(self.client:patch(apiconnect.MANAGEMENT, self.name, patch))
end

function World:patch_status(status)
    return must(self.client:patch(apiconnect.MANAGEMENT, self.name, {status = status},
        {subresource = "status"}))
end

local function always()
    return true
end

-- What describes its management subsystem is made one of.
local TOP_CHANGES = {
    object = function(object)
        return salvor.dig(object, "spec", "management") ~= nil
    end,
    types = {ADDED = true, MODIFIED = true},
}

local function install_original(self, name, options)
    local given = options.secrets or {}
    create_secret(self, "databaseBackup.credentials", {
        name = self.backup_secret,
        data = given.credentials or BACKUP_CREDENTIALS[options.protocol or "sftp"](),
    })
    if options.protocol == "objstore" then
        create_secret(self, "databaseBackup.backupCerts", {
            name = "custom-server-ca",
            data = given.certificate
                or {["ca.crt"] = base64("-----BEGIN CERTIFICATE-----\n" .. operator.hex(32))},
        })
    end
    self:add_management(name, options)
    for number, backup in ipairs(options.backups or {{3600}}) do
        self:add_backup(name .. "-record-" .. number, table.unpack(backup))
    end
end

--- start(options) -> the world. options: kubeconfig, namespace (it exists), version ("10.0.5.3"),
--- name ("management"), protocol of the backups ("sftp" or "objstore"), owner (name of an
--- APIConnectCluster above it), spec (fields that differ), backups (a list of {age in seconds,
--- phase}; one of an hour ago), delays {install, backup, records, restore, top} in seconds, faults
--- {backup = reason why a backup fails, restore = the same, restore_phase, restore_hangs}; empty:
--- the operator alone, and remote: what is in the storage of the subsystem that was lost; secrets
--- {credentials, certificate}: the data of those that databaseBackup names.
function world.start(options)
    local version = options.version or "10.0.5.3"
    local database = apiconnect.at_least(version, "10.0.8") and "edb" or "crunchy"
    local name = options.name or "management"
    local delays = options.delays or {}
    local self = operator.start(World, options, {
        version = version,
        name = name,
        site = SITE,
        database = database,
        database_cluster = database_cluster(database, name, SITE),
        backup_secret = "mgmt-backup-secret",
        delays = {install = delays.install or 0.01, backup = delays.backup or 0.02,
                  records = delays.records, restore = delays.restore, top = delays.top or 0},
        faults = options.faults or {},
        remote = options.remote,
        secrets = {},
        restored = {},
    })
    world.install(self.client)
    self:control(apiconnect.MANAGEMENT, reconcile_cluster)
    self:control(backups.GENERATION[database].kind, backups.reconcile)
    self:control(apiconnect.MANAGEMENT_RESTORE, recovery.reconcile_restore)
    self:control(apiconnect.TOP, recovery.reconcile_top, TOP_CHANGES)
    if options.remote then
        self:control(apiconnect.MANAGEMENT, recovery.reconcile_settings,
            {object = always, types = {MODIFIED = true}})
    end
    if not options.empty then
        install_original(self, name, options)
    end
    return self
end

return world
