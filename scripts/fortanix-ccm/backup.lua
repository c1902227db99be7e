-- Captures all four parts of a backup of Fortanix CCM: the Cassandra database by Medusa, the
-- ConfigMap and the Secret of its bootstrapping, and the operator's resource.
local cassandra = require("salvor.cassandra")
local dig = require("salvor").dig
local errors = require("salvor.error")
local fortanix = require("salvor.fortanix")
local keys = require("salvor").keys
local medusa = require("salvor.medusa")
local parts = require("salvor.fortanix.kit")
local prerequisites = require("salvor.fortanix.prerequisites")
local storage = require("salvor.fortanix.storage")
local yaml = require("salvor.yaml")

local HOUR = 3600
local LISTED = 10 -- backups

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

local function check_resource(ctx)
    local cr = fortanix.resource(ctx.params.cr)
    local object, err = ctx.k8s:get(cr.kind, cr.name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no " .. cr.resource .. " " .. cr.name .. " in namespace "
            .. ctx.namespace, "name the resource of the Armor operator with -p cr=…, its namespace"
            .. " with -n")
    end
    must(object, err)
    ctx.facts.cr = cr
    ctx.facts.uid = object.metadata.uid
    if dig(object, "spec", "paused") == true then
        ctx:problem("spec.paused is true: the operator does nothing, and what is there may be"
            .. " half a restore", "finish that (salvor runs), or set it to false and wait for all")
    end
end

local function check_datacenter(ctx)
    local found, err = cassandra.datacenter(ctx.k8s, ctx.params.datacenter)
    if not found and type(err) == "number" then
        return ctx:problem("there are " .. err .. " CassandraDatacenters in namespace "
            .. ctx.namespace, err > 1 and "choose one with -p datacenter=…"
            or "is this the namespace of the platform?")
    end
    must(found, err)
    ctx.facts.datacenter = {name = found.name, cluster = found.cluster, size = found.size}
    if not found.ready then
        ctx:problem("CassandraDatacenter " .. found.name .. " is not ready: "
            .. tostring(found.why), "a backup of a part of its nodes cannot be restored")
    end
end

local function check_prerequisites(ctx)
    local now = prerequisites.read(ctx.k8s, ctx.params.nodes)
    if #now.nodes == 0 then
        ctx:problem("no node has the labels " .. tostring(ctx.params.nodes),
            "give those of the platform's nodes with -p nodes=…")
    end
    ctx:note(string.format("Kubernetes %s, %d nodes", now.kubernetes, #now.nodes))
    for _, name in ipairs(keys(now.images)) do
        ctx:note("deployment " .. name .. ": " .. table.concat(now.images[name], ", "))
    end
end

--- The resource says where backups go and how often.
local function check_storage(ctx)
    ctx.facts.storage = storage.settings(platform(ctx))
    local key = ctx.params.storage_key
    for _, finding in ipairs(storage.findings(ctx.k8s, ctx.facts.storage, key)) do
        ctx[finding.level](ctx, finding.message, finding.hint)
    end
end

local function check_bootstrapping(ctx)
    for _, item in ipairs({{"ConfigMap", ctx.params.config_map}, {"Secret", ctx.params.secret}}) do
        local kind, name = table.unpack(item)
        local object, err = ctx.k8s:get("v1/" .. kind, name)
        if not object and err.code == "NotFound" then
            ctx:problem("there is no " .. kind .. " " .. name,
                "without it a recreated platform does not start; is this its namespace?")
        elseif parts.is_empty(must(object, err)) then
            ctx:problem(kind .. " " .. name .. " is empty")
        end
    end
end

local function check_backups(ctx)
    local name = ctx.facts.datacenter.name
    local found = medusa.backups(ctx.k8s, kinds(ctx), name)
    for index = math.max(1, #found - LISTED + 1), #found do
        ctx:note(medusa.describe(found[index]))
    end
    local newest = medusa.newest(found)
    ctx.facts.backup = newest and {name = newest.name, finished = newest.finished}
    if not newest then
        local complain = ctx.params.take_backup and ctx.warn or ctx.problem
        return complain(ctx, #found == 0 and "there is no MedusaBackup of datacenter " .. name
            or "none of the " .. #found .. " MedusaBackups of datacenter " .. name
            .. " can be restored", ctx.params.take_backup and "is the schedule at work?"
            or "take one: -p take_backup=true")
    end
    local age = os.time() - newest.finished
    if age > ctx.params.max_age then
        ctx:warn(string.format("the newest backup, %s, is %.1f hours old, %.1f are allowed",
            newest.name, age / HOUR, ctx.params.max_age / HOUR),
            "is the schedule at work?" .. (ctx.params.take_backup and ""
            or " Take one: -p take_backup=true"))
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
        return ctx:problem(err.message, err.hint)
    end
    for _, run in ipairs(must(kit:unfinished())) do
        ctx:warn("run " .. run .. " has not finished its generation in " .. kit.url,
            "when it is not at work any more: salvor run --resume " .. run
            .. ", or remove generations/" .. run .. ", which may hold secrets")
    end
end

-- Steps

local function save_prerequisites(ctx)
    open_kit(ctx):write(parts.PREREQUISITES, must(yaml.dump(
        prerequisites.read(ctx.k8s, ctx.params.nodes))), {kind = "prerequisites"})
end

local function take_backup(ctx)
    local taken = medusa.take(ctx.k8s, kinds(ctx), ctx.facts.datacenter, ctx:name("medusa-backup"),
        ctx.params.backup_timeout)
    ctx.facts.backup = {name = taken.name, finished = taken.finished}
    if not ctx.planning then
        ctx:note("took backup " .. medusa.describe(taken))
    end
end

local function is_usable(ctx)
    local found = medusa.get(ctx.k8s, kinds(ctx), ctx.facts.backup.name)
    return found ~= nil and found.usable
end

local function settings(ctx)
    local backup = ctx.facts.backup
    return must(yaml.dump({
        namespace = ctx.namespace,
        cr = {kind = ctx.facts.cr.kind, name = ctx.facts.cr.name},
        datacenter = ctx.facts.datacenter,
        nodes = ctx.params.nodes,
        storage = ctx.facts.storage,
        backup = {
            name = backup.name,
            finished = backup.finished and os.date("!%Y-%m-%dT%H:%M:%SZ", backup.finished),
        },
    }))
end

local function save_objects(ctx)
    local kit = open_kit(ctx)
    kit:save(parts.CONFIG_MAP, must(ctx.k8s:get("configmaps", ctx.params.config_map)))
    kit:save(parts.SECRET, must(ctx.k8s:get("secrets", ctx.params.secret)))
    kit:save(parts.CR, platform(ctx))
    kit:write(parts.SETTINGS, settings(ctx), {kind = "settings"})
end

--- A backup is complete when all four parts are captured, and not before.
local function read_back(ctx)
    if ctx.planning then
        return
    end
    local manifest, files = open_kit(ctx):read()
    must(manifest, files)
    local _, problems = parts.parse(files)
    if #problems > 0 then
        error(errors.new({code = "Corrupt", message = table.concat(problems, "; ")}), 0)
    end
    ctx:note("complete: database (" .. ctx.facts.backup.name .. "), ConfigMap, Secret and resource")
end

-- Permissions

local function takes_backup(params)
    return params.take_backup
end

local function names_datacenter(params)
    return params.datacenter ~= nil
end

return {
    id = parts.PROCEDURE,
    title = "Back up Fortanix CCM: database, bootstrapping data and resource",
    summary = "Takes a Medusa backup of the database and saves the ConfigMap, the Secret and the "
        .. "operator's resource, with what a restore must find the same.",
    document = fortanix.DOCUMENT,
    systems = {{name = "Fortanix CCM on-premises", versions = "with Medusa backups"}},
    categories = {"backup", "safe"},
    params = {
        {name = "cr", type = "string", required = true,
         help = "the Armor operator's resource: plural.group/name, or its manifest (/path)"},
        {name = "kit", type = "url", required = true,
         help = "where to save: a folder, made when missing, or the URL of a store"},
        {name = "take_backup", type = "boolean", default = true,
         help = "take a full database backup now and wait for it"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long that backup may take"},
        {name = "max_age", type = "duration", default = "24h",
         help = "warn when the newest usable backup is older"},
        {name = "datacenter", type = "name",
         help = "the CassandraDatacenter; the only one when left out"},
        {name = "nodes", type = "string",
         help = "labels of the nodes that the platform runs on; all nodes when left out"},
        {name = "config_map", type = "name", default = fortanix.CONFIG_MAP,
         help = "the ConfigMap of the bootstrapping data"},
        {name = "secret", type = "name", default = fortanix.SECRET,
         help = "the Secret of the bootstrapping data"},
        {name = "storage_key", type = "string", default = "credentials",
         help = "what the storage's secret keeps the credentials under"},
        {name = "medusa", type = "string", default = medusa.API,
         help = "the API group and version of Medusa's kinds"},
    },
    permissions = {
        {kind = "namespaces", verbs = {"get"}, namespace = "kube-system"}, -- which cluster it is
        {kind = fortanix.permitted, verbs = {"get"}},
        {kind = "secrets", verbs = {"get"}},
        {kind = "configmaps", verbs = {"get"}, names = function(params)
            return {params.config_map}
        end},
        {kind = "deployments.apps", verbs = {"list"}},
        {kind = "nodes", verbs = {"list"}, namespace = ""},
        {kind = cassandra.DATACENTERS, verbs = {"get"}, when = names_datacenter},
        {kind = cassandra.DATACENTERS, verbs = {"list"}, when = function(params)
            return not names_datacenter(params)
        end},
        {kind = medusa.permitted("backup"), verbs = {"list"}},
        {kind = medusa.permitted("backup"), verbs = {"get", "watch"}, when = takes_backup},
        {kind = medusa.permitted("backup_job"), verbs = {"get", "list", "watch", "create"},
         when = takes_backup},
    },
    steps = {
        {
            id = "resource",
            title = "Find the operator's resource",
            why = "It is one of the four parts of a backup, and says where the database goes.",
            check = true,
            run = check_resource,
        },
        {
            id = "datacenter",
            title = "The Cassandra datacenter is ready",
            why = "A backup is of use only when all nodes have finished it.",
            check = true,
            run = check_datacenter,
        },
        {
            id = "prerequisites",
            title = "Versions, nodes and images can be noted",
            why = "A restore needs the same ones, so they must be known before a backup.",
            check = true,
            run = check_prerequisites,
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
            id = "save-prerequisites",
            title = "Note versions, nodes and images",
            why = "A restore needs the same versions of Kubernetes, of the operator and of the "
                .. "microservices, and the same nodes.",
            run = save_prerequisites,
            verify = function(ctx)
                return open_kit(ctx):holds({parts.PREREQUISITES})
            end,
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
            id = "save-objects",
            title = "Save ConfigMap, Secret and resource",
            why = "The bootstrapping data and the resource are needed when the cluster is "
                .. "recreated.",
            run = save_objects,
            verify = function(ctx)
                return open_kit(ctx):holds({parts.CONFIG_MAP, parts.SECRET, parts.CR,
                                            parts.SETTINGS})
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
        return {
            "Keep " .. open_kit(ctx).url .. " outside this cluster, safe and private: it holds the "
                .. "secret that starts the platform.",
            "The database itself is in the storage of the resource, not in the kit.",
        }
    end,
}
