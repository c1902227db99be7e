--- How the simulated portal operator moves its objects; see worlds.apic_v10_portal.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local dig = require("salvor").dig
local diff = require("salvor.procedure.diff")
local list = require("salvor").list
local merge = require("salvor.copy").merge
local operator = require("worlds.operator")
local task = require("salvor.task")

local controllers = {}

controllers.API = "portal.apiconnect.ibm.com/v1beta1"
controllers.SYSTEM = "_portal_system_backup"
local PARTS = 6 -- how many parts a portal has
local PAUSE = 0.02

local function same(one, other)
    return #diff.fields({value = one}, {value = other}) == 0
end

-- PortalCluster

local function cluster_status(object, phase, up, message)
    return {phase = phase, state = up .. "/" .. PARTS, message = message,
            conditions = list({}), endpoints = list({}),
            versions = {reconciled = object.spec.version}}
end

--- The name and data of the encryption secret: the one that the resource names, once it is there,
--- or a new one.
local function encryption_secret(self, object)
    local named = dig(object, "spec", "encryptionSecret", "secretName")
    if named then
        return named, operator.eventually("secret " .. named, function()
            return self.client:get("secrets", named)
        end).data
    end
    local secret = {name = object.metadata.name .. "-enc-key",
                    data = {encryption_secret = base64(operator.hex(48))}}
    self:create_secret("encryptionSecret", secret, object)
    return secret.name, secret.data
end

--- What the operator sets by itself.
local function defaults(self, object)
    local spec = {}
    if not object.spec.originalUID and apiconnect.has_original_uid(object.spec.version) then
        spec.originalUID = object.metadata.uid
    end
    if not object.spec.siteName then
        spec.siteName = operator.hex(4)
    end
    return must(self.client:patch(apiconnect.PORTAL, object.metadata.name, {spec = spec}))
end

function controllers.cluster(self, object)
    self:set_status(object, cluster_status(object, "Pending", 0, "Portal is being installed"))
    object = defaults(self, object)
    local secret, data = encryption_secret(self, object)
    task.sleep(self.delays.install)
    if self.faults.install then
        return self:set_status(object, cluster_status(object, "Pending", 2, self.faults.install))
    end
    if not self.storage.key then
        self.storage.key = data.encryption_secret
        self.storage.original_uid = object.spec.originalUID or object.metadata.uid
    end
    self.installed[object.metadata.name] = {key = data.encryption_secret, at = task.now()}
    self:set_status(object, merge(cluster_status(object, "Running", PARTS, "Portal is ready"),
        {encryptionSecret = secret}))
end

-- Backups: what is in the remote storage becomes records

local function task_status(phase, fields)
    -- Not "": the API server takes an empty text that must be there for null.
    return merge({phase = phase, id = operator.hex(6), backupId = "n/a", commentLeft = "n/a",
                  fullBackupName = "n/a", message = "n/a", conditions = list({})}, fields)
end

--- Whether the installation reaches the storage: the same place, and the credentials that it knows.
local function reaches(self, object)
    local settings = dig(object, "spec", "portalBackup") or {}
    if settings.host ~= self.storage.host or settings.path ~= self.storage.path then
        return false
    end
    local secret = self.client:get("secrets", settings.credentials)
    return secret and same(secret.data, self.storage.credentials)
end

local function site_of(file)
    return file.name ~= controllers.SYSTEM and (file.name:gsub("@", "/")) or nil
end

local function add_record(self, cluster, file)
    local key = cluster .. "/" .. file.name .. "/" .. file.time
    if self.recorded[key] or file.name == self.faults.unseen then
        return
    end
    local created = must(self.client:create({
        apiVersion = controllers.API,
        kind = "PortalBackup",
        metadata = {generateName = cluster .. "-record-",
                    labels = {[operator.SEEDED] = "true"}},
        spec = {type = site_of(file) and "site" or "system", crType = "record",
                portalCluster = not self.faults.unnamed and cluster or nil,
                siteName = site_of(file)},
    }))
    self.recorded[key] = true
    self:set_status(created, task_status("Ready", {
        backupId = file.time, fullBackupName = file.name .. "-" .. file.time .. ".tar.gz"}))
end

--- As the operator does every ten minutes.
function controllers.sweep(self)
    for cluster, installed in pairs(self.installed) do
        local object = self.client:get(apiconnect.PORTAL, cluster)
        if object and task.now() - installed.at >= self.delays.records
            and reaches(self, object) then
            -- The newest first: a test that has waited too briefly has those that are meant.
            for number = #self.storage.files, 1, -1 do
                add_record(self, cluster, self.storage.files[number])
            end
        end
    end
end

local function store_backup(self, type)
    local time = os.date("!%Y%m%d.%H%M%S")
    for _, site in ipairs(type ~= "system" and self.sites or {}) do
        self:add_file((site:gsub("/", "@")), time)
    end
    if type ~= "site" then
        self:add_file(controllers.SYSTEM, time)
    end
end

function controllers.backup(self, object)
    for _, phase in ipairs({"Pending", "Running"}) do
        self:set_status(object, task_status(phase))
        task.sleep(self.delays.backup)
    end
    if self.faults.backup then
        return self:set_status(object, task_status("Failed", {message = self.faults.backup}))
    end
    store_backup(self, object.spec.type)
    self:set_status(object, task_status("Ready"))
end

-- Restores

--- The newest file of each name that is not newer than `time`: {name = time}
function controllers.set_at(files, time)
    local set = {}
    for _, file in ipairs(files) do
        if (time == "now" or file.time <= time) and file.time > (set[file.name] or "") then
            set[file.name] = file.time
        end
    end
    return set
end

local function file_name(name, time)
    return name .. "-" .. time .. ".tar.gz"
end

--- Why that installation cannot take the backups over; nil when it can.
local function refusal(self, cluster, set)
    local installed = self.installed[cluster.metadata.name]
    local has_uid = apiconnect.has_original_uid(cluster.spec.version)
    if has_uid and cluster.spec.originalUID ~= self.storage.original_uid then
        return "the backup is of a portal with another originalUID"
    elseif not installed or installed.key ~= self.storage.key then
        return "the backup of the system cannot be decrypted"
    elseif not set[controllers.SYSTEM] then
        return "there is no backup of the system until then"
    end
end

--- "DRY_RUN: Site will be restored. URL: ..., UUID: ..., FILE: ..." for each.
local function actions(set)
    local lines = {"DRY_RUN: Portal system will be restored. FILE: "
        .. file_name(controllers.SYSTEM, set[controllers.SYSTEM])}
    for name, time in pairs(set) do
        if name ~= controllers.SYSTEM then
            lines[#lines + 1] = string.format("DRY_RUN: Site will be restored. URL: %s, UUID: %s,"
                .. " FILE: %s", name:gsub("@", "/"), operator.hex(4), file_name(name, time))
        end
    end
    return table.concat(lines, "\n")
end

local function restore_end(self, object)
    local cluster = self.client:get(apiconnect.PORTAL, object.spec.portalCluster)
    local set = controllers.set_at(self.storage.files, object.spec.timestamp or "now")
    local dry = object.spec.dryRun
    local fault = not dry and self.faults.restore or dry and self.faults.dry_run or nil
    local problem = not cluster and "there is no such portal"
        or refusal(self, cluster, set) or fault
    if problem then
        return task_status("Failed", {message = problem})
    elseif dry then
        local told = self.faults.actions or actions
        return task_status("Ready", {message = told(set, actions)})
    end
    self.restored = set
    self.on_restored(set)
    return task_status("Ready", {message = "restored"})
end

function controllers.restore(self, object)
    for _, phase in ipairs({"Pending", "Running"}) do
        self:set_status(object, task_status(phase))
        task.sleep(self.delays.restore)
    end
    if not self.faults.stuck then
        self:set_status(object, restore_end(self, object))
    end
end

-- APIConnectCluster: what it says of its portal holds, whatever is done to the PortalCluster

function controllers.top_level(self, object)
    local portal = dig(object, "spec", "portal")
    if not portal then
        return
    end
    local spec = merge(portal, {version = object.spec.version})
    local name = spec.name or object.metadata.name .. "-ptl"
    spec.name = nil
    spec.license = object.spec.license
    spec.adminClientSubjectDN = "CN=portal-admin-client,O=cert-manager"
    for _, field in ipairs({"portalAdminEndpoint", "portalUIEndpoint"}) do
        spec[field] = spec[field] or {hosts = {{name = name .. ".apps.example.org"}}}
    end
    local found = self.client:get(apiconnect.PORTAL, name)
    if found then
        return must(self.client:patch(apiconnect.PORTAL, name, {spec = spec}))
    end
    must(self.client:create({
        apiVersion = controllers.API,
        kind = "PortalCluster",
        metadata = {name = name, ownerReferences = operator.owner_reference(object)},
        spec = spec,
    }))
end

--- A PortalCluster below an APIConnectCluster was changed.
function controllers.owned(self, object)
    local owner = apiconnect.top_level(object)
    local above = self.client:get(apiconnect.TOP, owner.name)
    local wanted = above and dig(above, "spec", "portal") or {}
    for field, value in pairs(wanted) do
        if field ~= "name" and not same(object.spec[field], value) then
            return controllers.top_level(self, above)
        end
    end
end

--- Starts all of them.
function controllers.start(self)
    self:control(apiconnect.PORTAL, controllers.cluster)
    self:control(apiconnect.PORTAL_BACKUP, controllers.backup)
    self:control(apiconnect.PORTAL_RESTORE, controllers.restore)
    local always = function()
        return true
    end
    self:control(apiconnect.TOP, controllers.top_level,
        {object = always, types = {ADDED = true, MODIFIED = true}})
    self:control(apiconnect.PORTAL, controllers.owned, {
        object = function(object)
            return apiconnect.top_level(object) ~= nil
        end,
        types = {MODIFIED = true},
    })
    table.insert(self.tasks, task.spawn(function()
        while true do
            controllers.sweep(self)
            task.sleep(PAUSE)
        end
    end))
end

return controllers
