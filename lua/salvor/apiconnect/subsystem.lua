--- What management and portal of API Connect v10 have in common, as those procedures look at the
--- living system that prepare, back up or judge it; salvor.apiconnect.subsystems has the two.
---
--- Methods take the ctx of a procedure, or of a part of it. find() leaves in ctx.facts what the
--- others go by: name, uid and version of the resource. Checks tell problems and warnings by it. A
--- backup is {name, id, time (seconds since 1970), server (see management_backup)}.
local apiconnect = require("salvor.apiconnect")
local choose = require("salvor.procedure.choose")
local dig = require("salvor").dig
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local restores = require("salvor.apiconnect.restores")
local storage = require("salvor.apiconnect.storage")

local subsystem = {}

local HOUR = 3600
local CLOCK_TOLERANCE = 300 -- seconds

local Subsystem = {}

-- Which it is

--- version(ctx, object, where) -> the version that the resource tells; nothing after a problem.
--- where: what that says behind its name, " of the other data centre".
function subsystem.version(ctx, object, where)
    local version = dig(object, "status", "versions", "reconciled")
        or dig(object, "spec", "version")
    if apiconnect.parse_version(version) then
        return version
    end
    ctx:problem(object.kind .. " " .. object.metadata.name .. where
        .. " does not tell its version",
        "its operator writes it to status.versions.reconciled: look whether that is at work")
end

--- Check: there is the resource, and it tells its version.
function Subsystem:find(ctx)
    local name = choose(ctx, {kind = self.kind, plural = self.plural, product = "API Connect v10",
                              param = self.param, name = ctx.params[self.param]})
    if not name then
        return
    end
    local object = must(ctx.k8s:get(self.plural, name))
    local version = subsystem.version(ctx, object, "")
    if version then
        ctx.facts.name, ctx.facts.uid, ctx.facts.version = name, object.metadata.uid, version
        ctx:note(self.kind .. " " .. name .. ", version " .. version)
    end
end

--- ctx.facts, with name, uid and version; raises when the operator has left out the check that
--- finds the resource.
function Subsystem:known(ctx)
    if not ctx.facts.name then
        error(errors.new({
            code = "Invalid",
            message = "it is not known which " .. self.kind .. " is meant",
            hint = "do not leave out the check that finds it",
        }), 0)
    end
    return ctx.facts
end

--- The resource.
function Subsystem:get(ctx)
    return must(ctx.k8s:get(self.plural, self:known(ctx).name))
end

-- What it says of itself

--- Where it says that its backups go.
function Subsystem:backup_settings(object)
    return dig(object, "spec", self.backup_field) or {}
end

local INSIDE = "backups stay inside the cluster and are lost with it"

--- Check: backups leave the cluster, and their place is described as a recovery needs it. The
--- settings, and whether nothing is wrong with them; nothing when they do not leave it.
function Subsystem:check_backup_settings(ctx)
    local field, problems, object = self.backup_field, {}, self:get(ctx)
    local settings = self:backup_settings(object)
    local protocol = dig(settings, "protocol") or ""
    if protocol == "" or protocol == "local" then
        return ctx:problem((protocol == "" and field .. " is not set up: "
            or field .. ".protocol is local: ") .. INSIDE,
            "set it to an SFTP server or an S3 bucket, " .. self:place(object)
                .. "; then take a backup")
    elseif protocol ~= "sftp" and protocol ~= "objstore" then
        return ctx:problem(field .. ".protocol is '" .. tostring(protocol) .. "'",
            "it is sftp, or objstore for S3")
    end
    for index, name in ipairs(storage.missing(field, settings)) do
        problems[index] = {name .. " is not set", "set it " .. self:place(object)}
    end
    local others = storage.problems(field, settings, ctx.facts.version)
    table.move(others, 1, #others, #problems + 1, problems)
    for _, problem in ipairs(problems) do
        ctx:problem(table.unpack(problem))
    end
    return settings, #problems == 0
end

--- Where its settings are changed: the operator of an APIConnectCluster overwrites what is below.
function Subsystem:place(object)
    local top = apiconnect.top_level(object)
    return top and "in APIConnectCluster " .. top.name .. ", whose operator overwrites the "
        .. self.kind or "in the " .. self.kind
end

--- Check: it tells the siteName that its backups are bound to, where they are.
function Subsystem:check_site(ctx, object)
    if self.needs_site and not dig(object, "spec", "siteName") then
        ctx:problem("spec.siteName is not set, so the name of the database cluster is unknown",
            "wait until the operator has set it")
    end
end

--- Check: it is up.
function Subsystem:check_health(ctx)
    local is_up, text = apiconnect.ready(self:get(ctx))
    if not is_up then
        ctx:problem(self.kind .. " " .. self:known(ctx).name .. " is not healthy: " .. text,
            "mend it first; what is saved from a half-working system may not be complete")
    end
end

local function check_secret(ctx, item)
    local found = find.object(ctx.k8s, "secrets", item.secret)
    local missing = found and item.missing(found)
    if not found then
        ctx:problem("secret " .. item.secret .. " (" .. item.role .. ") does not exist",
            "without it a recovery is not possible; find out why it is gone")
    elseif missing then
        ctx:problem("secret " .. item.secret .. " has " .. missing,
            item.role .. " needs it in a recovery: find out who has changed the secret")
    end
end

--- Check: the secrets that a recovery needs exist, and hold what it reads from them.
function Subsystem:check_secrets(ctx)
    for _, item in ipairs(self:secrets(self:get(ctx), ctx.facts.version)) do
        if item.problem then
            ctx:problem(item.problem, item.hint)
        else
            if item.is_unknown then
                ctx:warn(item.role .. " is not known to this procedure; its secret is saved, its"
                    .. " name in customApplicationCredentials is taken from the secret's",
                    "compare it with the vendor's list for " .. ctx.facts.version)
            end
            check_secret(ctx, item)
        end
    end
end

--- Check: nothing is being restored. Whether that is so.
function Subsystem:check_restores(ctx)
    return restores.check(ctx, self.restores, self:known(ctx).name)
end

-- Its backups

--- Says how old a backup is; its age in seconds.
function subsystem.tell_age(ctx, newest)
    local age = os.time() - newest.time
    ctx:note(string.format("newest usable backup: %s (%s), %.1f hours old", newest.name,
        newest.id or "without an id", math.max(age, 0) / HOUR))
    if age < -CLOCK_TOLERANCE then
        ctx:warn(string.format("that is %.1f hours in the future: the clocks of this machine"
            .. " and of the cluster differ", -age / HOUR), "set them, its age may be wrong")
    end
    return age
end

--- What newest() says when there is none that can be used, as a sentence.
function subsystem.no_backup(count, whose)
    if count == 0 then
        return "there is no backup of this system (" .. whose .. ")"
    end
    return "none of the " .. count .. " backups of this system can be used (" .. whose .. ")"
end

--- class(fields) -> a class of subsystems. fields: kind, plural, backup_field (of its spec),
--- restores (see salvor.apiconnect.restores), needs_site (whether its backups are bound to a
--- siteName), default_interval (of backups without a schedule, in seconds). Methods of its own:
--- secrets, schedule_problem, newest, take, is_usable. An object of it has param:
--- which parameter of the procedure names its resource.
function subsystem.class(fields)
    local class = setmetatable(fields, {__index = Subsystem})
    class.__index = class
    return class
end

return subsystem
