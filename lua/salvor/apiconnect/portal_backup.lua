--- Backups of API Connect v10 portals: PortalBackup objects, each of the system or of one site.
---
--- A record is what the operator makes of a file in the remote storage, every ten minutes; its name
--- and time come from the file. What was created in the cluster has neither, and counts from its
--- creation, until the operator makes a record of its file, too.
local action = require("salvor.action")
local apiconnect = require("salvor.apiconnect")
local dates = require("salvor.dates")
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local find = require("salvor.k8s.find")
local keys = require("salvor").keys
local ready = require("salvor.k8s.ready.apiconnect")["portal.apiconnect.ibm.com/PortalBackup"]

local backup = {}

--- By what backups of the system are told from those of sites.
backup.SYSTEM = "_portal_system_backup"

local FILE = "^(.+)%-%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d%.tar%.gz$"
local TIME = "^%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d$"

--- "20221108.010033" -> seconds since 1970, or nil when it is no such time.
function backup.seconds(time)
    return type(time) == "string" and time:match(TIME) and dates.compact(time) or nil
end

--- What a backup is of: SYSTEM, or the name of a site as its file has it; nil when nobody says.
local function subject_of(object)
    local type, site = dig(object, "spec", "type"), dig(object, "spec", "siteName")
    local file = dig(object, "status", "fullBackupName")
    local name = file and tostring(file):match(FILE)
    if name then
        return name
    elseif type == "site" and site and site ~= "" then
        return (site:gsub("/", "@"))
    end
    return type ~= "site" and backup.SYSTEM or nil
end

local function describe(object)
    local id, type = dig(object, "status", "backupId"), dig(object, "spec", "type")
    local is_record = dig(object, "spec", "crType") == "record"
    local time = backup.seconds(id)
    return {
        name = object.metadata.name,
        id = time and id or nil,
        time = time or not is_record and dates.iso(object.metadata.creationTimestamp) or nil,
        subject = subject_of(object),
        site = dig(object, "spec", "siteName"),
        type = type,
        is_record = is_record,
        created = dates.iso(object.metadata.creationTimestamp),
    }
end

--- those_of(client, name) -> list of the portal's PortalBackups, and how many of nobody knows which
--- there are: spec.portalCluster may be left out, and is known only where there is one portal.
local function those_of(client, name)
    local its, unnamed = {}, {}
    for object in client:each(apiconnect.PORTAL_BACKUP) do
        local whose = fields.text(object, "spec", "portalCluster")
        local list = whose == name and its or not whose and unnamed or {}
        list[#list + 1] = object
    end
    if unnamed[1] and #find.names(client, apiconnect.PORTAL) > 1 then
        return its, #unnamed
    end
    return table.move(unnamed, 1, #unnamed, #its + 1, its), 0
end

--- of(client, name) -> list of the portal's backups that can be used {name, id (YYYYMMDD.HHMMSS),
--- time, subject (SYSTEM or a site), site (spec.siteName), type, is_record, created}, how many
--- there are in all, and what to say of those that may be its or another's (nil: there are none).
--- Times are seconds since 1970.
function backup.of(client, name)
    local found, its, unnamed = {}, those_of(client, name)
    for _, object in ipairs(its) do
        local described = describe(object)
        if ready(object) == "ready" and described.time and described.subject then
            found[#found + 1] = described
        end
    end
    return found, #its, unnamed > 0 and unnamed .. " PortalBackups name no portal"
        .. " (spec.portalCluster), and there are several: whose they are cannot be told, and they"
        .. " do not count" or nil
end

--- set(backups, time) -> {system, sites = {subject = backup}}: what a restore of everything takes
--- for that time ("now" or YYYYMMDD.HHMMSS), the newest of each that is not newer; and the subjects
--- all of whose backups are newer. A backup of type "all" counts as one of the system: it does not
--- say of which sites it is.
function backup.set(backups, time)
    local limit = time == "now" and math.huge or backup.seconds(time)
    local set, newer = {sites = {}}, {}
    for _, each in ipairs(backups) do
        local is_system = each.subject == backup.SYSTEM
        local best = is_system and set.system or set.sites[each.subject]
        if each.time > limit then
            newer[each.subject] = true
        elseif not best or each.time > best.time then
            if is_system then
                set.system = each
            else
                set.sites[each.subject] = each
            end
        end
    end
    for subject in pairs(newer) do
        if set.sites[subject] or subject == backup.SYSTEM and set.system then
            newer[subject] = nil
        end
    end
    return set, keys(newer)
end

--- old_sites(set, limit) -> list of texts: the sites of a set() whose newest backup is more than
--- `limit` seconds older than that of the system.
function backup.old_sites(set, limit)
    local texts = {}
    for _, site in ipairs(set.system and keys(set.sites) or {}) do
        local behind = set.system.time - set.sites[site].time
        if behind > limit then
            texts[#texts + 1] = string.format("the newest backup of site %s is %.1f hours older"
                .. " than that of the system", site, behind / 3600)
        end
    end
    return texts
end

--- take(client, cluster, name, timeout) -> {name, time}: a backup of the system and all sites; see
--- action.run().
function backup.take(client, cluster, name, timeout)
    return describe(action.run(client, apiconnect.PORTAL_BACKUP, {
        apiVersion = "portal.apiconnect.ibm.com/v1beta1",
        kind = "PortalBackup",
        spec = {type = "all", crType = "create", portalCluster = cluster},
    }, name, timeout))
end

--- is_usable(client, name) -> boolean: that backup exists and has succeeded.
function backup.is_usable(client, name)
    return action.is_done(client, apiconnect.PORTAL_BACKUP, name)
end

return backup
