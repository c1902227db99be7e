--- Checks of apic-v10/configure-s3-backup: the resources, and the settings that they shall have.
local apiconnect = require("salvor.apiconnect")
local choose = require("salvor.procedure.choose")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local management = require("salvor.apiconnect.management")
local management_backup = require("salvor.apiconnect.management_backup")
local merge = require("salvor.copy").merge
local multisite = require("salvor.apiconnect.multisite")
local s3_place = require("salvor.apiconnect.s3_place")
local section = require("salvor.apiconnect.section")
local sites = require("salvor.apiconnect.configure_s3.sites")
local stanza = require("salvor.apiconnect.stanza")
local subsystem = require("salvor.apiconnect.subsystem")

local settings = {}

--- The Secret that the certificate is put into when none is named.
settings.NEW_CA_SECRET = "custom-server-ca"

-- Which resources

local OTHER = {
    param = "other_name", where = " of the other data centre",
    by = {cluster = "-p other_context=…", namespace = "-p other_namespace=…"},
}

local function choose_in(ctx, site, client)
    local place = site.other and OTHER or {param = "name"}
    return choose(ctx, merge(place, {
        kind = management.KIND, plural = apiconnect.MANAGEMENT, product = "API Connect v10",
        name = ctx.params[place.param], client = client,
    }))
end

-- What is wanted

local function wanted_for(params, site)
    local has_provider = not apiconnect.at_least(site.version, "10.0.8")
    local is_custom = params.provider == "custom" or not has_provider
    return {
        protocol = "objstore",
        s3provider = has_provider and params.provider or nil,
        host = site.other and params.other_host or params.host,
        path = site.other and params.other_path or params.path,
        credentials = params.credentials,
        schedule = params.schedule,
        repoRetentionFull = params.retain,
        backupCerts = params.ca_secret or params.ca and settings.NEW_CA_SECRET or nil,
        backups3URIStyle = params.style or is_custom and "host" or nil,
    }
end

--- live(ctx, site) -> databaseBackup as it is, where it is edited
function settings.live(ctx, site)
    local _, now = section.read(sites.client(ctx, site), site.place)
    return dig(now, "databaseBackup") or {}
end

--- Whether it has the settings already, and what it means to put them in.
local function describe_change(ctx, site, client, object)
    site.wanted = wanted_for(ctx.params, site)
    site.changes = not s3_place.is_set(settings.live(ctx, site), site.wanted)
    if site.database == "crunchy" and site.changes then
        local job = find.object(client, stanza.JOBS, stanza.job(site.database_cluster))
        site.job, site.restarts = dig(job, "metadata", "uid"), stanza.is_installed(object, job)
    end
    site.multisite = (multisite.find(client, object) or {}).settings
end

--- What is known of a data centre; nothing after a problem.
local function describe(ctx, site, client)
    local object = must(client:get(apiconnect.MANAGEMENT, site.name))
    site.version = subsystem.version(ctx, object, sites.of(site))
    if not site.version then
        return
    end
    local owner, err = management_backup.owner(object, site.version, ctx.params.database)
    if not owner then
        return ctx:problem(err.message, err.hint)
    elseif not dig(object, "status", "services", "db") and not dig(object, "spec", "siteName") then
        return ctx:problem("spec.siteName of " .. site.name .. sites.of(site) .. " is not set, so"
            .. " the name of the database cluster is unknown", "wait until the operator has set it")
    end
    site.namespace, site.place = client.namespace, section.of(object)
    site.database, site.database_cluster = owner.database, owner.database_cluster
    describe_change(ctx, site, client, object)
    ctx:note(section.title(site.place) .. sites.of(site) .. ", version " .. site.version)
    return site
end

--- Check `resource`: which subsystem, where its settings are edited, and what is to become of them.
function settings.find(ctx)
    local params = ctx.params
    ctx.facts.sites = {}
    ctx.facts.makes_secret = (params.access_key and params.secret_key) ~= nil
    if sites.has_other(params) and not params.other_path then
        return ctx:problem("the two data centres must not share a place for their backups",
            "name the other one's with -p other_path=…")
    end
    for number = 1, sites.has_other(params) and 2 or 1 do
        local site = {other = number == 2}
        local client = sites.client(ctx, site)
        site.name = choose_in(ctx, site, client)
        table.insert(ctx.facts.sites, site.name and describe(ctx, site, client))
    end
    local one, two = ctx.facts.sites[1], ctx.facts.sites[2]
    if one and two and one.version ~= two.version then
        ctx:problem("the two data centres have different versions: " .. one.version .. " and "
            .. two.version, "bring both to the same version and fix pack first")
    end
end

local function check_other_path(ctx)
    local one = s3_place.split_path(ctx.params.path)
    local two = s3_place.split_path(ctx.params.other_path)
    if one and one == two then
        ctx:problem("both data centres would have their backups in bucket " .. one,
            "each management subsystem needs a bucket of its own: -p path=… and -p other_path=…")
    end
end

--- Two subsystems of one namespace must not share a bucket, either; what is elsewhere is not seen.
local function check_neighbours(ctx, site, client)
    local bucket = s3_place.split_path(site.wanted.path)
    if not bucket then
        return -- which is a problem of its own
    end
    ctx:warn("whether another management subsystem, in another namespace or cluster, has its"
        .. " backups in bucket " .. bucket .. " cannot be seen from here",
        "each needs a bucket of its own")
    for object in client:each(apiconnect.MANAGEMENT) do
        local theirs = dig(object, "spec", "databaseBackup") or {}
        if object.metadata.name ~= site.name and theirs.protocol == "objstore"
            and s3_place.split_path(theirs.path or "") == bucket then
            ctx:problem("bucket " .. bucket .. " is that of ManagementCluster "
                .. object.metadata.name, "each management subsystem needs a bucket of its own")
        end
    end
end

--- Check `settings`: each value.
function settings.check(ctx)
    if sites.has_other(ctx.params) then
        check_other_path(ctx)
    elseif ctx.params.other_path or ctx.params.other_host or ctx.params.other_name then
        ctx:problem("other_path, other_host and other_name are of a second data centre",
            "name it with -p other_context=… or other_namespace=…")
    end
    for _, site, client in sites.each(ctx) do
        for _, problem in ipairs(s3_place.problems(site.wanted, site.version)) do
            ctx:problem(table.unpack(problem))
        end
        check_neighbours(ctx, site, client)
    end
end

--- Check `restart`: where the database restarts, somebody has agreed to it.
function settings.check_restart(ctx)
    for _, site in sites.each(ctx) do
        if site.restarts and not ctx.params.restart_database then
            ctx:problem("the database of " .. site.name .. sites.of(site) .. " is installed: it"
                .. " restarts for other backup settings, and the subsystem is down until then",
                "agree to that with -p restart_database=true")
        end
    end
end

-- Two data centres

local function check_modes(ctx)
    local one, two = sites.mode(ctx.facts.sites[1]), sites.mode(ctx.facts.sites[2])
    if not ((one == "active" and two == "passive") or (one == "passive" and two == "active")) then
        ctx:problem("multiSiteHA.mode is '" .. tostring(one) .. "' here and '" .. tostring(two)
            .. "' in the other data centre", "one is active and one passive")
    end
end

--- Check `multisite`: multiSiteHA is in both data centres, or there is one alone and it has none.
function settings.check_multisite(ctx)
    local count = 0
    for _, site, client in sites.each(ctx) do
        local found, problem, hint =
            multisite.find(client, must(client:get(apiconnect.MANAGEMENT, site.name)))
        if not found then
            return ctx:problem(problem, hint)
        end
        count = count + (found.settings and 1 or 0)
        if found.is_out then
            ctx:warn("multiSiteHA of " .. site.name .. sites.of(site) .. " was taken out by an"
                .. " earlier run; this one will put it back")
        end
    end
    local is_two = sites.has_other(ctx.params)
    if is_two and count == 2 then
        check_modes(ctx)
    elseif is_two then
        ctx:problem(count == 1 and "one of the two data centres has multiSiteHA, the other has not"
            or "neither data centre has multiSiteHA", "two subsystems that are not one deployment"
            .. " are configured by a run each")
    elseif count > 0 then
        ctx:problem(ctx.facts.sites[1].name .. " is one of two data centres (multiSiteHA)",
            "both must be configured by one run: name the other one with -p other_context=…,"
            .. " other_namespace=… and other_path=…")
    end
end

return settings
