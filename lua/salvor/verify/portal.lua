--- Backups of API Connect's Developer Portal: _portal_system_backup-<time>.tar.gz of the system,
--- and <host>@<organisation>@<catalog>-<time>.tar.gz of each site; times are YYYYMMDD.HHMMSS.
---
--- The portal cuts long names, so the catalog may be missing or not whole.
---
--- What a restore of type "all" takes for a time T: the newest backup of the system, and of each
--- site, that is not newer than T.
local errors = require("salvor.error")
local salvor = require("salvor")
local tarballs = require("salvor.verify.tarballs")
local dates = require("salvor.dates")

local portal = {name = "portal", title = "API Connect Developer Portal backups",
                looks_at = {"names", "sizes"},
                options = {time = true, management_time = true, tolerance = true}}

local SYSTEM = "_portal_system_backup"
local PATTERN = "^(.+)%-(%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d)%.tar%.gz$"

local TOLERANCE = 3600 -- seconds
local DAY = 86400

local CURE = "restore to an earlier time (--time), for which an earlier backup is taken"

local function parse(path)
    local name, time = path:match(PATTERN)
    if name and (name == SYSTEM or name:find("^[^@]+@")) then
        return {name = name, time = time}
    end
    return nil
end

function portal.detect(_, _, items)
    return tarballs.any(items, parse)
end

local function invalid(message)
    error(errors.new({code = "Invalid", op = "store.verify", message = message}), 0)
end

--- The time until which backups count, as names have it, and how messages call it. Clocks differ,
--- and nobody says in which zone the portal's is.
local function limit_of(context)
    local time = context.options.time
    if not time or time == "now" then
        return os.date("!%Y%m%d.%H%M%S", os.time() + DAY), "now"
    elseif #time ~= 15 or time:sub(9, 9) ~= "." or not dates.compact(time) then
        invalid("the time '" .. time .. "' is neither now nor YYYYMMDD.HHMMSS")
    end
    return time, time
end

--- {name = {newest = the newest one until the limit}}; times compare as texts.
local function group(context, limit, is_now)
    local found = {}
    for _, file in ipairs(tarballs.list(context, parse)) do
        local series = found[file.name] or {}
        found[file.name] = series
        if not dates.compact(file.time) then
            context.findings:add({level = "warning", rule = "time", object = file.item.path,
                message = file.time .. " is no time, so it was left out",
                hint = "was the file renamed?"})
        elseif file.time > limit and is_now then
            context.findings:add({level = "warning", rule = "time", object = file.item.path,
                message = "it is of a time to come, so it was left out",
                hint = "is a clock wrong?"})
        elseif file.time <= limit and (not series.newest or file.time > series.newest.time) then
            series.newest = file
        end
    end
    return found
end

--- Every file of the set is to be of the time of the management database's backup.
local function check_management(context, add, files)
    local text = context.options.management_time
    if not text then
        return
    end
    local management = dates.compact(text) or math.tointeger(tonumber(text))
    if not management then
        invalid("the time of the management backup '" .. text .. "' is neither "
            .. "YYYYMMDD-HHMMSS nor seconds since 1970")
    end
    local tolerance = context.options.tolerance or TOLERANCE
    for _, file in ipairs(files) do
        local apart = math.abs(management - dates.compact(file.time))
        if apart > tolerance then
            add("warning", "times", file.item.path, string.format(
                "it was made %d s away from the backup of the management database, more than %d s",
                apart, tolerance), "portal sites must fit the management database: take backups "
                .. "that were made at the same time")
        end
    end
end

function portal.verify(context)
    local limit, time = limit_of(context)
    local found, files = group(context, limit, time == "now"), {}
    local backup = {name = time, type = "all", restorable = true, bytes = 0, files = 0,
                    objects = salvor.list({})}
    context.backups[1] = backup
    local add = tarballs.adder(context, backup)
    local system = found[SYSTEM] and found[SYSTEM].newest
    if not system then
        add("error", "system-missing", SYSTEM .. "-*.tar.gz",
            "there is no backup of the system until " .. time,
            "sites cannot be restored without it")
    end
    for _, name in ipairs(salvor.keys(found)) do
        local newest = found[name].newest
        if newest then
            files[#files + 1] = newest
            backup.bytes = backup.bytes + newest.item.size
            backup.objects[#files] = newest.item.path
            tarballs.look(context, add, newest.item, "gzip", CURE)
        elseif name ~= SYSTEM then
            add("warning", "site-missing", name, "there is no backup of this site until " .. time,
                "the site will not be restored")
        end
    end
    backup.files = #files
    if #files == (system and 1 or 0) then
        add("warning", "no-site", "", "there is no backup of a site",
            "the portal comes back without sites")
    end
    backup.finished = system and dates.compact(system.time) or nil
    check_management(context, add, files)
end

return portal
