--- Backups of API Connect v10's management database on an SFTP server: <backup id>.tgz up to
--- 10.0.5, and from 10.0.8 a folder for each database cluster as barman-cloud writes it
--- (base/<backup id>/, wals/).
local wal = require("salvor.verify.wal")

local management = {name = "management_sftp", title = "API Connect v10 management backups"}

local STAMP = "%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d"
local CLUSTER = "%-db%-%d%d%d%d%-%d%d%-%d%dT[%d:]+Z$"
local BARMAN_ID = "^%d%d%d%d%d%d%d%dT%d%d%d%d%d%d$"

local INFO_LIMIT = 1 << 20

local COMPRESSION = {[""] = "none", gz = "gzip", bz2 = "bzip2", zst = "zstd", lz4 = "lz4"}

--- "20200826-154646F", or one that is based on such a backup.
local function parse(path)
    local id = path:match("^(.+)%.tgz$")
    if not id then
        return nil
    elseif id:find("^" .. STAMP .. "F$") then
        return id, "full"
    end
    local kind = id:match("^" .. STAMP .. "F_" .. STAMP .. "([DI])$")
        or id:match("^" .. STAMP .. "([I])$")
    return kind and id, kind == "D" and "diff" or "incr"
end

function management.detect(_, folders, items)
    for _, item in ipairs(items) do
        if parse(item.path) then
            return true
        end
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

local function adder(context, backup)
    return function(level, rule, object, message, hint)
        context.findings:add({level = level, rule = rule, object = object, message = message,
                              hint = hint}, backup)
    end
end

local function look(context, add, item, compression)
    if item.size == 0 then
        return add("error", "empty", item.path, "it is empty")
    end
    context.content:add({
        item = item,
        compression = compression,
        tar = true,
        done = function(summary, problem)
            if not summary then
                add("error", "damaged", item.path, problem.message)
            elseif summary.entries == 0 then
                add("error", "damaged", item.path, "there is nothing in it")
            end
        end,
    })
end

local function wanted(context, name)
    return not context.options.backup or context.options.backup == name
end

local function check_files(context, items)
    for _, item in ipairs(items) do
        local id, kind = parse(item.path)
        if id and wanted(context, id) then
            local backup = {name = id, type = kind, restorable = true, bytes = item.size, files = 1}
            context.backups[#context.backups + 1] = backup
            look(context, adder(context, backup), item, "gzip")
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

--- The segments of a cluster's wals/, from begin_wal to end_wal.
local function check_wal(context, add, root, fields)
    local range, problem = wal.range(fields.begin_wal, fields.end_wal)
    if not range then
        return add("error", "wal-missing", root .. "wals/", problem)
    end
    local watch = wal.watch({range}, function(_, first, last)
        add("error", "wal-missing", root .. "wals/", string.format("%s to %s are not there",
            wal.name(range.timeline, first), wal.name(range.timeline, last)),
            "without it the backup never becomes consistent")
    end)
    for _, folder in ipairs(wal.folders({range}, nil, "/") or {""}) do
        for item in context.source:each(root .. "wals/" .. folder) do
            local name = item.path:match("/(%x+)[^/]*$")
            if name and #name == 24 then
                watch.met(wal.parse(name:upper()))
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

--- `root` is the folder of a cluster, "" or with a "/" at its end.
local function check_base(context, root, id)
    local folder = root .. "base/" .. id .. "/"
    local backup = {name = root .. id, type = "full", restorable = true, bytes = 0,
                    files = 0}
    if not wanted(context, backup.name) and not wanted(context, id) then
        return
    end
    context.backups[#context.backups + 1] = backup
    local add = adder(context, backup)
    local data = 0
    for item in context.source:each(folder) do
        backup.files, backup.bytes = backup.files + 1, backup.bytes + item.size
        local suffix = item.path:match("/[^/]*%.tar%.?(%w*)$")
        if suffix then
            data = data + 1
            if COMPRESSION[suffix] then
                look(context, add, item, COMPRESSION[suffix])
            end
        end
    end
    if data == 0 then
        add("error", "file-missing", folder .. "data.tar", "there is no data of this backup")
    end
    local text = context.source:text(folder .. "backup.info", INFO_LIMIT)
    if not text then
        return add("error", "info-missing", folder .. "backup.info", "it is not there",
            "it is written last: the backup is running, or was interrupted")
    end
    local fields = read_info(text)
    check_status(add, folder .. "backup.info", fields)
    check_wal(context, add, root, fields)
end

function management.verify(context)
    local folders, items = context.source:level("")
    check_files(context, items)
    for _, folder in ipairs(folders) do
        local root = folder:find(CLUSTER) and folder .. "/" or folder == "base" and ""
        for _, id in ipairs(root and context.source:level(root .. "base/") or {}) do
            if id:find(BARMAN_ID) then
                check_base(context, root, id)
            end
        end
    end
end

return management
