--- What the recoveries of API Connect v10's subsystems share: the kit, its secrets, and the
--- resource that takes the old one's place, or the APIConnectCluster above it.
---
---     local subsystem = recover.subsystem{kind = "PortalCluster", plural = apiconnect.PORTAL,
---         read_kit = portal_kit.read, may_differ = function(item) ... end,
---         differences = function(object, kit, version, params) ... end}
---
--- `differences` gives a list of salvor.apiconnect.difference; of a living resource it is given
--- what `effective` makes of it: with the secrets that it uses where its spec names none.
--- `may_differ` says of a kit's secret whether a newer one may stand in its place. Parameters that
--- are read: kit; resource, the operator's file; top, the APIConnectCluster. Facts: run (the kit's
--- generation), name, version (of the replacement).
local apiconnect = require("salvor.apiconnect")
local copy = require("salvor.copy")
local dig = require("salvor").dig
local difference = require("salvor.apiconnect.difference")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")

local recover = {}

local Subsystem = {}
Subsystem.__index = Subsystem

function recover.find(ctx, plural, name)
    local object, err = ctx.k8s:get(plural, name)
    if not object and err.code ~= "NotFound" then
        error(err, 0)
    end
    return object
end

-- The kit

--- The kit; raises when it is another one than the checks have seen.
function Subsystem:kit_of(ctx)
    local kit = self.read_kit(ctx:kit(ctx.params.kit))
    if ctx.facts.run and ctx.facts.run ~= kit.run then
        error(errors.new({
            code = "Conflict",
            message = ctx.params.kit .. " has a new generation since this run began: " .. kit.run,
            hint = "begin a new run",
        }), 0)
    end
    return kit
end

--- Check: the kit is whole, and of the system that is meant.
function Subsystem:check_kit(ctx)
    local kit = self.read_kit(ctx:kit(ctx.params.kit))
    if ctx.params.name and ctx.params.name ~= kit.name then
        return ctx:problem(ctx.params.kit .. " is the kit of " .. self.kind .. " " .. kit.name
            .. ", not of " .. ctx.params.name, "the name must stay the same: give the right kit")
    end
    ctx.facts.run, ctx.facts.name = kit.run, kit.name
    ctx:note(string.format("kit of %s %s, version %s, made %s", self.kind, kit.name, kit.version,
        kit.created))
    return kit
end

-- Secrets

--- "missing", "same" or "other": what the cluster has in the place of the kit's secret.
local function compare(ctx, object)
    local found = recover.find(ctx, "secrets", object.metadata.name)
    if not found then
        return "missing"
    end
    local live, saved = found.data or {}, object.data or {}
    for _, key in ipairs({live, saved}) do
        for name in pairs(key) do
            if live[name] ~= saved[name] then
                return "other"
            end
        end
    end
    return "same"
end

--- Check: what is there under the names of the kit's secrets is the same.
function Subsystem:check_secrets(ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        local name = item.object.metadata.name
        local is_other = compare(ctx, item.object) == "other"
        if is_other and self.may_differ(item) then
            ctx:warn("secret " .. name .. " is there with other data than the kit's: it is left as"
                .. " it is", "it must open the place where the old backups are")
        elseif is_other then
            ctx:problem("secret " .. name .. " (" .. item.role .. ") is there with other data than"
                .. " the kit's", "it is of another installation, which cannot read the old"
                .. " backups: delete that installation with its secrets and volumes, or use"
                .. " another namespace")
        end
    end
end

--- Step: those that are missing are created.
function Subsystem:apply_secrets(ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        if compare(ctx, item.object) == "missing" then
            must(ctx.k8s:create(item.object))
        end
    end
end

--- All of them are there, and the kit's.
function Subsystem:has_secrets(ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        local found = compare(ctx, item.object)
        if found == "missing" or found == "other" and not self.may_differ(item) then
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

--- A living resource with the encryption secret that it uses where its spec names none.
local function effective(object)
    local name = dig(object, "status", "encryptionSecret")
    if not name or dig(object, "spec", "encryptionSecret", "secretName") then
        return object
    end
    local changed = copy.deep(object)
    changed.spec.encryptionSecret = {secretName = name}
    return changed
end

--- differences_of(ctx, kit, object) -> how the living subsystem differs from what it must be.
function Subsystem:differences_of(ctx, kit, object)
    return self.differences(self.effective(object), kit, ctx.facts.version, ctx.params)
end

--- look(ctx, kit) -> nil when the resource is not there, or {object (the subsystem, or nil),
--- differences (of it, or of the resource above it), patch (that mends what is edited)}.
function Subsystem:look(ctx, kit)
    local target = self:target(ctx, kit)
    local edited = recover.find(ctx, target.plural, target.name)
    if not edited then
        return nil
    end
    local object = recover.find(ctx, self.plural, kit.name)
    local seen = ctx.params.top and edited or self.effective(edited)
    return {
        object = object,
        differences = self:differences_of(ctx, kit, object or edited),
        patch = difference.patch(seen, self.differences(seen, kit, ctx.facts.version, ctx.params)),
    }
end

--- Check: the resource at the top is edited, not the one below it, whose operator would take that
--- back.
function Subsystem:check_top(ctx, kit, object)
    local top, what = ctx.params.top, self.kind .. " " .. kit.name
    local owner = object and apiconnect.top_level(object)
    if owner and owner.name ~= top then
        ctx:problem(what .. " belongs to APIConnectCluster " .. owner.name .. ", whose operator"
            .. " would take changes back", "edit that one: -p top=" .. owner.name)
    elseif kit.top and not top then
        ctx:problem("the old " .. what .. " belonged to APIConnectCluster " .. kit.top,
            "its successor must, too: -p top=" .. kit.top)
    elseif object and top and not owner then
        ctx:problem(what .. " does not belong to APIConnectCluster " .. top, "leave out -p top")
    end
end

--- Check: the operator's file is for the target namespace.
function recover.check_namespace(ctx, object)
    local namespace = dig(object, "metadata", "namespace")
    if namespace and namespace ~= ctx.namespace then
        ctx:problem(ctx.params.resource .. " is of namespace " .. namespace .. ", the target is "
            .. ctx.namespace, "name the target with -n, or take the namespace out")
    end
end

local function edited_file(self, ctx)
    local kit = self:kit_of(ctx)
    local object, text, number = self:definition(ctx, kit)
    local differences = self.differences(object, kit, ctx.facts.version, ctx.params)
    return text, difference.edited(text, number, differences), differences
end

--- Step: the kit's values are put into the operator's file.
function Subsystem:edit_file(ctx)
    local path = ctx.params.resource
    local _, edited, differences = edited_file(self, ctx)
    ctx:perform({
        verb = "edit",
        target = path,
        preview = function()
            return true, difference.changes(differences)
        end,
        run = function()
            return fs.write(path, edited, {mode = must(fs.stat(path)).mode})
        end,
        summary = function()
            return {sha256 = digest.sha256(edited)}
        end,
    })
end

function Subsystem:is_file_edited(ctx)
    local text, edited = edited_file(self, ctx)
    return text == edited
end

--- Step: the resource is created from its definition with the kit's values, or the one that is
--- there is changed. The operator's file is applied as a whole, whatever else it says.
function Subsystem:apply_resource(ctx)
    local kit = self:kit_of(ctx)
    local live = self:look(ctx, kit)
    if live and not ctx.params.resource then
        local target = self:target(ctx, kit)
        must(ctx.k8s:patch(target.plural, target.name, live.patch))
        return
    end
    local object = self:definition(ctx, kit)
    object = k8s.neat(difference.changed(object,
        self.differences(object, kit, ctx.facts.version, ctx.params)))
    if live then
        must(ctx.k8s:apply(object, {force = true}))
    else
        must(ctx.k8s:create(object))
    end
end

--- The resource has the values of the kit.
function Subsystem:is_resource_applied(ctx)
    local live = self:look(ctx, self:kit_of(ctx))
    return live ~= nil and next(live.patch) == nil
end

--- The same, and there is no file that may say more.
function Subsystem:needs_no_change(ctx)
    return not ctx.params.resource and self:is_resource_applied(ctx)
end

--- Step: waits until all parts are up, of the resource as it must be: one that was changed is up
--- until its operator sees that. The subsystem.
function Subsystem:await_operator(ctx, timeout)
    local kit = self:kit_of(ctx)
    return must(ctx.k8s:wait(self.plural, kit.name, {
        timeout = timeout,
        create = true,
        ready = function(object)
            local differences = self:differences_of(ctx, kit, object)
            if differences[1] then
                return false, difference.describe(differences[1])
            end
            return apiconnect.ready(object)
        end,
    }))
end

--- subsystem{kind, plural, read_kit, differences, may_differ, effective (left out: with the name of
--- the encryption secret)} -> subsystem
function recover.subsystem(fields)
    fields.effective = fields.effective or effective
    return setmetatable(fields, Subsystem)
end

return recover
