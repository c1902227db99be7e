--- Backups of API Connect v10's management database on an SFTP server: <backup id>.tgz up to
--- 10.0.5, and from 10.0.8 a folder for each database cluster as barman-cloud writes it
--- (base/<backup id>/, wals/).
local dates = require("salvor.dates")
local salvor = require("salvor")
local tarballs = require("salvor.verify.tarballs")
local wal = require("salvor.verify.wal")

local management = {name = "management_sftp", title = "API Connect v10 management backups",
                    looks_at = {"names", "sizes"}, options = {backup = true}}

local STAMP = "%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d"
local CLUSTER = "%-db%-%d%d%d%d%-%d%d%-%d%dT[%d:]+Z$"

local INFO_LIMIT = 1 << 20

local COMPRESSION = {[""] = "none", gz = "gzip", bz2 = "bzip2", zst = "zstd", lz4 = "lz4"}

-- What barman-cloud compresses with too, and nothing here reads.
local UNKNOWN = {snappy = true, xz = true}

local ARCHIVES = 10000 -- of one backup: tablespaces, and parts of large ones

local TYPES = {F = "full", D = "diff", I = "incr"}

local CURE = "fetch it from another copy, or restore another backup"

--- "20200826-154646F", or one that is based on such a backup.
local function parse(path)
    local id = path:match("^(.+)%.tgz$")
    local full, kind = (id or ""):match("^(" .. STAMP .. "F)_" .. STAMP .. "([DI])$")
    kind = kind or (id or ""):match("^" .. STAMP .. "([FI])$")
    return kind and dates.compact(id)
        and {id = id, full = full, kind = TYPES[kind]}
end

function management.detect(_, folders, items)
    if tarballs.any(items, parse) then
        return true
    end
    local has = {}
    for _, folder in ipairs(folders) do
        has[folder] = true
        if folder:find(CLUSTER) then
            return true
        end
    end
    return has.base and has.wals or false
end

local function wanted(context, name)
    return not context.options.backup or context.options.backup == name
end

local function check_files(context)
    local files, there = tarballs.list(context, parse), {}
    for _, file in ipairs(files) do
        there[file.id] = true
    end
    for _, file in ipairs(files) do
        if wanted(context, file.id) then
            local backup = {name = file.id, type = file.kind, started = dates.compact(file.id),
                            restorable = true, bytes = file.item.size, files = 1}
            context.backups[#context.backups + 1] = backup
            local add = tarballs.adder(context, backup)
            tarballs.look(context, add, file.item, "gzip", CURE)
            if file.full and not there[file.full] then
                add("warning", "reference-missing", file.item.path, "it is based on " .. file.full
                    .. ", of which there is no file", "fetch " .. file.full .. ".tgz too")
            end
        end
    end
end

--- barman's backup.info: a line "key=value" for each field.
local function read_info(text)
    local fields = {}
    for key, value in text:gmatch("([%w_]+)=([^\r\n]*)") do
        fields[key] = value
    end
    return fields
end

--- The segment that an object of wals/ is, and its compression; nil of history files, and of what
--- was not written to its end (".partial", ".tmp").
local function read_segment(path)
    local name, suffix = path:match("/(%x+)%.?(%w*)$")
    if name and #name == 24 and (COMPRESSION[suffix] or UNKNOWN[suffix]) then
        return name:upper(), COMPRESSION[suffix]
    end
end

local function look_at_segment(context, add, item, compression)
    if item.size == 0 then
        return add("error", "wal-damaged", item.path, "it is empty", CURE)
    elseif not compression then
        return context.content:cannot()
    end
    context.content:add({item = item, compression = compression, done = function(summary, problem)
        if not summary then
            add("error", "wal-damaged", item.path, problem.message, CURE)
        end
    end})
end

--- The segments of a cluster's wals/, from begin_wal to end_wal.
local function check_wal(context, add, root, fields)
    local per_log = wal.per_log(math.tointeger(tonumber(fields.xlog_segment_size)))
    local range, problem = wal.range(fields.begin_wal, fields.end_wal, per_log)
    if not range then
        return add("error", "wal-missing", root .. "wals/", problem)
    end
    local watch = wal.watch({range}, function(_, first, last)
        add("error", "wal-missing", root .. "wals/", wal.gap(range.timeline, first, last, per_log),
            "without it the backup never becomes consistent")
    end)
    for _, folder in ipairs(wal.folders({range}, per_log, "/") or {""}) do
        for item in context.source:each(root .. "wals/" .. folder) do
            local name, compression = read_segment(item.path)
            if name then
                local timeline, number = wal.parse(name, per_log)
                watch.met(timeline, number)
                if wal.within(range, timeline, number) then
                    look_at_segment(context, add, item, compression)
                end
            end
        end
    end
    watch.finish()
end

local function check_status(add, path, fields)
    if fields.status ~= "DONE" then
        add("error", "unfinished", path, "its status is " .. (fields.status or "not told")
            .. (fields.error and fields.error ~= "None" and ": " .. fields.error or ""),
            "the backup is running, or has failed")
    end
end

--- The archives of one name: data.tar and, when it is large, data_0001.tar and so on. How many
--- there were nobody tells, so that the last ones are gone is not seen. `there`: {[number] = true}
local function check_parts(add, folder, name, there, nothing)
    local numbers, count = salvor.keys(there), 0
    while numbers[count + 1] == count do
        count = count + 1
    end
    if count < #numbers or count == 0 then
        local part = count > 0 and string.format("_%04d", count) or ""
        add("error", "file-missing", folder .. name .. part .. ".tar",
            numbers[1] and "it is not there, and parts behind it are" or nothing, CURE)
    end
end

--- data.tar, and an archive for each tablespace that the info names.
local function check_data(context, add, folder, archives, fields)
    local parts = {}
    for _, archive in ipairs(archives) do
        local name, number = archive.name:match("^(.+)_(%d+)$")
        name = name or archive.name
        parts[name] = parts[name] or {}
        parts[name][tonumber(number or 0)] = true
        if COMPRESSION[archive.suffix] then
            tarballs.look(context, add, archive.item, COMPRESSION[archive.suffix], CURE)
        else
            add("note", "unseen", archive.item.path,
                "'" .. archive.suffix .. "' is no compression that is known: only its name was "
                .. "looked at")
            context.content:cannot()
        end
    end
    check_parts(add, folder, "data", parts.data or {}, "there is no data of this backup")
    for oid in (fields.tablespaces or ""):gmatch(", (%d+), ") do
        check_parts(add, folder, oid, parts[oid] or {}, "there is no data of this tablespace")
    end
end

local function check_info(context, add, root, path, fields)
    check_status(add, path, fields)
    if fields.begin_wal and fields.end_wal then
        check_wal(context, add, root, fields)
    else
        add("error", "info-damaged", path, "it does not say which WAL the backup needs", CURE)
    end
end

--- `root` is the folder of a cluster, "" or with a "/" at its end.
local function check_base(context, root, id)
    local folder = root .. "base/" .. id .. "/"
    local backup = {name = root .. id, type = "full", started = dates.compact(id),
                    restorable = true, bytes = 0, files = 0}
    if not wanted(context, backup.name) and not wanted(context, id) then
        return
    end
    context.backups[#context.backups + 1] = backup
    local add, archives = tarballs.adder(context, backup), {}
    for item in context.source:each(folder) do
        backup.files, backup.bytes = backup.files + 1, backup.bytes + item.size
        local name, suffix = item.path:match("/([^/]*)%.tar%.?(%w*)$")
        if name and #archives < ARCHIVES then
            archives[#archives + 1] = {name = name, suffix = suffix, item = item}
        end
    end
    local path = folder .. "backup.info"
    local text = context.source:text(path, INFO_LIMIT)
    local fields = read_info(text or "")
    check_data(context, add, folder, archives, fields)
    if text then
        return check_info(context, add, root, path, fields)
    end
    add("error", "info-missing", path, "it is not there",
        "it is written last: the backup is running, or was interrupted")
end

--- The clusters' folders, "" when this is the one of a cluster.
local function roots(folders)
    local found = {}
    for _, folder in ipairs(folders) do
        if folder:find(CLUSTER) then
            found[#found + 1] = folder .. "/"
        elseif folder == "base" then
            found[#found + 1] = ""
        end
    end
    return found
end

function management.verify(context)
    check_files(context)
    for _, root in ipairs(roots((context.source:level("")))) do
        local any = false
        context.looks_at = {"names", "sizes", "info files"}
        for _, id in ipairs((context.source:level(root .. "base/"))) do
            if #id == 15 and id:sub(9, 9) == "T" and dates.compact(id) then
                any = true
                check_base(context, root, id)
            end
        end
        if not any and not context.options.backup then
            context.findings:add({level = "error", rule = "no-backup", object = root .. "base/",
                message = "there is no backup of this database cluster"})
        end
    end
end

return management
