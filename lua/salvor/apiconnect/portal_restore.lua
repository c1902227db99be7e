--- Restores of API Connect v10 portals: PortalRestore objects, and what a dry run tells of one.
local action = require("salvor.action")
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local ready = require("salvor.k8s.ready")
local restores = require("salvor.apiconnect.restores")

local restore = {KIND = "PortalRestore", PLURAL = apiconnect.PORTAL_RESTORE}

--- Dry runs restore nothing. One that names no portal may be of any, and is not to be spoiled.
function restore.belongs(object, name)
    return dig(object, "spec", "dryRun") ~= true
        and (dig(object, "spec", "portalCluster") or name) == name
end

local function new(wanted, dry_run)
    return {apiVersion = "portal.apiconnect.ibm.com/v1beta1", kind = restore.KIND,
            spec = {type = "all", dryRun = dry_run, portalCluster = wanted.portal,
                    timestamp = wanted.timestamp}}
end

--- run(client, name, {portal, timestamp}, timeout) -> the object; see action.run(). Not while
--- another restore of that portal is in flight.
function restore.run(client, name, wanted, timeout)
    local function refuse_others()
        restores.refuse(client, restore, wanted.portal)
    end
    return action.run(client, restore.PLURAL, new(wanted, false), name, timeout,
        {before = refuse_others})
end

--- is_done(client, name) -> boolean: the restore that run() began with that name has succeeded.
function restore.is_done(client, name)
    return action.is_done(client, restore.PLURAL, name)
end

-- Dry runs

--- actions(object) -> the lines in which a dry run tells what would be done.
function restore.actions(object)
    local lines = {}
    for _, field in ipairs({"message", "state"}) do
        for line in (fields.text(object, "status", field) or ""):gmatch("[^\r\n]+") do
            lines[#lines + 1] = line
        end
    end
    return lines
end

local TIME = "%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d"

--- Whether a word of an action is that site: its address, or the name of a file of it.
local function is_site(word, site)
    local address = word:gsub("^https?://", ""):gsub("[/.:]+$", "")
    local file = word:match("([^/]+)%-" .. TIME)
    return file == site.name or address == site.site or address == (site.name:gsub("@", "/"))
end

local function line_about(lines, site)
    for _, line in ipairs(lines) do
        for word in line:gmatch("[^%s,;\"'=()<>]+") do
            if is_site(word, site) then
                return line
            end
        end
    end
end

--- disagreements(lines, sites) -> list of texts: which of the sites {name, site, id (of the chosen
--- backup)} the actions leave out, or restore from another backup. No form of the lines is
--- documented: a site is known by its address or by its file, a backup by its time.
function restore.disagreements(lines, sites)
    local found = {}
    for _, site in ipairs(sites) do
        local line = line_about(lines, site)
        local other = line and not line:find(site.id, 1, true) and line:match(TIME)
        if not line then
            found[#found + 1] = "it leaves out site " .. site.name .. " (" .. site.id .. ")"
        elseif other then
            found[#found + 1] = "it restores site " .. site.name .. " from " .. other
                .. " and not from " .. site.id
        end
    end
    return found
end

--- dry_run(client, name, {portal, timestamp, sites}, timeout) -> the object, and disagreements().
--- One that disagrees is followed by another when it is repeated: the operator may only just have
--- found what it left out.
function restore.dry_run(client, name, wanted, timeout)
    local function disagreements(object)
        return restore.disagreements(restore.actions(object), wanted.sites)
    end
    local object = action.run(client, restore.PLURAL, new(wanted, true), name, timeout, {
        is_vain = function(found)
            return ready.state(found) == "ready" and disagreements(found)[1] ~= nil
        end,
    })
    return object, disagreements(object)
end

return restore
