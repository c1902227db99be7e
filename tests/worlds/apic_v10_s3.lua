--- A simulated API Connect v10 whose operator takes S3 settings: it runs the real pgBackRest, with
--- the stanza-create of the settings, as the Job that the operator makes does.
---
---     local world <close> = world.start{kubeconfig = file, namespace = "apic"}
---
--- Where pods can run (`pods`) the Job and its pod are real. Elsewhere pgBackRest runs beside
--- the test, and the Job and the pod are objects that tell how it ended.
local apic_v10 = require("worlds.apic_v10")
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local merge = require("salvor.copy").merge
local operator = require("worlds.operator")
local pgbackrest_run = require("support.pgbackrest_run")
local salvor = require("salvor")
local stanza_job = require("worlds.stanza_job")
local task = require("salvor.task")
local unbase64 = require("salvor.digest").unbase64

local world = {}

local JOBS = "jobs.batch"

-- What pgBackRest is to do

local function secret(self, name, key)
    local found = name and self.client:get("secrets", name)
    local value = dig(found, "data", key)
    return value and unbase64(value) or ""
end

--- The settings as pgBackRest has them in the environment, which is how the pods get them.
local function environment(self, settings)
    local bucket, folder = settings.path:match("^([^/]+)/?(.*)$")
    local endpoint, region = settings.host:match("^(.+)/([^/]+)$")
    return {
        PGBACKREST_STANZA = "db",
        PGBACKREST_REPO1_TYPE = "s3",
        PGBACKREST_REPO1_PATH = "/" .. folder,
        PGBACKREST_REPO1_S3_BUCKET = bucket,
        PGBACKREST_REPO1_S3_ENDPOINT = endpoint:match("^[^:]+"),
        PGBACKREST_REPO1_S3_REGION = region,
        PGBACKREST_REPO1_S3_URI_STYLE = settings.backups3URIStyle or "host",
        PGBACKREST_REPO1_S3_KEY = secret(self, settings.credentials, "key"),
        PGBACKREST_REPO1_S3_KEY_SECRET = secret(self, settings.credentials, "keysecret"),
        PGBACKREST_REPO1_STORAGE_HOST = "localhost", -- names below it are known to nobody else
        PGBACKREST_REPO1_STORAGE_PORT = endpoint:match(":(%d+)$") or "443",
    }, secret(self, settings.backupCerts, "ca.crt")
end

-- The Job

local function remove_old(self, name)
    local selector = {["job-name"] = name}
    for _, pod in ipairs(must(self.client:list("pods", {label_selector = selector}))) do
        self.client:delete("pods", pod.metadata.name, {grace_period = 0})
    end
    self.client:delete(JOBS, name, {propagation = "background"})
    operator.eventually("the end of Job " .. name, function()
        local found, err = self.client:get(JOBS, name)
        return not found and err.code == "NotFound"
    end)
end

--- As the operator does it: the Job before goes, a new one takes its place.
local function create_stanza(self, settings)
    self.stanzas = self.stanzas + 1
    local name = self.database_cluster .. "-stanza-create"
    remove_old(self, name)
    if self.before_stanza then
        self.before_stanza()
    end
    local env, ca = environment(self, settings)
    if self.pods then
        self.pods:repository(self, env, ca)
        must(self.client:create(stanza_job.object(self, self.pods:spec("backrest",
            {"pgbackrest", "--no-online", "stanza-create"}, env, ca))))
        return
    end
    local job = stanza_job.create(self)
    local code = self.exit_code or pgbackrest_run.stanza_create(env, ca)
    task.sleep(self.delays.job)
    stanza_job.finish(self, job, code)
end

-- The operator

--- What it acts on; a restart is no setting of its own.
local function fingerprint(settings)
    local fields = {}
    for _, name in ipairs(salvor.keys(settings)) do
        if name ~= "restartDB" then
            fields[#fields + 1] = name .. "=" .. tostring(settings[name])
        end
    end
    return table.concat(fields, " ")
end

local function set_phase(self, object, phase, state, message, mode)
    self:set_status(object, merge(object.status, {phase = phase, state = state, message = message,
                                                  haMode = mode or salvor.null}))
end

local function apply_settings(self, object, settings)
    set_phase(self, object, "Pending", "11/18", "The database restarts")
    task.sleep(self.delays.restart)
    create_stanza(self, settings)
    set_phase(self, object, "Running", "18/18", "Management is ready",
        dig(object, "spec", "multiSiteHA", "mode"))
end

--- Tells by a condition which generation of the resource was seen, as controllers do.
local function observe(self, object)
    local seen = dig(object, "status", "conditions", 1, "observedGeneration")
    if not self.paused and seen ~= object.metadata.generation and dig(object, "status") then
        must(self.client:patch(apiconnect.MANAGEMENT, object.metadata.name, {status = {
            conditions = salvor.list({{type = "Ready", status = "True", reason = "Ready",
                                       message = "",
                                       lastTransitionTime = os.date("!%Y-%m-%dT%H:%M:%SZ"),
                                       observedGeneration = object.metadata.generation}}),
        }}, {subresource = "status"}))
    end
end

--- An installed database keeps what it has until it may restart, and while there are two data
--- centres.
local function reconcile(self, object)
    if self.paused then
        return
    end
    local settings, name = dig(object, "spec", "databaseBackup") or {}, object.metadata.name
    local mode = dig(object, "spec", "multiSiteHA", "mode")
    if mode ~= self.modes[name] and dig(object, "status", "phase") == "Running" then
        table.insert(self.history, (mode or "none") .. " " .. self.namespace)
        self.modes[name] = mode
        set_phase(self, object, "Running", "18/18", "Management is ready", mode)
    end
    local now = fingerprint(settings)
    if settings.protocol ~= "objstore" or self.seen[name] == now or mode
        or dig(object, "status", "phase") ~= "Running" then
        return
    elseif self.database == "crunchy" and not self.is_fresh
        and (dig(settings, "restartDB", "accept") ~= true or self.refuses_restart) then
        return set_phase(self, object, "Running", "18/18", "restartDB.accept is not true")
    end
    self.seen[name] = now
    if self.database == "crunchy" then
        apply_settings(self, object, settings)
    end
end

--- The top-level resource's operator: its settings become those of the ManagementCluster.
local function reconcile_top(self, object)
    local management = dig(object, "spec", "management") or {}
    local now = self:management()
    must(self.client:patch(apiconnect.MANAGEMENT, self.name, {spec = {
        databaseBackup = merge((function()
            local gone = {}
            for name in pairs(now.spec.databaseBackup or {}) do
                gone[name] = salvor.null
            end
            return gone
        end)(), management.databaseBackup),
        multiSiteHA = management.multiSiteHA or salvor.null,
    }}))
end

local ANY = {ADDED = true, MODIFIED = true}

local function always()
    return true
end

--- A Job that was deleted is made again.
local function watch_job(self, job)
    if not self.closing and job.metadata.name == self.database_cluster .. "-stanza-create" then
        local object = self:management()
        if self.seen[self.name] == fingerprint(object.spec.databaseBackup) and self.remakes then
            create_stanza(self, object.spec.databaseBackup)
        end
    end
end

local MULTISITE = {
    active = {mode = "active", replicationEndpoint = {hosts = {{name = "one.example.org",
              secretName = "one-tls"}}}, replicationPeerFQDN = "two.example.org",
              tlsClient = {secretName = "two-client"}},
    passive = {mode = "passive", replicationEndpoint = {hosts = {{name = "two.example.org",
               secretName = "two-tls"}}}, replicationPeerFQDN = "one.example.org",
               tlsClient = {secretName = "one-client"}},
}

--- Waits until the operator has seen the last change of the ManagementCluster.
function world.settle(self)
    operator.eventually("the operator", function()
        local object = self:management()
        return dig(object, "status", "conditions", 1, "observedGeneration")
            == object.metadata.generation
    end)
end

--- start(options) -> the world of worlds.apic_v10 (`protocol` is sftp) with this operator. More
--- options: mode ("active" or "passive": one of two data centres), pods (support.pgbackrest_pod,
--- where they can run), exit_code
--- (of stanza-create, in the place of the real one), fresh (no consent to a restart is needed),
--- top (the name of an APIConnectCluster that has the settings), history (a list that changes of
--- multiSiteHA are added to), delays {job, restart}.
function world.start(options)
    local spec = merge(options.spec)
    spec.multiSiteHA = options.mode and MULTISITE[options.mode]
    local self = apic_v10.start(merge(options, {spec = spec, owner = options.top,
                                                backups = options.backups or {}}))
    self.pods, self.exit_code, self.is_fresh = options.pods, options.exit_code, options.fresh
    self.seen, self.modes = {}, {[self.name] = options.mode}
    self.history, self.stanzas = options.history or {}, 0
    self.delays.job, self.delays.restart = 0.01, 0.01
    if options.top then
        must(self.client:patch("apiconnectclusters.apiconnect.ibm.com", options.top, {spec = {
            management = {name = self.name, databaseBackup = self:management().spec.databaseBackup,
                          multiSiteHA = spec.multiSiteHA},
        }}))
        self:control("apiconnectclusters.apiconnect.ibm.com", reconcile_top,
            {object = always, types = ANY})
    end
    self:control(apiconnect.MANAGEMENT, function(_, object)
        reconcile(self, object)
        observe(self, object)
    end, {object = always, types = ANY})
    self:control(JOBS, watch_job, {object = always, types = {DELETED = true}})
    world.settle(self)
    return self
end

world.MULTISITE = MULTISITE
world.JOB = "management-82b290a2-postgres-stanza-create"

return world
