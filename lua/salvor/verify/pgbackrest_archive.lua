--- The WAL archive of a stanza of pgBackRest: archive/<stanza>/<version>-<id>/<16 digits>/.
local content = require("salvor.verify.content")
local wal = require("salvor.verify.wal")

local archive = {}

local COMPRESSION = {[""] = "none", [".gz"] = "gzip", [".lz4"] = "lz4", [".zst"] = "zstd",
                     [".bz2"] = "bzip2"}

--- "<24 digits>-<SHA-1>[.gz...]" -> segment, SHA-1, compression; nil for history files and the
--- like.
local function parse(path)
    local segment, sha1, suffix =
        path:match("/(%x+)%-(%x+)(%.?%w*)$")
    if segment and #segment == 24 and #sha1 == 40 and COMPRESSION[suffix] then
        return segment:upper(), sha1:lower(), COMPRESSION[suffix]
    end
    return nil
end

--- The size of a segment as PostgreSQL writes it: that of one that is not compressed, what gzip
--- says at its end, or what comes out of others. nil: it has to be the usual one.
local function segment_size(context, item, compression)
    if compression == "none" then
        return item.size
    elseif compression ~= "gzip" then
        local summary = content.inspect(context.source, {item = item, compression = compression})
        return summary and summary.size
    elseif item.size > 18 then
        local last
        context.source:stream(item, {offset = item.size - 4, length = 4}, function(bytes)
            last = bytes:text()
        end)
        return last and #last == 4 and string.unpack("<I4", last) or nil
    end
    return nil
end

local check = {}
check.__index = check

function check:look(item, sha1, compression)
    if item.size == 0 then
        return self:report_damage(item, "it is empty")
    end
    self.context.content:add({
        item = item,
        compression = compression,
        digest = "sha1",
        done = function(summary, problem)
            if not summary or summary.digest ~= sha1 then
                self:report_damage(item, problem and problem.message or string.format(
                    "the SHA-1 of its content is %s, and its name says %s", summary.digest, sha1))
            end
        end,
    })
end

--- Only WAL of a backup's own time keeps that backup from being restored.
function check:report_damage(item, message)
    local segment = parse(item.path)
    local timeline, number = wal.parse(segment, self.per_log)
    local needed
    for _, range in ipairs(self.ranges) do
        if wal.within(range, timeline, number) then
            needed = range.backup
            self.context.findings:add({level = "error", rule = "wal-damaged", object = item.path,
                message = message}, needed)
        end
    end
    if not needed then
        self.context.findings:add({level = "warning", rule = "wal-damaged", object = item.path,
            message = message, hint = "backups can be restored, but not to a time behind it"})
    end
end

function check:duplicate(item, before)
    self.context.findings:add({level = "error", rule = "wal-duplicate", object = item.path,
        message = "there is another one of this name: " .. before,
        hint = "pgBackRest restores from neither: find out which is of this database"})
end

--- Everything below a folder, in order; `watch` is told of the segments.
function check:list(folder, watch)
    local last, last_path
    for item in self.context.source:each(folder) do
        local segment, sha1, compression = parse(item.path)
        if segment then
            if segment == last then
                self:duplicate(item, last_path)
            end
            last, last_path = segment, item.path
            watch.met(wal.parse(segment, self.per_log))
            self:look(item, sha1, compression)
        end
    end
end

--- How many segments a log has; looked up in the first one that is there.
function check:find_per_log(folder)
    for item in self.context.source:each(folder) do
        local segment, _, compression = parse(item.path)
        local size = segment and item.size > 0
            and segment_size(self.context, item, compression)
        if size then
            return wal.per_log(size)
        end
    end
    return wal.per_log(nil)
end

function check:missing(range, first, last)
    local level = range.backup.wal_inside and "warning" or "error"
    self.context.findings:add({level = level, rule = "wal-missing", object = self.folder,
        message = wal.gap(range.timeline, first, last, self.per_log),
        hint = "without it the backup never becomes consistent; look for it in pg_wal and in other "
            .. "repositories"}, range.backup)
end

--- One archive, "15-1", and the backups that need WAL of it.
function check:run()
    self.per_log = self:find_per_log(self.folder)
    for _, backup in ipairs(self.backups) do
        local range, problem = wal.range(backup.wal_start, backup.wal_stop, self.per_log)
        if range then
            range.backup = backup
            table.insert(self.ranges, range)
        else
            self.context.findings:add({level = "error", rule = "wal-missing", object = self.folder,
                message = problem}, backup)
        end
    end
    local watch = wal.watch(self.ranges, function(...) self:missing(...) end)
    local folders = self.context.mode ~= "full" and wal.folders(self.ranges, self.per_log)
    if folders then
        for _, name in ipairs(folders) do
            self:list(self.folder .. name .. "/", watch)
        end
    else
        self:list(self.folder, watch)
    end
    watch.finish()
end

--- check(context, stanza, file, backups): `file` is backup.info, `backups` are those that are
--- wanted.
function archive.check(context, stanza, file, backups)
    local root = "archive/" .. stanza.name .. "/"
    local by_folder, order = {}, {}
    local history = file.sections["db:history"] or {}
    for _, backup in ipairs(backups) do
        local database = history[tostring(backup.database)]
        if type(database) ~= "table" then
            context.findings:add({level = "error", rule = "database",
                object = "backup/" .. stanza.name .. "/" .. backup.name,
                message = string.format("backup.info does not know its database %s",
                    tostring(backup.database))}, backup)
        elseif backup.wal_start or backup.wal_stop then
            local name = string.format("%s-%d", tostring(database["db-version"]), backup.database)
            if not by_folder[name] then
                by_folder[name] = {}
                order[#order + 1] = name
            end
            table.insert(by_folder[name], backup)
        end
    end
    -- WAL that no backup needs is looked at too when all content is.
    local folders = context.mode == "full" and context.source:level(root)
    for _, name in ipairs(folders or {}) do
        if name:find("^[%d.]+%-%d+$") and not by_folder[name] then
            by_folder[name] = {}
            order[#order + 1] = name
        end
    end
    for _, name in ipairs(order) do
        setmetatable({context = context, folder = root .. name .. "/", backups = by_folder[name],
                      ranges = {}}, check):run()
    end
end

--- Of an encrypted repository: names alone.
function archive.check_names(context, stanza)
    local none = setmetatable({context = context, ranges = {}, look = function() end},
        {__index = check})
    none:list("archive/" .. stanza.name .. "/", {met = function() end})
end

return archive
