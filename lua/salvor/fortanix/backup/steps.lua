--- What captures a platform: the steps of fortanix-ccm/backup, which go by the facts of
--- salvor.fortanix.backup.checks.
local contents = require("salvor.k8s.contents")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local fortanix = require("salvor.fortanix")
local known = require("salvor.fortanix.backup.known")
local medusa = require("salvor.medusa")
local parts = require("salvor.fortanix.parts")
local prerequisites = require("salvor.fortanix.prerequisites")
local storage = require("salvor.fortanix.storage")
local yaml = require("salvor.yaml")

local steps = {}

local function kit_of(ctx)
    return ctx:kit(ctx.params.kit)
end

local function fail(code, message, hint)
    error(errors.new({code = code, message = message, hint = hint}), 0)
end

function steps.save_prerequisites(ctx)
    kit_of(ctx):write(parts.PREREQUISITES, must(yaml.dump(
        prerequisites.read(ctx, ctx.params.nodes))), {kind = "prerequisites"})
end

function steps.has_prerequisites(ctx)
    return kit_of(ctx):holds({parts.PREREQUISITES})
end

function steps.take_backup(ctx)
    local taken = medusa.of(ctx):take(known(ctx, "datacenter"), ctx:name("medusa-backup"),
        ctx.params.backup_timeout)
    ctx.facts.backup = {name = taken.name, finished = taken.finished}
    if not ctx.planning then
        ctx:note("took backup " .. medusa.describe(taken))
    end
end

function steps.is_usable(ctx)
    local found = medusa.of(ctx):backup(ctx.facts.backup.name)
    return found ~= nil and found.usable
end

local function settings(ctx)
    local backup, cr = ctx.facts.backup, known(ctx, "cr")
    return must(yaml.dump({
        namespace = ctx.namespace,
        cr = {kind = cr.kind, name = cr.name},
        datacenter = known(ctx, "datacenter"),
        nodes = ctx.params.nodes,
        storage = storage.settings(fortanix.platform(ctx)),
        storage_key = ctx.params.storage_key,
        backup = {
            name = backup.name,
            finished = backup.finished and dates.text(backup.finished),
        },
    }))
end

local function bootstrapping(ctx, kind, name)
    local object = must(ctx.k8s:get(kind, name))
    if contents.is_empty(object) then
        fail("Failed", object.kind .. " " .. name .. " has become empty", "who has done that? "
            .. "Put its data back; the generation before has them")
    end
    return object
end

function steps.save_objects(ctx)
    if not ctx.facts.backup then
        fail("Failed", "there is no database backup that ConfigMap, Secret and resource could go"
            .. " with", "take one: do not leave out the step take-backup")
    end
    local kit = kit_of(ctx)
    kit:save(parts.CONFIG_MAP, bootstrapping(ctx, "configmaps", ctx.params.config_map))
    kit:save(parts.SECRET, bootstrapping(ctx, "secrets", ctx.params.secret))
    kit:save(parts.CR, fortanix.platform(ctx))
    kit:write(parts.SETTINGS, settings(ctx), {kind = "settings"})
end

function steps.has_objects(ctx)
    return kit_of(ctx):holds({parts.CONFIG_MAP, parts.SECRET, parts.CR, parts.SETTINGS})
end

--- Steps can be left out, but then there is no backup.
function steps.publish(ctx)
    local kit = kit_of(ctx)
    if not ctx.planning and not kit:holds(parts.FILES) then
        fail("Failed", "not all four parts of the backup have been captured, so this generation"
            .. " is not published", "do the steps before, too: " .. table.concat(parts.FILES, ", ")
            .. " must be written by one run")
    end
    kit:publish(known(ctx, "system"))
end

--- A backup is complete when all four parts are captured, and not before.
function steps.read_back(ctx)
    if ctx.planning then
        return
    end
    local manifest, files = kit_of(ctx):read(ctx.run)
    must(manifest, files)
    local _, problems = parts.parse(files)
    if #problems > 0 then
        fail("Corrupt", table.concat(problems, "; "), "run the procedure again for a new kit")
    end
    ctx:note("complete: database (" .. ctx.facts.backup.name .. "), ConfigMap, Secret and resource")
end

function steps.is_readable(ctx)
    return kit_of(ctx):read(ctx.run) ~= nil
end

return steps
