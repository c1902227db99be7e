--- A simulated API Connect v10 portal operator: its kinds on a real API server, and controllers
--- that move the objects through the states the real one does (.controllers).
---
---   local world <close> = world.start{kubeconfig = file, namespace = "apic", version = "10.0.5.3"}
---   local other <close> = world.start{kubeconfig = file, namespace = "new",
---       storage = world.storage, install = false}
---
--- start() returns when the PortalCluster is Running and what is in its storage has its records.
--- `storage` is the remote storage, which outlives an installation: {host, path, credentials (the
--- data of the secret that opens it), files = a list of {name, time}, original_uid and key of the
--- portal whose backups they are}.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local controllers = require("worlds.apic_v10_portal.controllers")
local dig = require("salvor").dig
local merge = require("salvor.copy").merge
local operator = require("worlds.operator")

local world = {SYSTEM = controllers.SYSTEM}

local World = operator.new_class()

local BACKUP_SECRET = "portal-backup-secret"

local installed = {} -- by server

--- Installs the kinds; safe to do at any time by any number of specs.
function world.install(client)
    if installed[client.server] then
        return
    end
    operator.install(client, "tests/worlds/apic-v10/crds.yaml")
    operator.install(client, "tests/worlds/apic_v10_portal/crds.yaml")
    installed[client.server] = true
end

function World:create_secret(role, secret, owner)
    self.secrets[role] = secret
    local created, err = self.client:create({
        apiVersion = "v1",
        kind = "Secret",
        type = "Opaque",
        metadata = {
            name = secret.name,
            labels = {["app.kubernetes.io/managed-by"] = "ibm-apiconnect",
                      ["app.kubernetes.io/name"] = secret.name},
            annotations = {
                ["kubectl.kubernetes.io/last-applied-configuration"] = "{\"kind\":\"Secret\"}\n",
            },
            ownerReferences = owner and operator.owner_reference(owner) or nil,
        },
        data = secret.data,
    })
    if not created and err.code ~= "AlreadyExists" then
        error(err, 0)
    end
end

-- The remote storage

--- Adds a file of that name ("_portal_system_backup" or "host@organisation@catalog") and time.
function World:add_file(name, time)
    table.insert(self.storage.files, {name = name, time = time})
end

function world.time(age)
    return os.date("!%Y%m%d.%H%M%S", os.time() - age)
end

--- Adds a backup of the system and of each site that is `age` seconds old.
function World:add_backup(age)
    self:add_file(controllers.SYSTEM, world.time(age))
    for number, site in ipairs(self.sites) do
        self:add_file((site:gsub("/", "@")), world.time(age - number))
    end
end

local function new_storage(protocol)
    local is_sftp = protocol == "sftp"
    return {
        protocol = protocol,
        host = is_sftp and "backup.example.org" or "s3.example.org/eu-standard",
        path = is_sftp and "/backups/portal" or "apic-backup/portal",
        credentials = {username = base64("portalbackup"), password = base64(operator.hex(12))},
        files = {},
    }
end

-- What the administrator makes

local function backup_settings(self)
    local storage = self.storage
    local settings = {protocol = storage.protocol, host = storage.host, path = storage.path,
                      credentials = BACKUP_SECRET, schedule = "0 2 * * *"}
    if storage.protocol == "sftp" then
        settings.port = 22
    else
        settings.backupCerts, settings.backups3URIStyle = "portal-server-ca", "path"
    end
    return settings
end

--- The spec of a portal of this world. fields: those that differ; false: left out.
function World:portal_spec(fields)
    local spec = merge({
        version = self.version,
        siteName = "a5d9b1c2",
        license = {accept = true, use = "nonproduction"},
        adminClientSubjectDN = "CN=portal-admin-client,O=cert-manager",
        portalAdminEndpoint = {hosts = {{name = "api.portal.example.org",
                                         secretName = "portal-admin"}}},
        portalUIEndpoint = {hosts = {{name = "portal.example.org", secretName = "portal-web"}}},
        portalBackup = backup_settings(self),
    }, fields)
    for field, value in pairs(spec) do
        spec[field] = value or nil
    end
    return spec
end

function World:create_backup_secrets()
    self:create_secret("portalBackup.credentials",
        {name = BACKUP_SECRET, data = self.storage.credentials})
    if self.storage.protocol == "objstore" then
        self:create_secret("portalBackup.backupCerts", {
            name = "portal-server-ca",
            data = {["ca.crt"] = base64("-----BEGIN CERTIFICATE-----\n" .. operator.hex(32))},
        })
    end
end

--- Creates an APIConnectCluster with that spec of its portal, or gives it to the one that is there.
function World:add_top_level(name, portal)
    local spec = {version = self.version, license = {accept = true}, portal = portal}
    local made, err = self.client:create({
        apiVersion = "apiconnect.ibm.com/v1beta1",
        kind = "APIConnectCluster",
        metadata = {name = name},
        spec = spec,
    })
    if not made and err.code == "AlreadyExists" then
        made, err = self.client:patch(apiconnect.TOP, name, {spec = spec})
    end
    must(made, err)
end

function World:await_installed(name)
    must(self.client:wait(apiconnect.PORTAL, name,
        {timeout = operator.PATIENCE, create = true}))
end

--- Creates a further PortalCluster; the controllers take care of it. options: owner, spec.
function World:add_portal(name, options)
    if options.owner then
        self:add_top_level(options.owner, self:portal_spec(merge({name = name, version = false,
            license = false, adminClientSubjectDN = false}, options.spec)))
    else
        must(self.client:create({
            apiVersion = controllers.API,
            kind = "PortalCluster",
            metadata = {name = name},
            spec = self:portal_spec(options.spec),
        }))
    end
    self:await_installed(name)
end

-- What tests ask

function World:portal()
    return must(self.client:get(apiconnect.PORTAL, self.name))
end

function World:list(kind)
    return must(self.client:list(kind))
end

--- Changes the PortalCluster as a merge patch does.
function World:patch(patch)
    return must(self.client:patch(apiconnect.PORTAL, self.name, patch))
end

function World:patch_status(status)
    return must(self.client:patch(apiconnect.PORTAL, self.name, {status = status},
        {subresource = "status"}))
end

--- Waits until each file of the storage has a record.
function World:await_records()
    operator.eventually("the records of backups", function()
        local ready = 0
        for _, object in ipairs(self:list(apiconnect.PORTAL_BACKUP)) do
            ready = ready + (dig(object, "spec", "crType") == "record"
                and dig(object, "status", "phase") and 1 or 0)
        end
        return ready >= #self.storage.files
    end)
end

--- start(options) -> the world. options: kubeconfig, namespace (it exists), version ("10.0.5.3"),
--- name ("portal"), protocol of the backups ("sftp" or "objstore"), owner (name of an
--- APIConnectCluster above it), spec (fields that differ), sites (their URLs without https://),
--- backups (a list of ages in seconds; one of an hour ago), storage (of another world), install
--- (false: without a portal), delays {install, backup, records, restore} in seconds, on_restored
--- (called with {name = time} of what was restored), faults: reasons why a backup, a dry_run or a
--- restore fails or an install does not come up, stuck (true: restores never end), unseen (name of
--- files that get no record), unnamed (true: records name no portal), actions(set, usual): gives
--- the text of dry runs in the place of usual(set).
function world.start(options)
    local self = operator.start(World, options, {
        version = options.version or "10.0.5.3",
        name = options.name or "portal",
        storage = options.storage or new_storage(options.protocol or "sftp"),
        sites = options.sites or {"portal.example.org/acme/shop", "portal.example.org/acme/lab"},
        delays = merge({install = 0.01, backup = 0.02, records = 0, restore = 0.02},
            options.delays),
        faults = options.faults or {},
        on_restored = options.on_restored or function() end,
        secrets = {}, -- by role: {name, data}
        installed = {}, -- by name of the portal: {key, at}
        recorded = {}, -- "portal/file/time" = true
    })
    world.install(self.client)
    controllers.start(self)
    if not options.storage then
        for _, age in ipairs(options.backups or {3600}) do
            self:add_backup(age)
        end
    end
    if options.install ~= false then
        self:create_backup_secrets()
        self:add_portal(self.name, options)
        self:await_records()
    end
    return self
end

return world
