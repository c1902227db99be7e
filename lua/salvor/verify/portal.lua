--- Backups of API Connect's Developer Portal: _portal_system_backup-<time>.tar.gz of the system,
--- and <host>@<organisation>@<catalog>-<time>.tar.gz of each site; times are YYYYMMDD.HHMMSS.
---
--- The portal cuts long names, so the catalog may be missing or not whole.
---
--- What a restore of type "all" takes for a time T: the newest backup of the system, and of each
--- site, that is not newer than T.
local errors = require("salvor.error")
local salvor = require("salvor")

local portal = {name = "portal", title = "API Connect Developer Portal backups"}

local SYSTEM = "_portal_system_backup"
local PATTERN = "^(.+)%-(%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d)%.tar%.gz$"

local TOLERANCE = 3600 -- seconds

local function parse(item)
    local name, time = item.path:match(PATTERN)
    if name and (name == SYSTEM or name:find("^[^@]+@")) then
        return name, time
    end
    return nil
end

function portal.detect(_, _, items)
    for _, item in ipairs(items) do
        if parse(item) then
            return true
        end
    end
    return false
end

--- Seconds since 1970 of "YYYYMMDD.HHMMSS" (UTC), "YYYYMMDD-HHMMSS..." or a number of seconds.
local function seconds_of(text)
    local year, month, day, hour, minute, second =
        text:match("^(%d%d%d%d)(%d%d)(%d%d)[.T-](%d%d)(%d%d)(%d%d)")
    if not year then
        return math.tointeger(tonumber(text))
    end
    -- os.time() takes local time; the same for 1970 takes that out again.
    local function at(y, m, d, h, min, s)
        return os.time({year = y, month = m, day = d, hour = h, min = min, sec = s, isdst = false})
    end
    local base = at(1970, 1, 2, 0, 0, 0) - 86400
    return at(tonumber(year), tonumber(month), tonumber(day), tonumber(hour), tonumber(minute),
        tonumber(second)) - base
end

local function time_option(context)
    local time = context.options.time
    if not time or time == "now" then
        return nil
    elseif not time:find("^%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d$") then
        error(errors.new({code = "Invalid", op = "store.verify",
            message = "the time '" .. time .. "' is neither now nor YYYYMMDD.HHMMSS"}), 0)
    end
    return time
end

--- {name = {newest = {item, time}, newer = the oldest one after T, count}}; times compare as texts.
local function group(context, limit)
    local _, items = context.source:level("")
    local found = {}
    for _, item in ipairs(items) do
        local name, time = parse(item)
        if name then
            local series = found[name] or {count = 0}
            found[name] = series
            series.count = series.count + 1
            if limit and time > limit then
                series.newer = true
            elseif not series.newest or time > series.newest.time then
                series.newest = {item = item, time = time}
            end
        end
    end
    return found
end

local function check_management(context, add, backup, system)
    local text = context.options.management_time
    if not text then
        return
    end
    local management = seconds_of(text)
    if not management then
        error(errors.new({code = "Invalid", op = "store.verify",
            message = "the time of the management backup '" .. text .. "' is neither "
                .. "YYYYMMDD-HHMMSS nor seconds since 1970"}), 0)
    end
    local apart = math.abs(management - seconds_of(system.time))
    local tolerance = context.options.tolerance or TOLERANCE
    if apart > tolerance then
        add(backup, "warning", "times", system.item.path, string.format(
            "it was made %d s away from the backup of the management database, more than %d s",
            apart, tolerance), "portal sites must fit the management database: take backups that "
            .. "were made at the same time")
    end
end

local function look(context, add, backup, entry)
    if entry.item.size == 0 then
        return add(backup, "error", "empty", entry.item.path, "it is empty")
    end
    context.content:add({
        item = entry.item,
        compression = "gzip",
        tar = true,
        done = function(summary, problem)
            if not summary then
                add(backup, "error", "damaged", entry.item.path, problem.message)
            elseif summary.entries == 0 then
                add(backup, "error", "damaged", entry.item.path, "there is nothing in it")
            end
        end,
    })
end

function portal.verify(context)
    local limit = time_option(context)
    local found = group(context, limit)
    local function add(backup, level, rule, object, message, hint)
        context.findings:add({level = level, rule = rule, object = object, message = message,
                              hint = hint}, backup)
    end
    local backup = {name = limit or "now", type = "all", restorable = true, bytes = 0, files = 0}
    context.backups[1] = backup
    local system = found[SYSTEM] and found[SYSTEM].newest
    if not system then
        add(backup, "error", "system-missing", SYSTEM .. "-*.tar.gz",
            found[SYSTEM] and "every backup of the system is newer than " .. limit
                or "there is no backup of the system", "sites cannot be restored without it")
    end
    local sites = 0
    for _, name in ipairs(salvor.keys(found)) do
        local newest = found[name].newest
        if newest then
            sites = sites + (name == SYSTEM and 0 or 1)
            backup.files, backup.bytes = backup.files + 1, backup.bytes + newest.item.size
            look(context, add, backup, newest)
        elseif name ~= SYSTEM then
            add(backup, "warning", "site-missing", name,
                "every backup of this site is newer than " .. limit,
                "the site will not be restored")
        end
    end
    if sites == 0 then
        add(backup, "warning", "no-site", "", "there is no backup of a site",
            "the portal comes back without sites")
    end
    if system then
        backup.finished = seconds_of(system.time)
        check_management(context, add, backup, system)
    end
end

return portal
