--- Backups of API Connect v2018's management database: <backup id>-<pod index>-<number of
--- pods>.tar.gz, one file for each Cassandra pod. The id is the time in nanoseconds since 1970.
local salvor = require("salvor")

local v2018 = {name = "v2018", title = "API Connect v2018 management backups"}

local PATTERN = "^(%d+)%-(%d+)%-(%d+)%.tar%.gz$"

local BILLION = 1000000000
local FIRST = 1420070400 -- 2015: there was no API Connect v5 or later to back up before
local DAY = 86400

-- The restore unpacks next to what it has fetched, and 15 % of the space is to stay free.
local SPACE_FACTOR, SPACE_PERCENT = 4, 85

local function parse(item)
    local id, index, count = item.path:match(PATTERN)
    if not id or #id > 19 or #index > 9 or #count > 9 then
        return nil
    end
    return id, math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
end

function v2018.detect(_, _, items)
    for _, item in ipairs(items) do
        if parse(item) then
            return true
        end
    end
    return false
end

--- {id = {files...}}, and whether the id is that of the backup that is wanted.
local function group(context)
    local _, items = context.source:level("")
    local found = {}
    for _, item in ipairs(items) do
        local id, index, count = parse(item)
        if id and (not context.options.backup or context.options.backup == id) then
            found[id] = found[id] or {}
            table.insert(found[id], {item = item, index = index, count = count})
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
    for index = 0, math.min(count, 1000) - 1 do
        if not there[index] then
            local name = string.format("%s-%d-%d.tar.gz", backup.name, index, count)
            add("error", "file-missing", name, "the backup of this pod is not there",
                "a database cannot be restored from some of its pods: fetch the file from the "
                .. "backup host")
        end
    end
    if pods and count ~= pods then
        add("error", "pods", "", string.format(
            "it is a backup of %d Cassandra pods, and there are %d", count, pods),
            "restore onto as many pods as were backed up")
    end
end

--- options.space: {[pod index] = {available =, database =}} in KiB, as `df /var/db/` and
--- `du -s /var/db/data/` say.
local function check_space(add, file, space)
    local there = space[file.index]
    if not there then
        return
    end
    local usable = (there.available + there.database) * 1024 * SPACE_PERCENT // 100
    if SPACE_FACTOR * file.item.size > usable then
        add("error", "space", file.item.path, string.format(
            "restoring it takes %d bytes on pod %d, and %d are usable",
            SPACE_FACTOR * file.item.size, file.index, usable),
            "make the volume larger, or remove what does not belong there")
    end
end

local function look(context, add, file)
    context.content:add({
        item = file.item,
        compression = "gzip",
        tar = true,
        done = function(summary, problem)
            if not summary then
                add("error", "damaged", file.item.path, problem.message,
                    "copy it from the backup host once more")
            elseif summary.entries == 0 then
                add("error", "damaged", file.item.path, "there is nothing in it")
            end
        end,
    })
end

local function check_backup(context, id, files)
    local seconds = time_of(id)
    local backup = {name = id, restorable = true, started = seconds, bytes = 0, files = #files}
    context.backups[#context.backups + 1] = backup
    local function add(level, rule, object, message, hint)
        context.findings:add({level = level, rule = rule, object = object, message = message,
                              hint = hint}, backup)
    end
    if not seconds then
        add("warning", "id", "", "the id " .. id .. " is no time in nanoseconds since 1970",
            "was the file renamed?")
    end
    check_count(add, backup, files, context.options.pods)
    for _, file in ipairs(files) do
        backup.bytes = backup.bytes + file.item.size
        if file.item.size == 0 then
            add("error", "empty", file.item.path, "it is empty")
        else
            check_space(add, file, context.options.space or {})
            look(context, add, file)
        end
    end
end

function v2018.verify(context)
    local found = group(context)
    for _, id in ipairs(salvor.keys(found)) do
        check_backup(context, id, found[id])
    end
end

return v2018
