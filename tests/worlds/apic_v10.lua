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
local json = require("salvor.json")
local operator = require("worlds.operator")
local salvor = require("salvor")
local task = require("salvor.task")

local CRDS = "tests/worlds/apic-v10/crds.yaml"
local SITE = "82b290a2"
local PARTS = 18 -- how many parts a management subsystem has

local MANAGEMENT_API = "management.apiconnect.ibm.com/v1beta1"
local APIC_API = "apiconnect.ibm.com/v1beta1"
local EDB_API = "postgresql.k8s.enterprisedb.io/v1"

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

--- The secrets of a subsystem of this version: {role = {name, data}}.
local function secrets_of(name, version)
    local secrets = {
        encryptionSecret = {
            name = name .. "-enc-key",
            data = {["encryption_secret.bin"] = base64(operator.random_bytes(128))},
        },
    }
    for _, entry in ipairs(apiconnect.CREDENTIALS) do
        if not entry.since or apiconnect.at_least(version, entry.since) then
            secrets[entry.status] = {name = name .. "-" .. entry.name,
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

local function create_secret(self, role, secret, owner)
    self.secrets[role] = secret
    local created, err = self.client:create(secret_object(secret.name, secret.data, owner))
    if not created and err.code ~= "AlreadyExists" then
        error(err, 0)
    end
end

-- The controller

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
    if not salvor.dig(object, "spec", "originalUID") and apiconnect.has_original_uid(version) then
        must(self.client:patch(apiconnect.MANAGEMENT, name,
            {spec = {originalUID = object.metadata.uid}}))
    end
    for role, secret in pairs(secrets_of(name, version)) do
        create_secret(self, role, secret, object)
        status[role] = secret.name
    end
    if self.database == "crunchy" then
        status.services = {db = self.database_cluster}
    end
    task.sleep(self.delays.install)
    status.phase, status.state = "Running", PARTS .. "/" .. PARTS
    status.message = "Management is ready"
    self:set_status(object, status)
end

local function backup_id(time, separator)
    return os.date("!%Y%m%d" .. separator .. "%H%M%S", time)
end

--- The states of a ManagementBackup that ends at `time`.
local function crunchy_status(self, time, phase, reason)
    local id = backup_id(time, "-") .. "F"
    -- Not "": the API server takes an empty text that must be there for null.
    local status = {phase = phase, id = "n/a", clusterName = self.name, subsysName = self.name,
                    crType = "create", conditions = salvor.list({}), state = reason}
    if phase == "Ready" then
        status.id = id
        status.info = {id = id, type = "full", size = "83.1MB", totalsize = "83.1MB",
                       rangeStart = time - 60, rangeEnd = time,
                       range = os.date("!%c", time - 60) .. " - " .. os.date("!%c", time)}
    end
    return status
end

local function edb_status(self, time, phase, reason)
    local status = {phase = phase, error = reason}
    if phase == "completed" then
        status.backupId = backup_id(time, "T")
        status.startedAt = os.date("!%Y-%m-%dT%H:%M:%SZ", time - 60)
        status.stoppedAt = os.date("!%Y-%m-%dT%H:%M:%SZ", time)
        status.serverName = self.database_cluster .. "-2026-01-01T000000Z"
        status.destinationPath = "s3://edb-backups"
    end
    return status
end

local GENERATION = {
    crunchy = {
        kind = apiconnect.MANAGEMENT_BACKUP,
        phases = {"Pending", "Running", "Ready"},
        failed = "Failed",
        status = crunchy_status,
        object = function(self, type)
            return {apiVersion = MANAGEMENT_API, kind = "ManagementBackup",
                    spec = {type = "full", crType = type, clusterName = self.name}}
        end,
    },
    edb = {
        kind = apiconnect.EDB_BACKUP,
        phases = {"pending", "running", "completed"},
        failed = "failed",
        status = edb_status,
        object = function(self)
            return {apiVersion = EDB_API, kind = "Backup",
                    spec = {cluster = {name = self.database_cluster}}}
        end,
    },
}

local function reconcile_backup(self, object)
    local generation = GENERATION[self.database]
    local failure = self.faults.backup
    for index, phase in ipairs(generation.phases) do
        if index == #generation.phases and failure then
            self:set_status(object, generation.status(self, os.time(), generation.failed, failure))
        else
            self:set_status(object, generation.status(self, os.time(), phase))
            task.sleep(self.delays.backup)
        end
    end
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

local function management_spec(self, options)
    local spec = {
        version = self.version,
        siteName = SITE,
        license = {accept = true, use = "nonproduction"},
        analytics = {},
        apiManagerEndpoint = {hosts = {{name = "manager.example.org"}}},
        cloudManagerEndpoint = {hosts = {{name = "admin.example.org"}}},
        consumerAPIEndpoint = {hosts = {{name = "consumer.example.org"}}},
        platformAPIEndpoint = {hosts = {{name = "api.example.org"}}},
        portal = {admin = {secretName = "portal-admin-client"}},
        databaseBackup = DATABASE_BACKUP[options.protocol or "sftp"](self),
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
        spec = management_spec(self, options),
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
    local generation = GENERATION[self.database]
    local object = generation.object(self, "record")
    object.metadata = {name = name, labels = {[operator.SEEDED] = "true"}}
    local created = must(self.client:create(object))
    self:set_status(created, generation.status(self, os.time() - age,
        phase or generation.phases[#generation.phases], phase and "made so by the test"))
end

-- What tests ask

function World:management()
    return must(self.client:get(apiconnect.MANAGEMENT, self.name))
end

function World:backups()
    return must(self.client:list(GENERATION[self.database].kind))
end

--- Changes the ManagementCluster as a merge patch does.
function World:patch(patch)
    return must(self.client:patch(apiconnect.MANAGEMENT, self.name, patch))
end

function World:patch_status(status)
    return must(self.client:patch(apiconnect.MANAGEMENT, self.name, {status = status},
        {subresource = "status"}))
end

--- start(options) -> the world. options: kubeconfig, namespace (it exists), version ("10.0.5.3"),
--- name ("management"), protocol of the backups ("sftp" or "objstore"), owner (name of an
--- APIConnectCluster above it), spec (fields that differ), backups (a list of {age in seconds,
--- phase}; one of an hour ago), delays {install, backup} in seconds, faults {backup = reason why a
--- backup fails}.
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
        database_cluster = name .. "-" .. SITE .. (database == "edb" and "-db" or "-postgres"),
        backup_secret = "mgmt-backup-secret",
        delays = {install = delays.install or 0.01, backup = delays.backup or 0.02},
        faults = options.faults or {},
        secrets = {},
    })
    world.install(self.client)
    self:control(apiconnect.MANAGEMENT, reconcile_cluster)
    self:control(GENERATION[database].kind, reconcile_backup)
    create_secret(self, "databaseBackup.credentials", {
        name = self.backup_secret,
        data = BACKUP_CREDENTIALS[options.protocol or "sftp"](),
    })
    if options.protocol == "objstore" then
        create_secret(self, "databaseBackup.backupCerts", {
            name = "custom-server-ca",
            data = {["ca.crt"] = base64("-----BEGIN CERTIFICATE-----\n" .. operator.hex(32))},
        })
    end
    self:add_management(name, options)
    for number, backup in ipairs(options.backups or {{3600}}) do
        self:add_backup(name .. "-record-" .. number, table.unpack(backup))
    end
    return self
end

return world
