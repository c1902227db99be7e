--- What the two procedures share that prepare a subsystem of API Connect v10 for a disaster: their
--- parameters, and the steps whose words alone differ.
---
---     local step = prepare.steps(subsystems.portal(), {
---         read = portal_kit.read,             -- how a recovery reads the kit
---         settings = function(ctx, object, known) ... end,   -- what is to be noted beside `known`
---         recreate = function(ctx, object, known) ... end,   -- a comment, and the part of the
---     })                                                     -- replacement that takes over
---     steps = {step("resource"), step("secrets", {why = "..."}), ...}
---
--- `known` is what settings.yaml says of both: name, namespace, version, siteName, originalUID,
--- metadataUID, the settings of the backups, newestBackup. No step needs what a check finds but for
--- which resource it is, so that an operator may leave out any other check. ctx.facts: those of
--- salvor.apiconnect.subsystem, and backup, the newest one when there is one.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local kit_check = require("salvor.procedure.kit_check")
local kit_writer = require("salvor.apiconnect.kit_writer")
local merge = require("salvor.copy").merge
local subsystem = require("salvor.apiconnect.subsystem")

local prepare = {}

--- The parameters that both have. what: "the ManagementCluster".
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

--- Whether a backup is to be taken; for `when` of permissions, too.
function prepare.takes_backup(params)
    return params.take_backup
end

-- Checks

local function check_schedule(subject, ctx, settings)
    local field, text = subject.backup_field .. ".schedule", settings.schedule or ""
    if text == "" and subject.default_interval then
        ctx:warn(string.format("%s is not set: a backup is taken every %d hours, at a time that"
            .. " nobody has chosen", field, subject.default_interval // 3600),
            "set it to the time of the management database's backups, so that they fit")
    elseif text == "" then
        ctx:problem(field .. " is not set", "set it " .. subject:place(subject:get(ctx)))
    else
        local problem, example = subject:schedule_problem(text, ctx.facts.version)
        if problem then
            ctx:warn(field .. ": " .. problem, example)
        end
    end
end

local function check_backup_settings(subject, ctx)
    local settings = subject:check_backup_settings(ctx)
    if settings then
        check_schedule(subject, ctx, settings)
    end
end

--- Whether what binds the backups to the resource can be noted.
local function check_identity(subject, ctx)
    local object = subject:get(ctx)
    local top = apiconnect.top_level(object)
    local name, length = apiconnect.long_name(ctx.facts.name, top and top.name)
    subject:check_site(ctx, object)
    if apiconnect.has_original_uid(ctx.facts.version) then
        if not dig(object, "spec", "originalUID") then
            ctx:warn("spec.originalUID is not set; metadata.uid, which the operator would put"
                .. " there, is noted instead")
        end
    elseif name then
        ctx:warn(string.format("the name %s is longer than %d characters: restoring onto version"
            .. " 10.0.2 or earlier may not work", name, length),
            "restore onto 10.0.3.0 or later, with originalUID set to the noted metadata.uid")
    end
end

--- Check: there is a backup. What the subsystem's newest() says as fourth.
function prepare.check_backups(subject, ctx)
    local newest, count, whose, set = subject:newest(ctx)
    local is_taken = ctx.params.take_backup
    ctx.facts.backup = newest
    if newest and subsystem.tell_age(ctx, newest) > ctx.params.max_age and not is_taken then
        ctx:warn(string.format("that is more than the %.1f hours allowed",
            ctx.params.max_age / 3600), "take a new one with -p take_backup=true")
    elseif not newest and not is_taken then
        ctx:problem(subsystem.no_backup(count, whose), "take one with -p take_backup=true")
    end
    return set
end

-- What is saved

local function check_kit(subject, ctx)
    kit_check(ctx, ctx.params.kit, ctx.facts.uid and kit_writer.system(subject, ctx))
end

local function take_backup(subject, ctx)
    ctx.facts.backup = subject:take(ctx)
    if not ctx.planning then
        ctx:note("took backup " .. (ctx.facts.backup.id or ctx.facts.backup.name))
    end
end

-- Steps

--- Each: what both subsystems have of it.
local function common(subject, of)
    local function calls(fn)
        return function(ctx)
            return fn(subject, ctx, of)
        end
    end
    return {
        resource = {
            title = "Find the " .. subject.kind,
            why = "Everything else is read from this resource and its status.",
            check = true,
            run = calls(subject.find),
        },
        ["backup-settings"] = {
            check = true,
            needs = {"resource"},
            run = calls(check_backup_settings),
        },
        health = {
            title = "The subsystem is healthy",
            why = "Only a running subsystem names all its secrets in its status.",
            check = true,
            needs = {"resource"},
            run = calls(subject.check_health),
        },
        secrets = {
            title = "All secrets that a recovery needs exist",
            check = true,
            needs = {"resource"},
            run = calls(subject.check_secrets),
        },
        identity = {
            check = true,
            needs = {"resource"},
            run = calls(check_identity),
        },
        backups = {
            why = "A kit without a backup restores nothing.",
            check = true,
            needs = {"resource", "identity"},
            run = calls(prepare.check_backups),
        },
        kit = {
            title = "The kit's place can be used",
            why = "A kit belongs to one system; the last good generation is never touched.",
            check = true,
            run = calls(check_kit),
        },
        ["take-backup"] = {
            why = "What is saved now and the newest backup should be of the same time.",
            when = function(ctx)
                return prepare.takes_backup(ctx.params)
            end,
            run = calls(take_backup),
            verify = function(ctx)
                return subject:is_usable(ctx, ctx.facts.backup.name)
            end,
        },
        ["save-secrets"] = {
            title = "Save the secrets",
            run = calls(kit_writer.save_secrets),
            verify = calls(kit_writer.holds_secrets),
        },
        ["save-resource"] = {
            title = "Save the resource and note its settings",
            run = calls(kit_writer.save_resource),
            verify = calls(kit_writer.holds_resource),
        },
        publish = {
            title = "Publish the kit's new generation",
            why = "A kit is whole or not there.",
            run = calls(kit_writer.publish),
            verify = calls(kit_writer.is_published),
        },
        ["read-back"] = {
            title = "Read the kit back, as a recovery will",
            why = "A kit that cannot be used is found out now, not in the disaster.",
            run = calls(kit_writer.read_back),
        },
    }
end

--- steps(subsystem, of) -> function(id, fields) -> the step of that id, with these fields in the
--- place of, or beside, those that both procedures have. of: see above.
function prepare.steps(subject, of)
    local steps = common(subject, of)
    return function(id, fields)
        return merge({id = id}, steps[id], fields)
    end
end

--- What comes after: what to do with the kit, and what is said in the script.
function prepare.next(ctx, ...)
    return {
        "Keep " .. ctx:kit(ctx.params.kit).url .. " outside this cluster, safe and private: if it"
            .. " is lost, " .. ctx.facts.name .. " cannot be restored.",
        ...,
    }
end

return prepare
