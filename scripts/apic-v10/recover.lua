-- Recovers management and portal of API Connect v10 after a disaster, from backups that belong
-- together: the steps of apic-v10/recover-management and apic-v10/recover-portal.
local loader = require("salvor.procedure.loader")
local part = require("salvor.apiconnect.part")
local recover_pair = require("salvor.apiconnect.recover_pair")
local stanza = require("salvor.apiconnect.stanza")

local SHARED = {top = true, max_skew = true, database = true, install_timeout = true,
                restore_timeout = true}

local of_management = loader.load("apic-v10/recover-management")
local of_portal = loader.load("apic-v10/recover-portal")

local management = part.embed(of_management, "management", {
    shared = SHARED,
    hidden = {backup = true, server_name = true},
    given = recover_pair.of_management,
})
local portal = part.embed(of_portal, "portal", {
    shared = SHARED,
    hidden = {timestamp = true, management_time = true, dry_run = true},
    given = recover_pair.of_portal,
})

--- Each parameter once.
local function params()
    local all, seen = {
        {name = "record", type = "url",
         help = "where apic-v10/backup has recorded pairs of backups; those nearest in time are"
            .. " taken when left out"},
        {name = "pair", type = "string", default = "newest",
         help = "the recorded pair, as its file is named: 20261121T104512Z"},
    }, {}
    for _, of in ipairs({management, portal}) do
        for _, declaration in ipairs(of.params) do
            if not seen[declaration.name] then
                seen[declaration.name] = true
                all[#all + 1] = declaration
            end
        end
    end
    return all
end

local PAIR = {
    id = "pair",
    title = "It is known which backups belong together",
    why = "Sites must be consistent with the management database.",
    check = true,
    needs = {"management-kit", "portal-kit"},
    run = recover_pair.check,
}

local COMPARE = {
    id = "compare",
    title = "The chosen backups are of the same time",
    why = "Nothing of the portal is restored that does not fit the management database.",
    run = recover_pair.compare,
}

local M, P = management.steps, portal.steps

--- The steps in their order. Both resources are complete before either is created, since what
--- stands above them is one resource. Then management is restored, the portal immediately after.
local function steps()
    local list = {M.kit, P.kit, PAIR}
    for _, step in ipairs(of_management.steps) do
        if step.check and step.id ~= "kit" then
            list[#list + 1] = M[step.id]
        end
    end
    for _, step in ipairs(of_portal.steps) do
        -- That management is up is what comes of the steps before.
        if step.check and step.id ~= "kit" and step.id ~= "management" then
            list[#list + 1] = P[step.id]
        end
    end
    for _, step in ipairs({
        M["apply-secrets"], P["apply-secrets"], M["copy-backups"], M["edit-file"], P["edit-file"],
        M["apply-resource"], P["apply-resource"], M["await-operator"], M["await-backups"],
        M.restore, M.verify, P["await-operator"], P["choose-backups"], COMPARE, P["dry-run"],
        P.restore, P.verify, P.sites,
    }) do
        list[#list + 1] = step
    end
    return list
end

local permissions = table.move(management.permissions, 1, #management.permissions, 1, {})
table.move(portal.permissions, 1, #portal.permissions, #permissions + 1, permissions)

return {
    id = "apic-v10/recover",
    title = "Recover management and portal after a disaster",
    summary = "Recovers the management subsystem and, immediately afterwards, the developer "
        .. "portal, each from its kit, from backups that were taken at the same time.",
    document = "IBM API Connect v10: Recovering the management subsystem, and Recovering the "
        .. "Developer Portal after a disaster",
    systems = {{name = "IBM API Connect", versions = "10.0.1 and later"}},
    categories = {"restore", "destructive"},
    params = params(),
    permissions = permissions,
    steps = steps(),
    next = function(ctx)
        return {
            "Log in to each site, and to the user interfaces of management.",
            "Let external traffic in again.",
            (ctx.facts.management or {}).restarts and stanza.STILL_RESTARTS or nil,
        }
    end,
}
