--- What puts a kit into the subsystem that takes the old one's place, whichever it is: steps(self,
--- ctx) of a salvor.apiconnect.recover.subsystem.
local apiconnect = require("salvor.apiconnect")
local difference = require("salvor.apiconnect.difference")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local replacement = require("salvor.apiconnect.replacement")

local steps = {}

local function fail(code, message, hint)
    error(errors.new({code = code, message = message, hint = hint}), 0)
end

--- Those that are missing are created.
function steps.apply_secrets(self, ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        if self:compare_secret(ctx, item) == "missing" then
            must(ctx.k8s:create(item.object))
        end
    end
end

-- The operator's file

local function edited_file(self, ctx)
    local kit = self:kit_of(ctx)
    local object, text, number = self:definition(ctx, kit)
    local differences = self:differences(ctx, kit, object)
    return text, difference.edited(text, number, differences), differences
end

function steps.edit_file(self, ctx)
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

function steps.is_file_edited(self, ctx)
    local text, edited = edited_file(self, ctx)
    return text == edited
end

-- The resource

--- It is created from its definition with the kit's values, or the one that is there is changed.
--- The operator's file is applied as a whole, whatever else it says: after that change, since to
--- apply removes nothing that somebody else has set, and a consent to a restart, which the file is
--- not to say from now on, would be taken back when it is applied once more.
function steps.apply_resource(self, ctx)
    local kit = self:kit_of(ctx)
    local live = self:look(ctx, kit)
    if live and next(live.patch) then
        local target = self:target(ctx, kit)
        ctx.facts.restarts = live.restarts or ctx.facts.restarts
        must(ctx.k8s:patch(target.plural, target.name, live.patch))
    end
    if live and not ctx.params.resource then
        return
    end
    local object = self:definition(ctx, kit)
    object = k8s.neat(difference.changed(object, self:differences(ctx, kit, object)))
    if live then
        must(ctx.k8s:apply(object, {force = true}))
    else
        must(ctx.k8s:create(object))
    end
end

function steps.is_resource_applied(self, ctx)
    local live = self:look(ctx, self:kit_of(ctx))
    return live ~= nil and next(live.patch) == nil
end

--- It has the values of the kit, and there is no file that may say more.
function steps.needs_no_change(self, ctx)
    return not ctx.params.resource and steps.is_resource_applied(self, ctx)
end

--- Waits for all parts of the resource as it must be: one that was changed is up until its operator
--- sees that.
local function await_up(self, ctx, kit)
    return must(ctx.k8s:wait(self.plural, kit.name, {
        timeout = ctx.params.install_timeout,
        create = true,
        wanted = "to be up with the old identity, secrets and backup settings",
        ready = function(object)
            local one = self:live_differences(ctx, kit, object)[1]
            if one then
                return false, difference.describe(one)
            end
            return apiconnect.ready(object)
        end,
    }))
end

--- An APIConnectCluster may have left the endpoints to its operator, so they are compared again.
function steps.await_operator(self, ctx)
    local kit = self:kit_of(ctx)
    local object = self.guard(ctx, kit, function()
        return await_up(self, ctx, kit)
    end)
    local change = not ctx.planning and replacement.endpoint_changes(object, kit)[1]
    if change then
        fail("Conflict", "the subsystem is up with other host names: " .. change,
            "they must be the old ones: set them in the resource, which is to be installed anew")
    end
end

--- The subsystem is up after the restore, with the old secrets and identity.
function steps.verify(self, ctx)
    local kit = self:kit_of(ctx)
    local object = must(ctx.k8s:wait(self.plural, kit.name,
        {timeout = ctx.params.install_timeout, create = true}))
    if ctx.planning then
        return
    end
    local found = self:live_differences(ctx, kit, object)[1]
    if found then
        fail("Failed", "after the restore the resource has another value than it must have: "
            .. difference.describe(found), "look who has changed it")
    elseif not self:has_secrets(ctx) then
        fail("Failed", "after the restore a secret is not the kit's any more",
            "look who has changed it")
    end
    local _, text = apiconnect.ready(object)
    ctx:note(self.kind .. " " .. kit.name .. ": " .. text)
end

return steps
