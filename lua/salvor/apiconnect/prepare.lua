--- What the procedures share that prepare a subsystem of API Connect v10 for a disaster: finding
--- its resource, looking at its health and secrets, and the recovery kit.
---
---     local subsystem = prepare.subsystem{kind = "ManagementCluster",
---         plural = apiconnect.MANAGEMENT, backup_field = "databaseBackup"}
---
--- Checks are functions(ctx). They leave in ctx.facts: name, uid and version of the resource,
--- protocol of its backups, secrets (a list of salvor.apiconnect.secrets, with only plain values),
--- original_uid and site. Whole steps are tables as the contract of a procedure has them.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local secrets = require("salvor.apiconnect.secrets")
local yaml = require("salvor.yaml")

local prepare = {}

local Subsystem = {}
Subsystem.__index = Subsystem

--- The parameters that all of them have. what: "the ManagementCluster".
function prepare.params(what)
    return {
        {name = "name", type = "name", help = what .. "; the only one when left out"},
        {name = "kit", type = "url", required = true,
         help = "the recovery kit: a folder, made when missing, or the URL of a store"},
        {name = "max_age", type = "duration", default = "24h",
         help = "warn when the newest usable backup is older"},
        {name = "take_backup", type = "boolean", default = false,
         help = "take a backup now and wait for it"},
        {name = "backup_timeout", type = "duration", default = "2h",
         help = "how long that backup may take"},
    }
end

-- Checks

--- The resource.
function Subsystem:get(ctx)
    return must(ctx.k8s:get(self.plural, ctx.facts.name))
end

--- The name of the one that is meant, or nothing after a problem.
local function choose(self, ctx)
    local names = {}
    for object in ctx.k8s:each(self.plural) do
        names[#names + 1] = object.metadata.name
    end
    local wanted = ctx.params.name
    if not wanted and #names > 1 then
        return ctx:problem("there are " .. #names .. " " .. self.kind .. "s in namespace "
            .. ctx.namespace .. ": " .. table.concat(names, ", "), "choose one with -p "
            .. (self.name_param or "name") .. "=…")
    elseif not wanted and #names == 0 then
        return ctx:problem("there is no " .. self.kind .. " in namespace " .. ctx.namespace,
            "name its namespace with -n")
    end
    return wanted or names[1], names
end

--- Check: there is the resource, and it tells its version.
function Subsystem:find(ctx)
    local kind, problem = ctx.k8s:kind(self.plural)
    if not kind and problem.code == "NotFound" then
        return ctx:problem("this cluster has no " .. self.kind .. "s: API Connect v10 is not"
            .. " installed", "choose the right cluster with --context or --kubeconfig")
    end
    must(kind, problem)
    local name, names = choose(self, ctx)
    if not name then
        return
    end
    local object, err = ctx.k8s:get(self.plural, name)
    if not object and err.code == "NotFound" then
        return ctx:problem("there is no " .. self.kind .. " " .. name .. " in namespace "
            .. ctx.namespace, #names > 0 and "there is: " .. table.concat(names, ", ")
            or "name its namespace with -n")
    end
    must(object, err)
    ctx.facts.name, ctx.facts.uid = name, object.metadata.uid
    ctx.facts.version = dig(object, "status", "versions", "reconciled")
        or dig(object, "spec", "version")
    if not apiconnect.parse_version(ctx.facts.version) then
        return ctx:problem(self.kind .. " " .. name .. " does not tell its version")
    end
    ctx:note(self.kind .. " " .. name .. ", version " .. ctx.facts.version)
end

local NO_BACKUPS = "backups stay inside the cluster and are lost with it"

--- Check: backups leave the cluster, and these fields are set. The settings, or nothing after a
--- problem.
function Subsystem:check_backup_settings(ctx, needed)
    local field = self.backup_field
    local settings = dig(self:get(ctx), "spec", field) or {}
    local protocol = dig(settings, "protocol") or ""
    if protocol == "" or protocol == "local" then
        return ctx:problem((protocol == "" and field .. " is not set up: "
            or field .. ".protocol is local: ") .. NO_BACKUPS,
            "set spec." .. field .. " to an SFTP server or an S3 bucket and take a backup first")
    elseif protocol ~= "sftp" and protocol ~= "objstore" then
        return ctx:problem(field .. ".protocol is '" .. tostring(protocol)
            .. "', neither sftp nor objstore (S3)")
    end
    for _, name in ipairs(needed) do
        if (dig(settings, name) or "") == "" then
            ctx:problem(field .. "." .. name .. " is not set",
                "set it in the " .. self.kind .. ", or in the APIConnectCluster that owns it")
        end
    end
    ctx.facts.protocol = protocol
    return settings
end

--- Check: it is up.
function Subsystem:check_health(ctx)
    local is_up, text = apiconnect.ready(self:get(ctx))
    if not is_up then
        ctx:problem(self.kind .. " " .. ctx.facts.name .. " is not healthy: " .. text,
            "mend it first; what is saved from a half-working system may not be complete")
    end
end

local function check_secret(ctx, item)
    local found, err = ctx.k8s:get("secrets", item.secret)
    if found then
        local missing = item.missing(found)
        if missing then
            ctx:problem("secret " .. item.secret .. " has " .. missing)
        end
    elseif err.code == "NotFound" then
        ctx:problem("secret " .. item.secret .. " (" .. item.role .. ") does not exist",
            "without it a recovered database cannot be read; find out why it is gone")
    else
        error(err, 0)
    end
end

--- Check: the secrets of the items exist, and hold what a recovery reads from them.
function prepare.check_secrets(ctx, items)
    ctx.facts.secrets = {}
    for _, item in ipairs(items) do
        if item.problem then
            ctx:problem(item.problem, item.hint)
        else
            table.insert(ctx.facts.secrets, secrets.plain(item))
            if item.is_unknown then
                ctx:warn(item.role .. " is not known to this procedure; its secret is saved, its"
                    .. " name in customApplicationCredentials is taken from the secret's",
                    "compare it with the vendor's list for " .. ctx.facts.version)
            end
            check_secret(ctx, item)
        end
    end
end

--- Check: its identity, by which backups are bound to it, is noted.
function Subsystem:check_identity(ctx)
    local object = self:get(ctx)
    local original = dig(object, "spec", "originalUID")
    local top = apiconnect.top_level(object)
    local name, length = apiconnect.long_name(ctx.facts.name, top and top.name)
    if apiconnect.has_original_uid(ctx.facts.version) then
        if not original then
            ctx:warn("spec.originalUID is not set; metadata.uid, which the operator would put"
                .. " there, is noted instead")
        end
    elseif name then
        ctx:warn(string.format("the name %s is longer than %d characters: restoring onto version"
            .. " 10.0.2 or earlier may not work", name, length),
            "restore onto 10.0.3.0 or later, with originalUID set to the noted metadata.uid")
    end
    ctx.facts.site = dig(object, "spec", "siteName")
    ctx.facts.original_uid = original or object.metadata.uid
end

local HOUR = 3600
local CLOCK_TOLERANCE = 300 -- seconds

--- Says how old the newest backup is, {name, id, time}, and whether that is too old.
function prepare.tell_age(ctx, newest)
    local age = os.time() - newest.time
    ctx:note(string.format("newest usable backup: %s (%s), %.1f hours old", newest.name,
        newest.id or "without an id", math.max(age, 0) / HOUR))
    if age < -CLOCK_TOLERANCE then
        ctx:warn(string.format("that is %.1f hours in the future: the clocks of this machine"
            .. " and of the cluster differ", -age / HOUR), "set them, its age may be wrong")
    elseif age > ctx.params.max_age and not ctx.params.take_backup then
        ctx:warn(string.format("that is more than the %.1f hours allowed",
            ctx.params.max_age / HOUR), "take a new one with -p take_backup=true")
    end
end

-- The kit

function prepare.kit(ctx)
    return ctx:kit(ctx.params.kit)
end

local function system(self, ctx)
    return {kind = self.kind, namespace = ctx.namespace, name = ctx.facts.name,
            uid = ctx.facts.uid, version = ctx.facts.version}
end

local function check_kit(self, ctx)
    local kit = prepare.kit(ctx)
    local ok, err = kit:check_place(ctx.facts.uid and system(self, ctx))
    if not ok then
        return ctx:problem(err.message, err.hint)
    end
    for _, run in ipairs(must(kit:unfinished())) do
        ctx:warn("run " .. run .. " has not finished its generation in " .. kit.url,
            "when it is not at work any more: salvor run --resume " .. run
            .. ", or remove generations/" .. run .. ", which may hold secrets")
    end
end

function prepare.secret_file(name)
    return "secrets/" .. name .. ".yaml"
end

local function run_save_secrets(ctx)
    for _, item in ipairs(ctx.facts.secrets) do
        prepare.kit(ctx):save(prepare.secret_file(item.secret),
            must(ctx.k8s:get("secrets", item.secret)))
    end
end

local function secret_files(ctx)
    local files = {}
    for index, item in ipairs(ctx.facts.secrets) do
        files[index] = prepare.secret_file(item.secret)
    end
    return files
end

--- What a file of the kit was made from.
function prepare.source_of(object)
    return {apiVersion = object.apiVersion, kind = object.kind, name = object.metadata.name,
            namespace = object.metadata.namespace, uid = object.metadata.uid,
            resourceVersion = object.metadata.resourceVersion}
end

local function read_back(ctx)
    if ctx.planning then
        return
    end
    local manifest, files = prepare.kit(ctx):read()
    must(manifest, files)
    local count = 0
    for path in pairs(files) do
        count = count + (path:match("%.yaml$") and 1 or 0)
        must(yaml.load(files[path]))
    end
    ctx:note("read back " .. count .. " files of kit " .. prepare.kit(ctx).url)
end

-- Steps

--- Check: the kit's place can be used.
function Subsystem:kit_check()
    return {
        id = "kit",
        title = "The kit's folder can be used",
        why = "A kit belongs to one system; the last good generation is never touched.",
        check = true,
        run = function(ctx)
            check_kit(self, ctx)
        end,
    }
end

--- The step that saves the secrets.
function prepare.save_secrets(why)
    return {
        id = "save-secrets",
        title = "Save the secrets",
        why = why,
        run = run_save_secrets,
        verify = function(ctx)
            return prepare.kit(ctx):holds(secret_files(ctx))
        end,
    }
end

--- The step that publishes the kit's generation.
function Subsystem:publish()
    return {
        id = "publish",
        title = "Publish the kit's new generation",
        why = "A kit is whole or not there.",
        run = function(ctx)
            prepare.kit(ctx):publish(system(self, ctx))
        end,
    }
end

--- The last step: reads the kit again.
function prepare.read_back()
    return {
        id = "read-back",
        title = "Read the kit back and check it",
        why = "A kit that cannot be read is found out now, not in the disaster.",
        run = read_back,
        verify = function(ctx)
            return prepare.kit(ctx):read() ~= nil
        end,
    }
end

--- subsystem{kind, plural, backup_field, name_param (left out: "name")} -> subsystem
function prepare.subsystem(fields)
    return setmetatable(fields, Subsystem)
end

return prepare
