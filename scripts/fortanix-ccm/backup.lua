-- Captures all four parts of a backup of Fortanix CCM: the Cassandra database by Medusa, the
-- ConfigMap and the Secret of its bootstrapping, and the operator's resource.
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local fortanix = require("salvor.fortanix")
local medusa = require("salvor.medusa")
local yaml = require("salvor.yaml")

local HOUR = 3600
local DATACENTERS = "cassandradatacenters.cassandra.datastax.com"

local CR_FILE = "cr.yaml"
local CONFIG_MAP_FILE = "configmap.yaml"
local SECRET_FILE = "secret.yaml"
local PREREQUISITES_FILE = "prerequisites.yaml"
local SETTINGS_FILE = "settings.yaml"

local function open_kit(ctx)
    return ctx:kit(ctx.params.kit)
end

local function platform(ctx)
    return must(ctx.k8s:get(ctx.facts.cr.kind, ctx.facts.cr.name))
end

local function kinds(ctx)
    return medusa.kinds(ctx.params.medusa)
end

-- Checks

local function find_resource(ctx)
    local cr = must(fortanix.resource(ctx.params.cr))
    local object, err = ctx.k8s:get(cr.kind, cr.name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no " .. cr.kind .. " " .. cr.name .. " in namespace "
            .. ctx.namespace, "name the resource of the Armor operator with -p cr=kind/name, its"
            .. " namespace with -n")
    end
    must(object, err)
    ctx.facts.cr = cr
    ctx.facts.uid = object.metadata.uid
    if dig(object, "spec", "paused") == true then
        ctx:warn("spec.paused is true: the operator does nothing", "is a restore under way?")
    end
end

local function check_datacenter(ctx)
    local object
    if ctx.params.datacenter then
        object = must(ctx.k8s:get(DATACENTERS, ctx.params.datacenter))
    else
        local found = must(ctx.k8s:list(DATACENTERS))
        if #found ~= 1 then
            return ctx:problem("there are " .. #found .. " CassandraDatacenters in namespace "
                .. ctx.namespace, "choose one with -p datacenter=…")
        end
        object = found[1]
    end
    ctx.facts.datacenter = {name = object.metadata.name, cluster = dig(object, "spec",
        "clusterName"), size = dig(object, "spec", "size")}
    local state, why = require("salvor.k8s").state(object)
    if state ~= "ready" then
        ctx:problem("CassandraDatacenter " .. object.metadata.name .. " is not ready: "
            .. tostring(why), "a backup of a part of its nodes cannot be restored")
    end
end

--- The resource says where backups go and how often.
local function check_storage(ctx)
    local settings = fields.map(platform(ctx), "spec", "backup")
    for _, field in ipairs({"secret", "bucketName", "schedule"}) do
        if not fields.text(settings, field) then
            ctx:problem("spec.backup." .. field .. " of the resource is not set",
                "set it as the installation guide says; without it there are no backups")
        end
    end
    if not fields.text(settings, "storageProvider", "mode") then
        ctx:problem("spec.backup.storageProvider.mode of the resource is not set")
    end
    local name = fields.text(settings, "secret")
    local secret, err = nil, nil
    if name then
        secret, err = ctx.k8s:get("secrets", name)
    end
    if err and err.code == "NotFound" then
        ctx:problem("secret " .. name .. ", which backups are stored with, does not exist",
            "create it again with the keys of the storage account")
    elseif name then
        must(secret, err)
        if next(fields.map(secret, "data")) == nil then
            ctx:problem("secret " .. name .. ", which backups are stored with, is empty")
        end
    end
    ctx.facts.storage = {secret = name, bucket = fields.text(settings, "bucketName"),
                         prefix = fields.text(settings, "prefix"),
                         schedule = fields.text(settings, "schedule"),
                         mode = fields.text(settings, "storageProvider", "mode")}
end

local function check_bootstrapping(ctx)
    for kind, name in pairs({configmaps = ctx.params.config_map, secrets = ctx.params.secret}) do
        local object, err = ctx.k8s:get(kind, name)
        if not object and err.code == "NotFound" then
            ctx:problem("there is no " .. kind:sub(1, -2) .. " " .. name,
                "without it a recreated platform does not start; is this its namespace?")
        else
            must(object, err)
            if next(fields.map(object, "data")) == nil then
                ctx:problem(kind:sub(1, -2) .. " " .. name .. " is empty")
            end
        end
    end
end

local function describe(backup)
    return string.format("%s: %s of %s nodes%s%s%s", backup.name,
        tostring(backup.finished_nodes), tostring(backup.nodes),
        backup.size and ", " .. backup.size or "",
        backup.finished and os.date("!, finished %Y-%m-%dT%H:%M:%SZ", backup.finished) or "",
        backup.usable and "" or "; cannot be restored: " .. tostring(backup.why))
end

local function check_backups(ctx)
    local found = medusa.backups(ctx.k8s, kinds(ctx), ctx.facts.datacenter.name)
    for index = math.max(1, #found - 9), #found do
        ctx:note(describe(found[index]))
    end
    local newest = medusa.newest(found)
    ctx.facts.backup = newest and {name = newest.name, finished = newest.finished}
    if ctx.params.take_backup then
        return
    elseif not newest then
        return ctx:problem(#found == 0 and "there is no MedusaBackup of datacenter "
            .. ctx.facts.datacenter.name or "none of the " .. #found .. " MedusaBackups can be "
            .. "restored", "take one: -p take_backup=true")
    end
    local age = os.time() - newest.finished
    if age > ctx.params.max_age then
        ctx:warn(string.format("the newest backup, %s, is %.1f hours old, %.1f are allowed",
            newest.name, age / HOUR, ctx.params.max_age / HOUR),
            "is the schedule at work? take one: -p take_backup=true")
    end
end

local function system(ctx)
    return {kind = ctx.facts.cr.kind, namespace = ctx.namespace, name = ctx.facts.cr.name,
            uid = ctx.facts.uid}
end

local function check_kit(ctx)
    local kit = open_kit(ctx)
    local ok, err = kit:check_place(ctx.facts.uid and system(ctx))
    if not ok then
        ctx:problem(err.message, err.hint)
    end
end

-- Steps

local function take_backup(ctx)
    local taken = medusa.take(ctx.k8s, kinds(ctx), ctx.facts.datacenter, ctx:name("medusa-backup"),
        ctx.params.backup_timeout)
    ctx.facts.backup = {name = taken.name, finished = taken.finished}
    if not ctx.planning then
        ctx:note("took backup " .. describe(taken))
    end
end

local function is_usable(ctx)
    local found = medusa.get(ctx.k8s, kinds(ctx), ctx.facts.backup.name)
    return found ~= nil and found.usable
end

local function save_prerequisites(ctx)
    local kit, source = open_kit(ctx), {kind = "prerequisites"}
    local now = fortanix.prerequisites(ctx.k8s, ctx.params.nodes)
    kit:write(PREREQUISITES_FILE, must(yaml.dump(now)), source)
    ctx:note(string.format("Kubernetes %s, %d nodes", now.kubernetes, #now.nodes))
end

local function save_objects(ctx)
    local kit = open_kit(ctx)
    kit:save(CONFIG_MAP_FILE, must(ctx.k8s:get("configmaps", ctx.params.config_map)))
    kit:save(SECRET_FILE, must(ctx.k8s:get("secrets", ctx.params.secret)))
    kit:save(CR_FILE, platform(ctx))
    kit:write(SETTINGS_FILE, must(yaml.dump({
        namespace = ctx.namespace,
        cr = ctx.facts.cr,
        datacenter = ctx.facts.datacenter,
        storage = ctx.facts.storage,
        backup = {
            name = ctx.facts.backup.name,
            finished = ctx.facts.backup.finished
                and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(ctx.facts.backup.finished)),
        },
    })), {kind = "settings"})
end

local FILES = {CONFIG_MAP_FILE, SECRET_FILE, CR_FILE, SETTINGS_FILE}

--- A backup is complete when all four parts are captured, and not before.
local function read_back(ctx)
    if ctx.planning then
        return
    end
    local manifest, files = open_kit(ctx):read()
    must(manifest, files)
    for _, path in ipairs(FILES) do
        must(yaml.load(files[path]))
    end
    ctx:note("complete: database (" .. ctx.facts.backup.name .. "), ConfigMap, Secret and resource")
end

return {
    id = "fortanix-ccm/backup",
    title = "Back up Fortanix CCM: database, bootstrapping data and resource",
    summary = "Takes a Medusa backup of the database and saves the ConfigMap, the Secret and the "
        .. "operator's resource, with what a restore must find the same.",
    document = "Fortanix Confidential Computing Manager: Backup and restore (on-premises)",
    systems = {{name = "Fortanix CCM on-premises", versions = "with Medusa backups"}},
    categories = {"backup", "safe"},
    params = {
        {name = "cr", type = "string", required = true,
         help = "the Armor operator's resource: kind/name, or the path of its manifest"},
        {name = "kit", type = "url", required = true,
         help = "where to save: a folder, made when missing, or the URL of a store"},
        {name = "take_backup", type = "boolean", default = true,
         help = "take a full database backup now and wait for it"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long that backup may take"},
        {name = "max_age", type = "duration", default = "24h",
         help = "without a new backup: warn when the newest usable one is older"},
        {name = "datacenter", type = "name",
         help = "the CassandraDatacenter; the only one when left out"},
        {name = "config_map", type = "name", default = fortanix.CONFIG_MAP,
         help = "the ConfigMap of the bootstrapping data"},
        {name = "secret", type = "name", default = fortanix.SECRET,
         help = "the Secret of the bootstrapping data"},
        {name = "nodes", type = "string",
         help = "labels of the nodes that the platform runs on; all nodes when left out"},
        {name = "medusa", type = "string", default = medusa.API,
         help = "the API group and version of Medusa's kinds"},
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}},
    },
    steps = {
        {
            id = "resource",
            title = "Find the operator's resource",
            why = "It is one of the four parts of a backup, and says where the others are stored.",
            check = true,
            run = find_resource,
        },
        {
            id = "datacenter",
            title = "The Cassandra datacenter is ready",
            why = "A backup is of use only when all nodes have finished it.",
            check = true,
            run = check_datacenter,
        },
        {
            id = "storage",
            title = "Backups are scheduled, and their storage has its secret",
            why = "Automatic backups go by the schedule of the resource to the storage that its "
                .. "secret opens.",
            check = true,
            needs = {"resource"},
            run = check_storage,
        },
        {
            id = "bootstrapping",
            title = "The bootstrapping data exist",
            why = "A recreated cluster cannot start the platform without them.",
            check = true,
            run = check_bootstrapping,
        },
        {
            id = "backups",
            title = "List the database backups",
            why = "Their state, size and the nodes that have completed them.",
            check = true,
            needs = {"datacenter"},
            run = check_backups,
        },
        {
            id = "kit",
            title = "The kit's place can be used",
            why = "A kit belongs to one system; the last good generation is never touched.",
            check = true,
            run = check_kit,
        },
        {
            id = "take-backup",
            title = "Take a full database backup and wait for it",
            why = "All parts of a backup should be of the same time.",
            when = function(ctx)
                return ctx.params.take_backup
            end,
            run = take_backup,
            verify = is_usable,
        },
        {
            id = "save-prerequisites",
            title = "Note versions, nodes and images",
            why = "A restore needs the same versions of Kubernetes, of the operator and of the "
                .. "microservices, and the same nodes.",
            run = save_prerequisites,
            verify = function(ctx)
                return open_kit(ctx):holds({PREREQUISITES_FILE})
            end,
        },
        {
            id = "save-objects",
            title = "Save ConfigMap, Secret and resource",
            why = "The bootstrapping data and the resource are needed when the cluster is "
                .. "recreated.",
            run = save_objects,
            verify = function(ctx)
                return open_kit(ctx):holds(FILES)
            end,
        },
        {
            id = "publish",
            title = "Publish the kit's new generation",
            why = "The backup is complete only when all four parts are captured.",
            run = function(ctx)
                open_kit(ctx):publish(system(ctx))
            end,
        },
        {
            id = "read-back",
            title = "Read the kit back and check it",
            why = "What cannot be read is found out now, not in the disaster.",
            run = read_back,
            verify = function(ctx)
                return open_kit(ctx):read() ~= nil
            end,
        },
    },
    next = function(ctx)
        return {"Keep " .. open_kit(ctx).url .. " outside this cluster, safe and private: it holds "
            .. "the secret that starts the platform."}
    end,
}
