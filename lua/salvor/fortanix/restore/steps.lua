--- What restores a platform: the steps of fortanix-ccm/restore, which go by the facts of
--- salvor.fortanix.restore.checks.
---
--- ctx.facts.unpaused: the operator was at work again; what was paused and deleted need not be so
--- any more.
local cassandra = require("salvor.cassandra")
local checks = require("salvor.fortanix.restore.checks")
local errors = require("salvor.error")
local fortanix = require("salvor.fortanix")
local known = require("salvor.fortanix.restore.known")
local medusa = require("salvor.medusa")
local microservices = require("salvor.fortanix.microservices")
local parts = require("salvor.fortanix.parts")

local steps = {}

local function set_paused(ctx, paused)
    local cr = known(ctx, "cr")
    must(ctx.k8s:patch(cr.kind, cr.name, {spec = {paused = paused}}))
end

function steps.pause(ctx)
    known(ctx, "selectors") -- the next step needs them, and a run without them can never go on
    set_paused(ctx, true)
end

function steps.is_paused(ctx)
    return fortanix.is_paused(fortanix.platform(ctx))
end

function steps.was_paused(ctx)
    return ctx.facts.unpaused or steps.is_paused(ctx)
end

--- Microservices must not come back below a restore.
function steps.undo_pause(ctx)
    local job = medusa.of(ctx):pending_restores(known(ctx, "settings").datacenter.name)[1]
    if job then
        error(errors.new({code = "Conflict", message = job.message, hint = job.hint}), 0)
    end
    set_paused(ctx, false)
end

steps.delete_deployments = microservices.stop

function steps.were_deleted(ctx)
    return ctx.facts.unpaused or microservices.are_gone(ctx.k8s, ctx.params.deployments)
end

function steps.restore(ctx)
    if not ctx.planning then
        microservices.expect_stopped(ctx)
    end
    local datacenter, backup = known(ctx, "datacenter"), known(ctx, "backup")
    medusa.of(ctx):restore(datacenter, ctx:name("medusa-restore"), backup,
        {begin = ctx.params.begin_timeout, finish = ctx.params.restore_timeout})
end

function steps.is_restored(ctx)
    return medusa.of(ctx):is_restored(ctx:name("medusa-restore"))
end

--- Names: those that the check has found; where it was left out, those that are there now.
local function pods_of(ctx, datacenter)
    if ctx.facts.pods then
        return ctx.facts.pods
    end
    local names = {}
    for index, pod in ipairs(cassandra.pods(ctx.k8s, datacenter)) do
        names[index] = pod.name
    end
    return names
end

function steps.await_cassandra(ctx)
    local datacenter = known(ctx, "settings").datacenter.name
    cassandra.await(ctx.k8s, datacenter, pods_of(ctx, datacenter), ctx.params.platform_timeout)
end

function steps.wants_bootstrapping(ctx)
    return ctx.facts.apply_bootstrapping
end

function steps.apply_bootstrapping(ctx)
    local saved = checks.read_kit(ctx)
    for _, name in ipairs(checks.SAVED) do
        saved[name].metadata.namespace = nil
        must(ctx.k8s:apply(saved[name], {force = true}))
    end
end

function steps.has_bootstrapping(ctx)
    local saved = checks.read_kit(ctx)
    for _, name in ipairs(checks.SAVED) do
        if not select(2, parts.compare(ctx.k8s, saved[name])) then
            return false
        end
    end
    return true
end

function steps.unpause(ctx)
    set_paused(ctx, false)
    ctx.facts.unpaused = true
end

function steps.is_unpaused(ctx)
    return not steps.is_paused(ctx)
end

steps.await_platform = microservices.await

return steps
