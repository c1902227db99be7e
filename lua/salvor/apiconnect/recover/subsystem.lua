--- A subsystem of API Connect v10 that is being recovered: its kit, the kit's secrets, and the
--- resource that takes the old one's place, or the APIConnectCluster above that.
---
--- Fields: see salvor.apiconnect.recover. Parameters that are read: kit; resource, the operator's
--- file; top, the APIConnectCluster. Facts: run (the kit's generation), name, version (of the
--- replacement).
local apiconnect = require("salvor.apiconnect")
local contents = require("salvor.k8s.contents")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local errors = require("salvor.error")
local find = require("salvor.k8s.find")
local fs = require("salvor.fs")
local replacement = require("salvor.apiconnect.replacement")

local Subsystem = {}
Subsystem.__index = Subsystem

-- The kit

--- The kit, which is noted by whoever reads it first; raises when it is another one by now.
function Subsystem:kit_of(ctx)
    local kit = self.read_kit(ctx:kit(ctx.params.kit))
    if ctx.facts.run and ctx.facts.run ~= kit.run then
        error(errors.new({
            code = "Conflict",
            message = ctx.params.kit .. " has a new generation since this run began: " .. kit.run,
            hint = "begin a new run",
        }), 0)
    end
    ctx.facts.run, ctx.facts.name = kit.run, kit.name
    return kit
end

--- The subsystem's name, which is the kit's.
function Subsystem:name(ctx)
    return ctx.facts.name or self:kit_of(ctx).name
end

-- Secrets

--- Whether the secret opens the place of the backups: its credentials may be newer than the kit.
function Subsystem:is_for_backups(item)
    return item.role:find("^" .. replacement.BACKUP[self.section] .. "%.") ~= nil
end

--- "missing", "same", "newer" or "other": what the cluster has in the place of a kit's secret.
function Subsystem:compare_secret(ctx, item)
    local found = find.object(ctx.k8s, "secrets", item.object.metadata.name)
    if not found then
        return "missing"
    elseif contents.same(found, item.object) then
        return "same"
    end
    return self:is_for_backups(item) and "newer" or "other"
end

--- All of them are there, and the kit's.
function Subsystem:has_secrets(ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        local found = self:compare_secret(ctx, item)
        if found == "missing" or found == "other" then
            return false
        end
    end
    return true
end

-- The resource

--- Where the settings are edited: {kind, plural, name}.
function Subsystem:target(ctx, kit)
    if ctx.params.top then
        return {kind = apiconnect.TOP_KIND, plural = apiconnect.TOP, name = ctx.params.top}
    end
    return {kind = self.kind, plural = self.plural, name = kit.name}
end

--- The definition: of the operator's file with its text and the number of the document, or the old
--- one of the kit, or nil.
function Subsystem:definition(ctx, kit)
    if ctx.params.resource then
        local text = must(fs.read(ctx.params.resource))
        local object, number = difference.find(ctx.params.resource, text, self:target(ctx, kit))
        return object, text, number
    elseif not ctx.params.top then
        return kit.resource
    end
end

--- described(ctx, kit, object) -> the definition that the replacement has, or will have (nil when
--- there is none), what is there of it to be edited, and definition(). object: the subsystem, when
--- it is there.
function Subsystem:described(ctx, kit, object)
    local target, definition = self:target(ctx, kit), self:definition(ctx, kit)
    local live = find.object(ctx.k8s, target.plural, target.name)
    return ctx.params.resource and definition or object or live or definition, live, definition
end

--- The version of the replacement, as it was before anything was changed; nil when nobody says it.
function Subsystem:version(ctx, kit)
    if not ctx.facts.version then
        local object = find.object(ctx.k8s, self.plural, kit.name)
        ctx.facts.version = dig(object, "status", "versions", "reconciled")
            or dig(self:described(ctx, kit, object), "spec", "version")
    end
    return ctx.facts.version
end

--- How a resource, or the one above it, differs from what it must be. Without its version it cannot
--- be said whether originalUID is a part of that.
function Subsystem:differences(ctx, kit, object)
    local version = self:version(ctx, kit)
    if not apiconnect.parse_version(version) then
        error(errors.new({code = "Invalid", message = "the replacement does not tell its version",
                          hint = "set spec.version to " .. kit.version}), 0)
    end
    return replacement.differences(object, kit, version, self.backup_path(ctx.params))
end

--- The same of a living resource, by what it uses.
function Subsystem:live_differences(ctx, kit, object)
    return self:differences(ctx, kit, replacement.effective(object))
end

--- look(ctx, kit) -> nil when the resource is not there, or {object (the subsystem, or nil),
--- differences (of it, or of the resource above it), restarts (whether its database does for them),
--- patch (that mends what is edited)}.
function Subsystem:look(ctx, kit)
    local target = self:target(ctx, kit)
    local edited = find.object(ctx.k8s, target.plural, target.name)
    if not edited then
        return nil
    end
    local object = find.object(ctx.k8s, self.plural, kit.name)
    local effective = replacement.effective(edited)
    local wanted = self:differences(ctx, kit, effective)
    local restarts = object ~= nil and self.restarts(ctx, kit, object, wanted)
    if restarts then
        wanted[#wanted + 1] = replacement.consent(effective, self.section)
    end
    return {
        object = object,
        differences = self:live_differences(ctx, kit, object or edited),
        restarts = restarts,
        patch = difference.patch(effective, wanted),
    }
end

return Subsystem
