--- Medusa's backups of Cassandra (cassandra-medusa, k8ssandra): an index of backups, and for each
--- node a folder <node>/<backup>/meta/ with a manifest. A differential backup's files are in
--- <node>/data/, shared by all; a full one's in <node>/<backup>/data/.
local dates = require("salvor.dates")
local json = require("salvor.json")
local manifest = require("salvor.verify.medusa_manifest")
local salvor = require("salvor")

local medusa = {name = "medusa", title = "Medusa backups",
                looks_at = {"names", "sizes", "manifests"}, options = {backup = true}}

local INDEX = "index/backup_index/"
local REBUILD = "medusa build-index makes the index again"
local SMALL = 16 << 20 -- bytes of a token map

function medusa.detect(source, folders)
    local has_index = false
    for _, name in ipairs(folders) do
        has_index = has_index or name == "index"
    end
    if has_index and (#source:level(INDEX) > 0 or #source:level("index/latest_backup/") > 0) then
        return true
    end
    for number = 1, math.min(#folders, 20) do
        local node = folders[number]
        for _, backup in ipairs((source:level(node .. "/"))) do
            local meta = node .. "/" .. backup .. "/meta/"
            if source:stat(meta .. "manifest.json") or source:stat(meta .. "tokenmap.json") then
                return true
            end
        end
    end
    return false
end

--- What the index says of a backup: {started, finished, manifests = {node = item}, tokenmaps,
--- differential}, the last two as manifests.
local function read_index(context, name)
    local _, items = context.source:level(INDEX .. name .. "/")
    local found = {manifests = {}, tokenmaps = {}, differential = {}, schemas = {}}
    for _, item in ipairs(items) do
        local file = item.path:match("[^/]+$")
        local kind, epoch = file:match("^(%l+)_.+_(%d+)%.timestamp$")
        local seconds = dates.seconds(tonumber(epoch))
        if seconds and (kind == "started" or kind == "finished") then
            local previous = found[kind]
            found[kind] = kind == "started" and math.min(previous or seconds, seconds)
                or math.max(previous or seconds, seconds)
        end
        local node = file:match("^manifest_(.+)%.json$")
        found.manifests[node or 0] = item
        node = file:match("^tokenmap_(.+)%.json$")
        found.tokenmaps[node or 0] = item
        node = file:match("^schema_(.+)%.cql$")
        found.schemas[node or 0] = item
        node = file:match("^differential_(.+)$")
        found.differential[node or 0] = item
    end
    for _, kind in ipairs({"manifests", "tokenmaps", "schemas", "differential"}) do
        found[kind][0] = nil
    end
    return found
end

--- A folder of a node's may be a stranger's: a backup has meta/ or data/.
local function is_backup(context, node, name)
    for _, folder in ipairs((context.source:level(node .. "/" .. name .. "/"))) do
        if folder == "meta" or folder == "data" then
            return true
        end
    end
    return false
end

--- Every name of a backup, from the index and from the nodes' folders: {name = {node = true}}.
local function find_backups(context, nodes)
    local found = {}
    for _, name in ipairs((context.source:level(INDEX))) do
        found[name] = {}
    end
    for _, node in ipairs(nodes) do
        for _, name in ipairs((context.source:level(node .. "/"))) do
            if name ~= "data" and (found[name] or is_backup(context, node, name)) then
                found[name] = found[name] or {}
                found[name][node] = true
            end
        end
    end
    return found
end

local check = {}
check.__index = check

function check:add(level, rule, object, message, hint)
    self.context.findings:add({level = level, rule = rule, object = object, message = message,
                               hint = hint}, self.backup)
end

--- Where else the small files of a node are.
function check:copy_hint()
    return INDEX .. self.backup.name .. "/ has a copy of it"
end

--- The nodes that a token map names; nil when it cannot be read.
function check:read_tokenmap(path)
    local text = self.context.source:text(path, SMALL)
    if not text then
        return nil
    end
    local map = json.decode(text)
    local names = type(map) == "table" and not salvor.is_list(map) and salvor.keys(map) or nil
    if not names or #names == 0 then
        self:add("error", "tokenmap", path, "it is no map of nodes and their tokens",
            path:sub(1, #INDEX) ~= INDEX and self:copy_hint() or nil)
        return nil
    end
    return names
end

--- All nodes' maps name the same nodes; the first one that can be read counts.
function check:expected_nodes(index, there)
    local paths = {}
    for _, node in ipairs(salvor.keys(there)) do
        paths[#paths + 1] = string.format("%s/%s/meta/tokenmap.json", node, self.backup.name)
    end
    for _, node in ipairs(salvor.keys(index.tokenmaps)) do
        paths[#paths + 1] = index.tokenmaps[node].path
    end
    local first, first_path
    for _, path in ipairs(paths) do
        local names = self:read_tokenmap(path)
        local text = names and table.concat(names, ", ")
        if names and first and text ~= table.concat(first, ", ") then
            self:add("warning", "tokenmap", path, string.format(
                "it names %s, and %s names %s", text, first_path, table.concat(first, ", ")),
                "nodes came or went while the backup was made")
        elseif names and not first then
            first, first_path = names, path
        end
    end
    return first
end

--- meta/ of one node; true when the node has finished.
function check:node(node, index)
    local meta = string.format("%s/%s/meta/", node, self.backup.name)
    local _, items = self.context.source:level(meta)
    local files = {}
    for _, item in ipairs(items) do
        files[item.path:sub(#meta + 1)] = item
    end
    if #items == 0 then
        self:add("error", "node-missing", meta,
            "the token map names this node, and nothing of it is there",
            "the backup is incomplete: choose another one")
        return false
    elseif not files["manifest.json"] then
        self:add("error", "unfinished", meta .. "manifest.json",
            files["schema.cql"] and "the node has begun and not finished: the backup is running "
                .. "or was interrupted" or "it is not there",
            "the manifest is written last; a running backup can be verified when it is done")
        return false
    end
    for _, name in ipairs({"schema.cql", "tokenmap.json"}) do
        if not files[name] then
            self:add("error", "file-missing", meta .. name, "it is not there", self:copy_hint())
        end
    end
    if files["schema.cql"] and files["schema.cql"].size == 0 then
        self:add("error", "empty", meta .. "schema.cql", "it is empty", self:copy_hint())
    end
    local copy = index.manifests[node]
    if not copy or copy.size ~= files["manifest.json"].size then
        self:add("warning", "index", INDEX .. self.backup.name .. "/manifest_" .. node .. ".json",
            copy and "it is not that of the node" or "it is not there",
            REBUILD)
    end
    local differential = files.differential or index.differential[node]
    self.backup.type = differential and "differential" or "full"
    manifest.check(self, node, files["manifest.json"], differential ~= nil)
    return true
end

function check:run(there)
    local index = read_index(self.context, self.backup.name)
    self.backup.started, self.backup.finished = index.started, index.finished
    if index.started and index.finished and index.finished < index.started then
        self:add("warning", "index", INDEX .. self.backup.name,
            "by its names the backup ended before it began", REBUILD)
    end
    local nodes = self:expected_nodes(index, there)
    if not nodes then
        self:add("error", "tokenmap", self.backup.name,
            "no token map says which nodes the backup is of", "the backup was interrupted early")
        nodes = salvor.keys(there)
    end
    local finished, expected = 0, {}
    for _, node in ipairs(nodes) do
        expected[node] = true
        finished = finished + (self:node(node, index) and 1 or 0)
    end
    for _, node in ipairs(salvor.keys(there)) do
        if not expected[node] then
            self:add("note", "node-extra", node .. "/" .. self.backup.name,
                "no token map names this node")
        end
    end
    self.backup.nodes = #nodes
    self.backup.status = finished == #nodes and "finished" or "incomplete"
end

local function check_latest(context, nodes, found)
    for _, node in ipairs(nodes) do
        local path = "index/latest_backup/" .. node .. "/backup_name.txt"
        local name = context.source:text(path, 4096)
        name = name and name:match("^%s*(.-)%s*$")
        if name and not found[name] then
            context.findings:add({level = "warning", rule = "index", object = path,
                message = "it names " .. name .. ", which is not there",
                hint = REBUILD})
        end
    end
end

function medusa.verify(context)
    local nodes = {}
    for _, folder in ipairs((context.source:level(""))) do
        if folder ~= "index" then
            nodes[#nodes + 1] = folder
        end
    end
    local found = find_backups(context, nodes)
    for _, name in ipairs(salvor.keys(found)) do
        if not context.options.backup or context.options.backup == name then
            local backup = {name = name, restorable = true, bytes = 0, files = 0}
            context.backups[#context.backups + 1] = backup
            setmetatable({context = context, backup = backup}, check):run(found[name])
        end
    end
    check_latest(context, nodes, found)
end

return medusa
