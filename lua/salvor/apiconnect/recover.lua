--- What the recoveries of API Connect v10's subsystems share: parameters, permissions, and the
--- steps from the kit to a subsystem that is up with the old secrets and identity.
---
---     local subsystem = recover.subsystem{section = "portal", kind = "PortalCluster", ...}
---     local shared = subsystem:steps() -- shared["apply-secrets"] is a step of a procedure
---
--- ctx.facts of these steps: run (the kit's generation), name, version (of the replacement),
--- restarts (whether the database of the one that is there does for its new settings).
local apiconnect = require("salvor.apiconnect")
local checks = require("salvor.apiconnect.recover.checks")
local steps = require("salvor.apiconnect.recover.steps")
local Subsystem = require("salvor.apiconnect.recover.subsystem")

local recover = {}

--- The values of the second list behind those of the first.
local function joined(one, other)
    return table.move(other, 1, #other, #one + 1, table.move(one, 1, #one, 1, {}))
end

--- params(own) -> the parameters that all recoveries have, and its own.
function Subsystem:params(own)
    return joined({
        {name = "kit", type = "url", required = true,
         help = "the kit that " .. self.prepared_by .. " has saved"},
        {name = "name", type = "name",
         help = "the " .. self.kind .. ", to be sure that it is the kit's"},
        {name = "resource", type = "path",
         help = "the file that defines the replacement, which is edited in place; the old"
            .. " definition of the kit when left out"},
        {name = "top", type = "name",
         help = "the APIConnectCluster that the subsystem belongs to, if to any"},
        {name = "install_timeout", type = "duration", default = "2h",
         help = "how long the subsystem may take to come up"},
        {name = "restore_timeout", type = "duration", default = "4h",
         help = "how long the restore may take"},
    }, own)
end

local function has_top(params)
    return params.top ~= nil
end

local function stands_alone(params)
    return params.top == nil
end

--- permissions(own) -> those of these steps, and its own. The resource above is edited, or the one
--- below, never both.
function Subsystem:permissions(own)
    return joined({
        {kind = self.plural, verbs = {"get", "list", "watch"}},
        {kind = self.plural, verbs = {"create", "patch"}, when = stands_alone},
        {kind = apiconnect.TOP, verbs = {"get", "create", "patch"}, when = has_top},
        {kind = "secrets", verbs = {"get", "create"}},
        {kind = self.restores.PLURAL, verbs = {"get", "list", "watch", "create"}},
    }, own)
end

local function has_file(ctx)
    return ctx.params.resource ~= nil
end

local function list_of_steps(self)
    --- A function of a step: fn(self, ctx)
    local function of(fn)
        return function(ctx)
            return fn(self, ctx)
        end
    end
    return {
        {
            id = "kit",
            title = "The kit is whole, and of this subsystem",
            why = "Without the old secrets and identity nothing can be restored.",
            check = true,
            run = of(checks.kit),
        },
        {
            id = "resource",
            title = "The replacement has the old name and endpoints",
            why = "Backups are bound to the name, and host names cannot be changed in a recovery.",
            check = true,
            needs = {"kit"},
            run = of(checks.resource),
        },
        {
            id = "version",
            title = "The replacement has the old version, or a later fix pack",
            why = "Backups are restored by the release that they are of, or a later one; below"
                .. " 10.0.3.0 there is no originalUID, without which a long name may not be"
                .. " restorable.",
            check = true,
            needs = {"resource"},
            run = of(checks.version),
        },
        {
            id = "secrets",
            title = "No other secrets stand in the way",
            why = "Secrets that are there are used and not made anew: they must be the old ones.",
            check = true,
            needs = {"kit"},
            run = of(checks.secrets),
        },
        {
            id = "settings",
            title = "A subsystem that is there already can take over",
            why = "siteName, originalUID, encryption key and the place of the backups must be the"
                .. " old ones, or the restore fails.",
            check = true,
            needs = {"resource", "version"},
            run = of(checks.settings),
        },
        {
            id = "restores",
            title = "No other restore is in flight",
            why = "Two restores at once spoil each other.",
            check = true,
            needs = {"kit"},
            run = of(checks.restores),
        },
        {
            id = "outside",
            title = "What nobody can see from here",
            why = "What is changed before the restore is lost, and the other subsystem must fit.",
            check = true,
            run = of(checks.outside),
        },
        {
            id = "apply-secrets",
            title = "Put the secrets back",
            why = "The operator uses those that are there under these names when it installs.",
            run = of(steps.apply_secrets),
            verify = of(Subsystem.has_secrets),
        },
        {
            id = "edit-file",
            title = "Put the kit's values into the file of the replacement",
            why = "So that the file is the truth from now on, with its comments.",
            when = has_file,
            done = of(steps.is_file_edited),
            run = of(steps.edit_file),
        },
        {
            id = "apply-resource",
            title = "Create the replacement, or change the one that is there",
            why = "It has the old identity, names of secrets and place of the backups before the"
                .. " operator begins.",
            done = of(steps.needs_no_change),
            run = of(steps.apply_resource),
            verify = of(steps.is_resource_applied),
        },
        {
            id = "await-operator",
            title = "Wait until the subsystem is up",
            why = "A restore needs a subsystem whose parts all run.",
            run = of(steps.await_operator),
        },
        {
            id = "verify",
            title = "The subsystem is up again, with the old identity",
            why = "A restore that has ended is not yet a subsystem that works.",
            run = of(steps.verify),
        },
    }
end

--- steps() -> these steps by their ids.
function Subsystem:steps()
    local by_id = {}
    for _, step in ipairs(list_of_steps(self)) do
        by_id[step.id] = step
    end
    return by_id
end

--- No change needs a restart.
local function never()
    return false
end

--- Nothing makes the wait vain.
local function unguarded(_, _, fn)
    return fn()
end

--- The backups stay where they were.
local function same_path()
    return nil
end

--- subsystem{...} -> subsystem:
---   section        of an APIConnectCluster: "management" or "portal"
---   kind, plural   of its resource
---   prepared_by    the id of the procedure that has made its kit, and read_kit(kit) that reads it
---   restores       salvor.apiconnect.management_restore, or portal_restore
---   fixed          field of its spec = why a living one cannot be given another value
---   backup_path(params)    -> where the backups are now (may be left out: in the old place)
---   restarts(ctx, kit, object, differences)  -> whether the database of a living subsystem, with
---                  these differences, restarts for them by consent (may be left out: never)
---   together       what to tell of the other subsystem
---   guard(ctx, kit, fn)    -> what fn() gives, which waits for the operator; raises at once what
---                  makes that vain (may be left out)
function recover.subsystem(fields)
    fields.guard = fields.guard or unguarded
    fields.backup_path = fields.backup_path or same_path
    fields.restarts = fields.restarts or never
    return setmetatable(fields, Subsystem)
end

return recover
