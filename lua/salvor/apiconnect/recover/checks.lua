--- What must be so before a subsystem is recovered, whichever it is: checks(self, ctx) of a
--- salvor.apiconnect.recover.subsystem.
local apiconnect = require("salvor.apiconnect")
local difference = require("salvor.apiconnect.difference")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local replacement = require("salvor.apiconnect.replacement")
local restores = require("salvor.apiconnect.restores")

local checks = {}

function checks.kit(self, ctx)
    local kit = self.read_kit(ctx:kit(ctx.params.kit))
    if ctx.params.name and ctx.params.name ~= kit.name then
        return ctx:problem(ctx.params.kit .. " is the kit of " .. self.kind .. " " .. kit.name
            .. ", not of " .. ctx.params.name, "the name must stay the same: give the right kit")
    end
    ctx.facts.run, ctx.facts.name = kit.run, kit.name
    ctx:note(string.format("kit of %s %s of namespace %s, version %s, made %s", self.kind, kit.name,
        kit.namespace, kit.version, kit.created))
end

-- The resource

--- The operator of the kind is there, and not the old subsystem. The one that has its name already,
--- if any.
local function check_place(self, ctx, kit)
    if not find.has_kind(ctx.k8s, self.plural) then
        ctx:problem("this cluster has no " .. self.kind .. "s: the operator of API Connect v10 is"
            .. " not installed", "install it first, in the version of the old installation")
        return false
    end
    local object = find.object(ctx.k8s, self.plural, kit.name)
    if object and object.metadata.uid == kit.uid then
        ctx:problem(self.kind .. " " .. kit.name .. " is the very one that the kit was made of, and"
            .. " is still there", "this recovers a lost subsystem on a new installation: name"
            .. " its namespace with -n, its cluster with --context")
        return false
    end
    return true, object
end

--- The resource at the top is edited, not the one below it, whose operator would take that back.
local function check_top(self, ctx, kit, object)
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

--- An APIConnectCluster that is there makes its subsystem by the name that it says.
local function check_section(self, ctx, kit, top, definition)
    local name = replacement.name_below(top, self.section)
    if not dig(top, "spec", self.section) then
        if not definition then
            ctx:problem("APIConnectCluster " .. top.metadata.name .. " has no spec."
                .. self.section, "give its definition: -p resource=FILE")
        end
    elseif name ~= kit.name then
        ctx:problem("spec." .. self.section .. " of APIConnectCluster " .. top.metadata.name
            .. " has another name than the old " .. self.kind .. ", " .. kit.name .. ": " .. name,
            "the name must be the same: the backups are bound to it; take that one out first")
    end
end

--- There is a definition of the replacement, which is returned; nothing after a problem.
local function check_definition(self, ctx, kit, object)
    local target = self:target(ctx, kit)
    local found, live, definition = self:described(ctx, kit, object)
    if not found then
        return ctx:problem("there is no APIConnectCluster " .. target.name .. " in namespace "
            .. ctx.namespace .. ", and the kit has the " .. self.kind .. " alone",
            "give its definition: -p resource=FILE")
    elseif live and ctx.params.top then
        check_section(self, ctx, kit, live, definition)
    end
    ctx:note(target.kind .. " " .. target.name .. (live and " is there already"
        or " is created from " .. (ctx.params.resource or "the old definition in the kit")))
    return found
end

function checks.resource(self, ctx)
    local kit = self:kit_of(ctx)
    local is_possible, object = check_place(self, ctx, kit)
    if not is_possible then
        return
    end
    check_top(self, ctx, kit, object)
    local found = check_definition(self, ctx, kit, object)
    if not found then
        return
    end
    local namespace = ctx.params.resource and dig(found, "metadata", "namespace")
    if namespace and namespace ~= ctx.namespace then
        ctx:problem(ctx.params.resource .. " is of namespace " .. namespace .. ", the target is "
            .. ctx.namespace, "name the target with -n, or take the namespace out")
    end
    for _, change in ipairs(replacement.endpoint_changes(found, kit)) do
        ctx:problem(change, "the host names cannot be changed in a recovery; point their DNS names"
            .. " to the new installation instead")
    end
end

-- The version

--- A long name is restored by originalUID alone, which older versions do not have.
local function check_name(ctx, kit, version)
    local name, length = apiconnect.long_name(kit.name, ctx.params.top or kit.top)
    if apiconnect.has_original_uid(version) then
        ctx:note("originalUID is " .. kit.spec.originalUID
            .. (name and ", without which the restore of so long a name fails" or ""))
    elseif name then
        ctx:problem(string.format("the name %s is longer than %d characters, and %s has no"
            .. " originalUID: the restore may not work", name, length, version),
            "restore onto 10.0.3.0 or later")
    end
end

--- Same version and fix pack, or later.
function checks.version(self, ctx)
    local kit = self:kit_of(ctx)
    local version = self:version(ctx, kit)
    local parsed = apiconnect.parse_version(version)
    if not parsed or #parsed < 3 then
        return ctx:problem("the replacement does not tell its version"
            .. (parsed and ", '" .. version .. "' is only a line of them" or ""),
            "set spec.version to " .. kit.version)
    elseif not apiconnect.at_least(version, kit.version) then
        ctx:problem("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "install " .. kit.version .. ", or a later fix pack of that release")
    elseif not apiconnect.at_least(kit.version, version) then
        ctx:warn("the replacement has version " .. version .. ", the backups are of "
            .. kit.version, "all subsystems must have the same version and fix pack")
    end
    check_name(ctx, kit, version)
end

-- What is there already

--- What is there under the names of the kit's secrets is the same.
function checks.secrets(self, ctx)
    for _, item in ipairs(self:kit_of(ctx).secrets) do
        local name, found = item.object.metadata.name, self:compare_secret(ctx, item)
        if found == "newer" then
            ctx:warn("secret " .. name .. " is there with other data than the kit's: it is left as"
                .. " it is", "it must open the place where the old backups are")
        elseif found == "other" then
            ctx:problem("secret " .. name .. " (" .. item.role .. ") is there with other data than"
                .. " the kit's", "it is of another installation, which cannot read the old"
                .. " backups: delete that installation with its secrets and volumes, or use"
                .. " another namespace")
        end
    end
end

local function check_difference(self, ctx, live, restored, one)
    local text = "the resource is there with another value: " .. difference.describe(one)
    local reason = live.object and self.fixed[one.path[2]]
    if restored then
        ctx:problem(text .. ", and " .. restored .. " has been restored into it",
            "what was restored is not put at stake: delete the resource first to recover it anew")
    elseif reason then
        ctx:problem(text .. ", which cannot be changed: " .. reason, "delete the resource, and its"
            .. " secrets and volumes, so that this procedure creates it")
    elseif one.before ~= nil then
        ctx:warn(text .. ", which is changed: nothing was restored into it yet")
    end
end

--- A subsystem that is there already can take the backups over.
function checks.settings(self, ctx)
    local kit = self:kit_of(ctx)
    local live = self:look(ctx, kit)
    if not live then
        return
    end
    local restored, missing = restores.all(ctx.k8s, self.restores, kit.name).done[1], 0
    restored = restored and self.restores.KIND .. " " .. restored
    ctx.facts.restarts = live.restarts or nil
    if live.restarts then
        ctx:warn("the database restarts for the settings of S3: that is agreed to by"
            .. " restartDB.accept, which is put in with them")
    end
    for _, one in ipairs(live.differences) do
        check_difference(self, ctx, live, restored, one)
        missing = missing + (one.before == nil and 1 or 0)
    end
    if missing > 0 and not restored then
        ctx:warn("the resource is there without " .. missing .. " of the old values, which are"
            .. " added: nothing was restored into it yet")
    elseif #live.differences == 0 and restored then
        ctx:warn(restored .. " has succeeded: the subsystem was restored before",
            "what has been changed since then is lost when it is restored again")
    end
end

function checks.restores(self, ctx)
    restores.check(ctx, self.restores, self:name(ctx))
end

--- What nobody can see from here.
function checks.outside(self, ctx)
    ctx:warn(self.together)
    ctx:warn("the endpoints' DNS names must point to the new installation")
    ctx:warn("nobody may log in or change any settings before the restore is done",
        "external traffic must be stopped until then")
end

return checks
