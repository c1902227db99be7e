--- A backup of pgBackRest against its manifest: read as a stream, in step with the list of what is
--- there, so that neither is held.
local info = require("salvor.verify.pgbackrest_info")
local merge = require("salvor.verify.merge")

local manifest = {}

local SUFFIX = {none = "", gz = ".gz", lz4 = ".lz4", zst = ".zst", bz2 = ".bz2"}
local COMPRESSION = {none = "none", gz = "gzip", lz4 = "lz4", zst = "zstd", bz2 = "bzip2"}

-- Of a file that is kept as blocks, whatever the compression.
local BLOCKS = ".pgbi"

local HEAD = {backrest = true, backup = true, ["backup:db"] = true, ["backup:option"] = true}

local OWN = {["backup.manifest"] = true, ["backup.manifest.copy"] = true}

local CURE = "bring it back from another copy of the repository, or restore another backup"

local function keep_head(section)
    return HEAD[section] or false
end

--- How the files are stored: the type is a newer option than whether there is compression.
local function compression_of(head)
    local options = head["backup:option"] or {}
    local kind = options["option-compress-type"]
    if kind == nil then
        kind = options["option-compress"] == true and "gz" or "none"
    end
    return kind
end

local check = {}
check.__index = check

function check:add(level, rule, path, message, hint)
    self.backup.damaged = self.backup.damaged or level == "error"
    self.context.findings:add({level = level, rule = rule, object = path, message = message,
                               hint = hint}, self.backup)
end

local function skip_nothing() end

--- The list of a label's folder. What the manifest of the backup itself does not name is extra.
function check:cursor(label)
    local open = self.cursors[label]
    if not open then
        local folder = self.root .. label .. "/"
        open = {cursor = merge.cursor(self.context.source:each(folder)), folder = folder,
                skipped = label == self.backup.name and function(item) self:extra(item) end
                    or skip_nothing}
        self.cursors[label] = open
    end
    return open
end

function check:extra(item)
    local name = item.path:sub(#self.root + #self.backup.name + 2)
    if OWN[name] or name:find("^bundle/") or self.hard_links then
        return
    end
    self:add("warning", "file-extra", item.path, "the manifest does not know it")
end

--- Files that lie together in one object: the objects' sizes are looked at in the end.
function check:bundled(label, line)
    local bundles = self.bundles[label] or {}
    self.bundles[label] = bundles
    local ends = (line.offset or 0) + (line.stored or 0)
    bundles[line.bundle] = math.max(bundles[line.bundle] or 0, ends)
end

--- Files of the other backups are those backups' affair, unless this one is looked at alone.
function check:is_ours(line)
    return line.label == self.backup.name or self.context.options.backup ~= nil
end

--- `name` is that of the stored file.
function check:file(name, line)
    local open = self:cursor(line.label)
    local path = open.folder .. name
    local item = open.cursor:seek(path, open.skipped)
    if not item then
        self:add("error", "file-missing", path, "the manifest names it, and it is not there", CURE)
    elseif line.stored and item.size ~= line.stored then
        self:add("error", "file-size", path, string.format(
            "it has %d bytes, and the manifest says %d", item.size, line.stored), CURE)
    elseif self:is_ours(line) then
        self:look(item, nil, line)
    end
end

--- What is wrong with the content of a file; nil: nothing.
local function fault_of(summary, problem, size, checksum)
    if not summary then
        return problem.message
    elseif size and summary.size ~= size then
        return string.format("%d bytes are in it, and the manifest says %d", summary.size, size)
    elseif checksum and summary.digest ~= checksum then
        return string.format("the SHA-1 of its content is %s, and the manifest says %s",
            summary.digest, checksum)
    end
end

--- Compares what comes out of the decompression or, where that cannot be done (blocks, and gzip in
--- bundles since 2.46, which has lost its header), what is stored.
function check:look(item, range, line)
    local stored = line.blocks or range and self.raw
    if stored and not line.stored_checksum then
        self.unseen = self.unseen + 1
        return self.context.content:cannot()
    end
    self.context.content:add({
        item = item,
        range = range,
        compression = stored and "none" or self.compression,
        digest = "sha1",
        done = function(summary, problem)
            local fault = fault_of(summary, problem, not stored and line.size or nil,
                stored and line.stored_checksum or line.checksum)
            if fault then
                self:add("error", "file-damaged", item.path, fault, CURE)
            end
        end,
    })
end

local NUMBERS = {"size", "repo-size", "bni", "bno", "bim"}

--- The first of a line's numbers that is none, or that no sum of two would hold; nil: all are well.
local function wrong_number(value)
    for _, name in ipairs(NUMBERS) do
        local number = value[name]
        if number ~= nil and (math.type(number) ~= "integer" or number >> 62 ~= 0) then
            return name
        end
    end
    return nil
end

--- A line of [target:file].
function check:line(key, value)
    if type(value) ~= "table" then
        return self:add("error", "manifest-damaged", self.path,
            "the line of " .. key .. " is no object")
    end
    local wrong = wrong_number(value)
    if wrong then
        return self:add("error", "manifest-damaged", self.path, string.format(
            "in the line of %s '%s' is no number of bytes, bundles or blocks", key, wrong))
    end
    local size = value.size
    local line = {
        label = type(value.reference) == "string" and value.reference or self.backup.name,
        size = size,
        stored = value["repo-size"] or size, -- stands there when it is another one
        checksum = type(value.checksum) == "string" and value.checksum or nil,
        stored_checksum = type(value.rck) == "string" and value.rck or nil,
        bundle = value.bni,
        offset = value.bno,
        blocks = (value.bim or 0) > 0, -- the size of the map of blocks
    }
    if line.label ~= self.backup.name and not self.by_name[line.label] then
        if not self.unknown[line.label] then
            self.unknown[line.label] = true
            self:add("error", "reference-missing", self.path,
                "files of it are in " .. line.label .. ", which is not there")
        end
        return
    elseif self.bundles_on and size == 0 then
        return -- is made when it is restored
    end
    self.blocks = self.blocks + (line.blocks and 1 or 0)
    if line.bundle then
        self:bundled(line.label, line)
        if self:is_ours(line) then
            self:bundled_content(line)
        end
    elseif not self.order.add(key, line.blocks and BLOCKS or self.suffix, line)
        and not self.disordered then
        self.disordered = true
        self:add("error", "manifest-damaged", self.path, "its files are not in order, at " .. key)
    end
end

function check:bundled_content(line)
    local path = string.format("%s%s/bundle/%d", self.root, line.label, line.bundle)
    local item = self.bundle_items[path]
    if item == nil then
        item = self.context.source:stat(path) or false
        self.bundle_items[path] = item
    end
    if item and line.stored and (line.offset or 0) + line.stored <= item.size then
        self:look(item, {offset = line.offset or 0, length = line.stored}, line)
    end
end

--- Whether each bundle is there and as long as what lies in it.
function check:check_bundles()
    for label, bundles in pairs(self.bundles) do
        local sizes, folder = {}, self.root .. label .. "/bundle/"
        for item in self.context.source:each(folder) do
            sizes[item.path:sub(#folder + 1)] = item.size
        end
        for number, ends in pairs(bundles) do
            local size = sizes[tostring(number)]
            if not size then
                self:add("error", "file-missing", folder .. number,
                    "files of the backup are in it, and it is not there", CURE)
            elseif size < ends then
                self:add("error", "file-size", folder .. number, string.format(
                    "it has %d bytes, and files in it end at %d", size, ends), CURE)
            end
        end
    end
end

--- The second reading: file by file.
function check:walk(item)
    self.order = merge.suffixed(function(name, line)
        self:file(name, line)
    end)
    local checksum, problem = info.read(self.context.source, item, function(section, key, value)
        if section == "target:file" then
            self:line(key, value)
        end
    end)
    self.order.finish()
    local own = self:cursor(self.backup.name)
    own.cursor:rest(own.skipped)
    self:check_bundles()
    if not checksum or not checksum.matches then
        self:add("error", "manifest-damaged", item.path, "it changed while it was read: "
            .. (problem and problem.message or "another checksum"))
    end
    if self.blocks > 0 then
        self:add("note", "blocks", self.path, string.format("%d of its files are kept as blocks, "
            .. "which are compared as they are stored; that they make up the files only a restore "
            .. "shows", self.blocks))
    end
    if self.unseen > 0 then
        self:add("note", "unseen", self.path, string.format(
            "of %d of its files the manifest has no checksum of what is stored", self.unseen))
    end
end

function check:head(sections, history)
    local backup, of = sections.backup or {}, sections["backup:db"] or {}
    if backup["backup-label"] ~= self.backup.name then
        self:add("error", "manifest-other", self.path, "it is the manifest of "
            .. tostring(backup["backup-label"]), "files of two backups were mixed up")
    end
    local known = history[tostring(of["db-id"])]
    if type(known) ~= "table" or known["db-system-id"] ~= of["db-system-id"]
        or known["db-version"] ~= of["db-version"] then
        self:add("error", "database", self.path, string.format(
            "it is of database %s (system %s, PostgreSQL %s), which backup.info does not know",
            tostring(of["db-id"]), tostring(of["db-system-id"]), tostring(of["db-version"])),
            "a backup of another database was put here")
    end
end

--- Tells of faults of the manifest and its copy; the one that can be used, or nil.
function check:load()
    local loaded = info.load(self.context.source, self.path, keep_head)
    for _, fault in ipairs(loaded.faults) do
        self:add(loaded.file and "warning" or "error",
            fault.missing and "manifest-missing" or "manifest-damaged", fault.path, fault.fault,
            loaded.file and "pgBackRest uses the other one of the manifest and its copy" or nil)
    end
    if loaded.encrypted then
        self:add("error", "manifest-damaged", self.path, "it is encrypted, and backup.info is not")
    end
    return loaded.file
end

--- Checks one backup; `history` is [db:history], by_name the backups of the stanza.
function manifest.check(context, backup, root, history, by_name)
    local self = setmetatable({
        context = context, backup = backup, root = root, by_name = by_name,
        path = root .. backup.name .. "/backup.manifest",
        cursors = {}, bundles = {}, bundle_items = {}, unknown = {}, blocks = 0, unseen = 0,
    }, check)
    local file = self:load()
    if not file then
        return
    end
    local kind = compression_of(file.sections)
    self.suffix, self.compression = SUFFIX[kind], COMPRESSION[kind]
    if not self.suffix then
        return self:add("error", "manifest-damaged", self.path,
            "the compression '" .. tostring(kind) .. "' is not known")
    end
    local options = file.sections["backup:option"] or {}
    self.hard_links = options["option-hardlink"] == true
    backup.wal_inside = options["option-archive-copy"] == true
    local own = file.sections.backup or {}
    self.bundles_on = own["backup-bundle"] == true
    self.raw = own["backup-bundle-raw"] == true and self.compression == "gzip"
    self:head(file.sections, history)
    self:walk(file.item)
end

--- Of an encrypted repository: whether there is one.
function manifest.check_names(context, backup, root)
    local self = setmetatable({context = context, backup = backup}, check)
    local path = root .. backup.name .. "/backup.manifest"
    local item, copy = context.source:stat(path), context.source:stat(path .. ".copy")
    if not item then
        self:add(copy and "warning" or "error", "manifest-missing", path, "it is not there")
    end
end

return manifest
