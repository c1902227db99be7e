--- What apic-v10/configure-s3-backup does.
local backup_copy = require("salvor.apiconnect.backup_copy")
local bucket = require("salvor.apiconnect.configure_s3.bucket")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local multisite = require("salvor.apiconnect.multisite")
local null = require("salvor").null
local s3_place = require("salvor.apiconnect.s3_place")
local section = require("salvor.apiconnect.section")
local settings = require("salvor.apiconnect.configure_s3.settings")
local sites = require("salvor.apiconnect.configure_s3.sites")
local stores = require("salvor.store")
local usage = require("salvor.usage")
local watch = require("salvor.apiconnect.configure_s3.watch")

local steps = {}

-- Two data centres

local function has_none(spec)
    return dig(spec, "multiSiteHA") == nil
end

local function has_one(spec)
    return dig(spec, "multiSiteHA") ~= nil
end

function steps.is_two(ctx)
    return sites.any(ctx, function(site)
        return site.multisite ~= nil
    end)
end

--- The warm standby first: the active one is in charge as long as can be.
function steps.take_out(ctx)
    for _, site in ipairs(sites.by_mode(ctx, true)) do
        local client = sites.client(ctx, site)
        if not multisite.is_out(client, site.place) then
            multisite.take_out(client, site.place, site.multisite)
        end
        watch.await_ready(ctx, site, "rid of multiSiteHA", has_none)
    end
end

--- Whether there is anything to be done while they are out.
function steps.needs_out(ctx)
    return steps.is_two(ctx) and sites.any(ctx, function(site)
        return site.changes
    end)
end

--- Where the settings are in, multiSiteHA may be back already.
function steps.is_out(ctx)
    for _, site, client in sites.each(ctx) do
        if not multisite.is_out(client, site.place)
            and not s3_place.is_set(settings.live(ctx, site), site.wanted) then
            return false
        end
    end
    return true
end

--- The original active data centre first, so that it is the active one again.
function steps.put_back(ctx)
    for _, site in ipairs(sites.by_mode(ctx)) do
        local client = sites.client(ctx, site)
        if multisite.is_out(client, site.place) then
            multisite.put_back(client, site.place, site.multisite)
        end
        watch.await_ready(ctx, site, "multiSiteHA", has_one)
    end
end

function steps.is_back(ctx)
    for _, site, client in sites.each(ctx) do
        if multisite.is_out(client, site.place) then
            return false
        end
    end
    return true
end

-- Secrets

local function put_secret(client, name, kind, data)
    if find.object(client, "secrets", name) then
        must(client:patch("secrets", name, {data = data}))
    else
        must(client:create({apiVersion = "v1", kind = "Secret", type = kind,
                            metadata = {name = name}, data = data}))
    end
end

--- A resumed run is not told what is a secret, and needs it only when that is not done yet.
function steps.credentials(ctx)
    local data = bucket.credentials(ctx.params)
    if not data then
        usage("the credentials of the bucket are needed again: a journal keeps no secrets",
            "add -p access_key=… -p secret_key=…")
    end
    for _, _, client in sites.each(ctx) do
        if not bucket.holds(client, ctx.params.credentials, data) then
            put_secret(client, ctx.params.credentials, "Opaque", data)
        end
    end
end

--- Without the parameters: that there are some.
function steps.has_credentials(ctx)
    local data = bucket.credentials(ctx.params)
    for _, _, client in sites.each(ctx) do
        local found = client:get("secrets", ctx.params.credentials)
        local is_so = dig(found, "data", "key") and dig(found, "data", "keysecret")
        if not is_so or data and not bucket.holds(client, ctx.params.credentials, data) then
            return false
        end
    end
    return true
end

function steps.certificate(ctx)
    for _, site, client in sites.each(ctx) do
        put_secret(client, site.wanted.backupCerts, "generic", bucket.certificate(ctx.params))
    end
end

function steps.has_certificate(ctx)
    for _, site, client in sites.each(ctx) do
        if not bucket.holds(client, site.wanted.backupCerts, bucket.certificate(ctx.params)) then
            return false
        end
    end
    return true
end

-- The copy

function steps.copy(ctx)
    bucket.with_place(ctx, ctx.facts.sites[1], ctx.k8s, function(to, options)
        local from, own = bucket.source(ctx, options)
        ctx:perform({
            verb = "copy",
            target = stores.mask(from) .. " to " .. to,
            run = function()
                return backup_copy.repository(from, to, {from = own, to = options})
            end,
            summary = backup_copy.describe,
        })
    end)
end

-- The settings

function steps.has_settings(ctx)
    for _, site in sites.each(ctx) do
        if not s3_place.is_set(settings.live(ctx, site), site.wanted) then
            return false
        end
    end
    return true
end

function steps.restarts(ctx)
    return sites.any(ctx, function(site)
        return site.restarts
    end)
end

--- The wanted databaseBackup as a merge patch takes it: what it has not goes.
local function replacement(now, wanted, restarts)
    local patch = {}
    for name in pairs(now) do
        patch[name] = null
    end
    for name, value in pairs(wanted) do
        patch[name] = value
    end
    patch.restartDB = restarts and {accept = true} or nil
    return patch
end

function steps.configure(ctx)
    for _, site, client in sites.each(ctx) do
        local now = settings.live(ctx, site)
        if not s3_place.is_set(now, site.wanted) then
            must(client:patch(site.place.kind, site.place.name, section.patch(site.place,
                {databaseBackup = replacement(now, site.wanted, site.restarts)})))
        end
    end
end

return steps
