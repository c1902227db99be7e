--- Whether the recovery kits of API Connect v10 are those of the living system: there, whole, with
--- the same secrets and settings. Values are compared and never told.
local apiconnect = require("salvor.apiconnect")
local contents = require("salvor.k8s.contents")
local dig = require("salvor").dig
local difference = require("salvor.apiconnect.difference")
local find = require("salvor.k8s.find")
local keys = require("salvor").keys
local management_kit = require("salvor.apiconnect.management_kit")
local portal_kit = require("salvor.apiconnect.portal_kit")
local readiness = require("salvor.apiconnect.readiness")
local replacement = require("salvor.apiconnect.replacement")
local storage = require("salvor.apiconnect.storage")
local subsystems = require("salvor.apiconnect.readiness.subsystems")

local kits = {}

local KITS = {management = management_kit, portal = portal_kit}

local function cure_of(own, name, url)
    return "save it anew: salvor run " .. KITS[name].PROCEDURE .. " -n " .. own.namespace
        .. " -p name=" .. own.facts.name .. " -p kit=" .. (url or "…")
end

-- Secrets

local function check_saved_secret(own, item, cure)
    local name = item.object.metadata.name
    local live = find.object(own.k8s, "secrets", name)
    if not live then
        own:gap("kit-secrets", "secret " .. name .. " (" .. item.role .. ") of the kit is not in"
            .. " the cluster", cure)
    elseif not contents.same(live, item.object) then
        own:gap("kit-secrets", "secret " .. name .. " (" .. item.role .. ") has other data than"
            .. " the kit's", cure)
    end
end

local function check_secrets(own, name, object, kit, cure)
    local saved = {}
    for _, item in ipairs(kit.secrets) do
        saved[item.object.metadata.name] = true
        check_saved_secret(own, item, cure)
    end
    for _, item in ipairs(subsystems.kind(name):secrets(object, own.facts.version)) do
        if item.secret and not saved[item.secret] then
            own:gap("kit-secrets", "secret " .. item.secret .. " (" .. item.role .. ") is not in"
                .. " the kit", cure)
        end
    end
end

-- Settings

--- The texts of all settings that are not the kit's.
local function setting_changes(name, object, kit, version)
    local changes = {}
    for _, one in ipairs(difference.changes(replacement.differences(object, kit, version))) do
        changes[#changes + 1] = string.format("%s is %s, in the kit %s", one.path,
            one.before or "not set", one.after)
    end
    local field = subsystems.kind(name).backup_field
    local saved, live = kit.spec[field] or {}, storage.lasting(dig(object, "spec", field))
    for _, key in ipairs(keys(live)) do
        if saved[key] == nil then
            changes[#changes + 1] = string.format("spec.%s.%s is %s, in the kit not set", field,
                key, tostring(live[key]))
        end
    end
    local endpoints = replacement.endpoint_changes(object, kit)
    return table.move(endpoints, 1, #endpoints, #changes + 1, changes)
end

local function top_of(object)
    return (apiconnect.top_level(object) or {}).name
end

local function check_settings(own, name, object, kit, cure)
    local version = own.facts.version
    local live = replacement.effective(object)
    -- What the operator would put there, and what the kit notes.
    live.spec.originalUID = live.spec.originalUID or object.metadata.uid
    for _, text in ipairs(setting_changes(name, live, kit, version)) do
        own:gap("kit-settings", text, cure)
    end
    if kit.top ~= top_of(object) then
        own:gap("kit-settings", "the APIConnectCluster above it is " .. (top_of(object) or "none")
            .. ", in the kit " .. (kit.top or "none"), cure)
    end
    if kit.version == version then
        return
    elseif apiconnect.database(kit.version) ~= apiconnect.database(version) then
        own:gap("kit-settings", "the kit is of version " .. kit.version .. ", whose database is"
            .. " another one than that of " .. version, cure)
    else
        own:warn("the kit is of version " .. kit.version .. ", it has " .. version .. " now", cure)
    end
end

-- The kit

--- What another kit mends; the rest is about the way to it.
local MENDED_ANEW = {NotFound = true, Corrupt = true, Invalid = true}

--- The kit, or nothing after a gap.
local function read(own, name)
    local url = own.params[name .. "_kit"]
    if not url then
        return own:gap("kit", "no kit of it is named", cure_of(own, name)
            .. ", and name it with -p " .. name .. "_kit=…")
    end
    local kit, err = readiness.try(function()
        return KITS[name].read(own:kit(url))
    end)
    if not kit then
        return own:gap("kit", err.message, MENDED_ANEW[err.code] and cure_of(own, name, url)
            or err.hint or "it must be within reach of whoever recovers")
    end
    return kit, url
end

local function check(own, name)
    local kit, url = read(own, name)
    if not kit then
        return
    elseif kit.name ~= own.facts.name then
        return own:gap("kit", url .. " is the kit of " .. kit.name .. ", not of "
            .. own.facts.name, "name its own kit with -p " .. name .. "_kit=…")
    end
    own:note("kit of version " .. kit.version .. ", made " .. kit.created)
    local object, cure = subsystems.kind(name):get(own), cure_of(own, name, url)
    if kit.uid ~= object.metadata.uid then
        own:warn("the kit was made of an earlier installation, whose uid was " .. kit.uid,
            cure_of(own, name))
    end
    check_secrets(own, name, object, kit, cure)
    check_settings(own, name, object, kit, cure)
end

--- Check: the kits would bring this system back.
function kits.check(look)
    readiness.each(look, "kit", check)
end

return kits
