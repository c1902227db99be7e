--- Writes the recovery kit of a subsystem of API Connect v10, which salvor.apiconnect.kit_reader
--- reads. `subject` is one of salvor.apiconnect.subsystems, `of` what prepare.steps() was given.
local apiconnect = require("salvor.apiconnect")
local dates = require("salvor.dates")
local dig = require("salvor").dig
local kit_files = require("salvor.apiconnect.kit_files")
local kits = require("salvor.procedure.kit")
local merge = require("salvor.copy").merge
local yaml = require("salvor.yaml")

local kit_writer = {}

local function kit_of(ctx)
    return ctx:kit(ctx.params.kit)
end

--- Whose the kit is, for its manifest.
function kit_writer.system(subject, ctx)
    return {kind = subject.kind, namespace = ctx.namespace, name = ctx.facts.name,
            uid = ctx.facts.uid, version = ctx.facts.version}
end

-- Secrets

--- The names of the secrets that a recovery needs. What the resource does not name is a problem of
--- the check.
local function secret_names(subject, ctx)
    local names = {}
    for _, item in ipairs(subject:secrets(subject:get(ctx), ctx.facts.version)) do
        names[#names + 1] = item.secret
    end
    return names
end

function kit_writer.save_secrets(subject, ctx)
    for _, name in ipairs(secret_names(subject, ctx)) do
        kit_of(ctx):save(kit_files.secret(name), must(ctx.k8s:get("secrets", name)))
    end
end

function kit_writer.holds_secrets(subject, ctx)
    local files = {}
    for index, name in ipairs(secret_names(subject, ctx)) do
        files[index] = kit_files.secret(name)
    end
    return kit_of(ctx):holds(files)
end

-- The resource

--- What settings.yaml says of either subsystem.
local function known_of(subject, ctx, object)
    local newest = ctx.facts.backup
    return {
        name = ctx.facts.name,
        namespace = ctx.namespace,
        version = ctx.facts.version,
        siteName = dig(object, "spec", "siteName"),
        originalUID = dig(object, "spec", "originalUID") or object.metadata.uid,
        metadataUID = object.metadata.uid,
        [subject.backup_field] = dig(object, "spec", subject.backup_field),
        newestBackup = newest and {
            name = newest.name,
            id = newest.id,
            serverName = newest.server,
            time = newest.time and dates.text(newest.time),
        },
    }
end

local NO_ORIGINAL_UID = [[
# originalUID is for a replacement of 10.0.3.0 or later, or of 10.0.1.4-ifix1 or later of 10.0.1:
# leave it out for any other.
]]

local function recreate_text(ctx, comment, fragment)
    if not apiconnect.has_original_uid(ctx.facts.version) then
        comment = comment .. NO_ORIGINAL_UID
    end
    return comment .. must(yaml.dump(fragment))
end

function kit_writer.save_resource(subject, ctx, of)
    local object, kit = subject:get(ctx), kit_of(ctx)
    local source, known = kits.source_of(object), known_of(subject, ctx, object)
    local settings = merge(known, of.settings(ctx, object, known))
    kit:save(kit_files.resource(subject.kind), object)
    kit:write(kit_files.RECREATE, recreate_text(ctx, of.recreate(ctx, object, settings)), source)
    kit:write(kit_files.SETTINGS, must(yaml.dump(settings)), source)
end

function kit_writer.holds_resource(subject, ctx)
    return kit_of(ctx):holds({kit_files.resource(subject.kind), kit_files.RECREATE,
                              kit_files.SETTINGS})
end

-- The whole

function kit_writer.publish(subject, ctx)
    kit_of(ctx):publish(kit_writer.system(subject, ctx))
end

function kit_writer.is_published(_, ctx)
    return kit_of(ctx):read() ~= nil
end

--- A kit that a recovery would refuse is found out now, by reading it as that does.
function kit_writer.read_back(_, ctx, of)
    if not ctx.planning then
        local read = of.read(kit_of(ctx))
        ctx:note(string.format("read back from %s: %d secrets and the settings of %s",
            kit_of(ctx).url, #read.secrets, read.name))
    end
end

return kit_writer
