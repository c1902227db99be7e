--- Backups of API Connect v2018's management database: <backup id>-<pod index>-<number of
--- pods>.tar.gz, one file for each Cassandra pod. The id is the time in nanoseconds since 1970.
local salvor = require("salvor")
local tarballs = require("salvor.verify.tarballs")

local v2018 = {name = "v2018", title = "API Connect v2018 management backups",
               looks_at = {"names", "sizes"}, options = {backup = true, pods = true, space = true}}

local PATTERN = "^(%d+)%-(%d+)%-(%d+)%.tar%.gz$"
local NAME = "%s-%d-%d.tar.gz"

local CURE = "copy it from the backup host once more"

local BILLION = 1000000000
local FIRST = 1420070400 -- 2015: there was no API Connect v5 or later to back up before
local DAY = 86400

-- The restore unpacks next to what it has fetched, and 15 % of the space is to stay free.
local SPACE_FACTOR, SPACE_PERCENT = 4, 85

--- Only as the backup writes it: a restore asks for the file of pod 0 as "-0-", not "-00-".
local function parse(path)
    local id, index, count = path:match(PATTERN)
    if not id or #id > 19 or #index > 9 or #count > 9 then
        return nil
    end
    index, count = math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
    return path == string.format(NAME, id, index, count)
        and {id = id, index = index, count = count} or nil
end

function v2018.detect(_, _, items)
    return tarballs.any(items, parse)
end

--- {id = {files...}}, of the backup that is wanted.
local function group(context)
    local found = {}
    for _, file in ipairs(tarballs.list(context, parse)) do
        if not context.options.backup or context.options.backup == file.id then
            found[file.id] = found[file.id] or {}
            table.insert(found[file.id], file)
        end
    end
    return found
end

--- The seconds of an id, or nil when it is no time at which a backup can have been made.
local function time_of(id)
    local number = math.tointeger(tonumber(id))
    local seconds = number and number // BILLION
    return seconds and seconds >= FIRST and seconds <= os.time() + DAY and seconds or nil
end

--- Pods without a file, those that follow each other at once: a number of pods may be any.
local function check_missing(add, backup, there, count)
    local present = salvor.keys(there)
    present[#present + 1] = count
    local next_one = 0
    for _, index in ipairs(present) do
        local last = math.min(index, count) - 1
        if last >= next_one then
            add("error", "file-missing", string.format(NAME, backup.name, next_one, count),
                last == next_one and "the backup of this pod is not there"
                    or string.format("the backups of pods %d to %d are not there", next_one, last),
                "a database cannot be restored from some of its pods: fetch the files from the "
                .. "backup host")
        end
        next_one = index + 1
    end
end

local function check_count(add, backup, files, pods)
    local count = files[1].count
    for _, file in ipairs(files) do
        if file.count ~= count then
            return add("error", "pod-count", file.item.path, string.format(
                "it is of a set of %d files, and %s of one of %d", file.count, files[1].item.path,
                count), "files of two backups were mixed up")
        end
    end
    local there = {}
    for _, file in ipairs(files) do
        there[file.index] = true
        if file.index >= count then
            add("error", "pod-index", file.item.path, string.format(
                "there is no pod %d of %d: they are counted from 0", file.index, count))
        end
    end
    check_missing(add, backup, there, count)
    if pods and count ~= pods then
        add("error", "pods", "", string.format(
            "it is a backup of %d Cassandra pods, and there are %d", count, pods),
            "restore onto as many pods as were backed up")
    end
end

local function check_space_of(add, file, there)
    local needed = SPACE_FACTOR * file.item.size
    local usable = (there.available + there.database) * 1024 * SPACE_PERCENT // 100
    if needed > usable then
        add("error", "space", file.item.path, string.format(
            "restoring it takes %d bytes on pod %d, and %d are usable", needed, file.index, usable),
            "make the volume larger, or remove what does not belong there")
    end
end

--- options.space: {[pod index] = {available =, database =}} in KiB, as `df /var/db/` and
--- `du -s /var/db/data/` say.
local function check_space(add, files, space)
    local met = {}
    for _, file in ipairs(files) do
        met[file.index] = true
        if space[file.index] then
            check_space_of(add, file, space[file.index])
        else
            add("note", "space", file.item.path,
                "the space of pod " .. file.index .. " was not told, so it was not looked at")
        end
    end
    for _, index in ipairs(salvor.keys(space)) do
        if not met[index] then
            add("warning", "space", "", "the space of pod " .. index
                .. " was told, of which there is no file", "pods are counted from 0")
        end
    end
end

local function check_backup(context, id, files)
    local seconds = time_of(id)
    local backup = {name = id, restorable = true, started = seconds, bytes = 0, files = #files}
    context.backups[#context.backups + 1] = backup
    local add = tarballs.adder(context, backup)
    if not seconds then
        add("warning", "id", "", "the id " .. id
            .. " is no time from 2015 to now, in nanoseconds since 1970", "was the file renamed?")
    end
    check_count(add, backup, files, context.options.pods)
    if context.options.space then
        check_space(add, files, context.options.space)
    end
    for _, file in ipairs(files) do
        backup.bytes = backup.bytes + file.item.size
        tarballs.look(context, add, file.item, "gzip", CURE)
    end
end

function v2018.verify(context)
    local found = group(context)
    for _, id in ipairs(salvor.keys(found)) do
        check_backup(context, id, found[id])
    end
end

return v2018
