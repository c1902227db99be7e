--- Whether a platform can be backed up: the checks of fortanix-ccm/backup. They change nothing.
---
--- ctx.facts: cr (see salvor.fortanix), system (what a kit of it is of), datacenter {name, cluster,
--- size}, backup {name, finished}: the newest that can be restored, nil where there is none.
local cassandra = require("salvor.cassandra")
local contents = require("salvor.k8s.contents")
local find = require("salvor.k8s.find")
local fortanix = require("salvor.fortanix")
local keys = require("salvor").keys
local kit_check = require("salvor.procedure.kit_check")
local known = require("salvor.fortanix.backup.known")
local medusa = require("salvor.medusa")
local prerequisites = require("salvor.fortanix.prerequisites")
local storage = require("salvor.fortanix.storage")

local checks = {}

local HOUR = 3600
local LISTED = 10 -- backups

function checks.resource(ctx)
    local object = fortanix.find(ctx, "name the resource of the Armor operator with -p cr=…, its"
        .. " namespace with -n")
    if not object then
        return
    end
    ctx.facts.system = {kind = ctx.facts.cr.kind, namespace = ctx.namespace,
                        name = ctx.facts.cr.name, uid = object.metadata.uid}
    if fortanix.is_paused(object) then
        ctx:problem("spec.paused is true: the operator does nothing, and what is there may be"
            .. " half a restore", "finish that (salvor runs), or set it to false and wait for all")
    end
end

function checks.datacenter(ctx)
    local all = cassandra.datacenters(ctx.k8s, ctx.params.datacenter)
    local found = all[1]
    if #all ~= 1 then
        return ctx:problem("there are " .. #all .. " CassandraDatacenters in namespace "
            .. ctx.namespace, found and "choose one with -p datacenter=…"
            or "is this the namespace of the platform?")
    end
    ctx.facts.datacenter = {name = found.name, cluster = found.cluster, size = found.size}
    if not found.ready then
        ctx:problem("CassandraDatacenter " .. found.name .. " is not ready: "
            .. tostring(found.why), "a backup of a part of its nodes cannot be restored")
    end
end

function checks.prerequisites(ctx)
    local now = prerequisites.read(ctx, ctx.params.nodes)
    if #now.nodes == 0 then
        ctx:problem("no node has the labels " .. tostring(ctx.params.nodes),
            "give those of the platform's nodes with -p nodes=…")
    end
    if not next(now.images) then
        ctx:problem("there is no deployment in namespace " .. ctx.namespace .. ": the versions of"
            .. " the microservices cannot be noted", "is this the namespace of the platform, and"
            .. " does it run?")
    end
    ctx:note(string.format("Kubernetes %s, %d nodes", now.kubernetes, #now.nodes))
    for _, name in ipairs(keys(now.images)) do
        ctx:note("deployment " .. name .. ": " .. table.concat(now.images[name], ", "))
    end
end

--- The resource says where backups go and how often.
function checks.storage(ctx)
    local settings = storage.settings(fortanix.platform(ctx))
    storage.check(ctx, settings)
    storage.check_secret(ctx, settings, ctx.params.storage_key,
        "if it keeps them under another name: -p storage_key=…")
end

function checks.bootstrapping(ctx)
    for _, item in ipairs({{"ConfigMap", ctx.params.config_map}, {"Secret", ctx.params.secret}}) do
        local kind, name = table.unpack(item)
        local object = find.object(ctx.k8s, "v1/" .. kind, name)
        if not object then
            ctx:problem("there is no " .. kind .. " " .. name,
                "without it a recreated platform does not start; is this its namespace?")
        elseif contents.is_empty(object) then
            ctx:problem(kind .. " " .. name .. " is empty", "is it the one of this platform?")
        end
    end
end

--- What the absence of a usable backup means: a problem, or a warning where one is taken.
local function complain(ctx, message)
    if ctx.params.take_backup then
        ctx:warn(message, "is the schedule at work?")
    else
        ctx:problem(message, "take one: -p take_backup=true")
    end
end

function checks.backups(ctx)
    local datacenter = known(ctx, "datacenter")
    local found = medusa.of(ctx):backups(datacenter.name)
    for index = math.max(1, #found - LISTED + 1), #found do
        ctx:note(medusa.describe(found[index]))
    end
    local newest = medusa.newest(found, datacenter)
    if not newest then
        return complain(ctx, #found == 0 and "there is no MedusaBackup of datacenter "
            .. datacenter.name or "none of the " .. #found .. " MedusaBackups of datacenter "
            .. datacenter.name .. " can be restored")
    end
    ctx.facts.backup = {name = newest.name, finished = newest.finished}
    local age = os.time() - newest.finished
    if age > ctx.params.max_age then
        ctx:warn(string.format("the newest backup, %s, is %.1f hours old, %.1f are allowed",
            newest.name, age / HOUR, ctx.params.max_age / HOUR),
            "is the schedule at work?" .. (ctx.params.take_backup and ""
            or " Take one: -p take_backup=true"))
    end
end

function checks.kit(ctx)
    kit_check(ctx, ctx.params.kit, ctx.facts.system)
end

return checks
