--- Backup sets made here: the names and layouts of the real ones, and real tar and gzip bytes.
local assert = require("luassert")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("salvor")

local sets = {}

--- Runs a program that has to succeed.
function sets.run(argv, options)
    local result = must(proc.run(argv, options))
    if result.code ~= 0 then
        error(table.concat(argv, " ") .. ": " .. result.stderr, 2)
    end
    return result.stdout
end

--- Writes a file below a folder that is made when it is not there.
function sets.write(path, data)
    must(fs.mkdir(path:match("^(.*)/"), {parents = true}))
    must(fs.write(path, data))
end

--- A tar.gz with some files; `seed` makes the content another one.
function sets.tar_gz(path, seed)
    local folder = must(fs.temporary_folder())
    for number = 1, 3 do
        local lines = {}
        for line = 1, 2000 do
            lines[line] = digest.md5(seed .. number .. line)
        end
        sets.write(string.format("%s/data/file%d.db", folder, number), table.concat(lines, "\n"))
    end
    must(fs.mkdir(path:match("^(.*)/"), {parents = true}))
    sets.run({"tar", "-czf", path, "-C", folder, "data"})
    must(fs.remove_tree(folder))
end

--- A file of text, compressed.
function sets.gzip(path, text)
    sets.write(path, text)
    sets.run({"sh", "-c", 'gzip -c < "$1" > "$1.new" && mv "$1.new" "$1"', "sh", path})
end

--- Damage

-- A file that is written takes the place of the one before, which may be shared by a hard link.

function sets.truncate(path, bytes)
    must(fs.write(path, must(fs.read(path)):sub(1, -1 - bytes)))
end

function sets.copy(from, to)
    must(fs.write(to, must(fs.read(from))))
end

--- Changes one bit; `at` counts from the beginning, or from the end when it is negative.
function sets.flip(path, at)
    local data = must(fs.read(path))
    at = at or #data // 2
    at = at < 0 and #data + at or at
    local byte = string.char(data:byte(at + 1) ~ 0x10)
    must(fs.write(path, data:sub(1, at) .. byte .. data:sub(at + 2)))
end

function sets.swap(one, other)
    local data, rest = must(fs.read(one)), must(fs.read(other))
    must(fs.write(one, rest))
    must(fs.write(other, data))
end

--- API Connect

--- v2018: {id, count} -> the paths of the files by pod index.
function sets.v2018(folder, id, count)
    local paths = {}
    for index = 0, count - 1 do
        paths[index] = string.format("%s/%s-%d-%d.tar.gz", folder, id, index, count)
        sets.tar_gz(paths[index], id .. index)
    end
    return paths
end

--- Medusa

local function base64_md5(data)
    local bytes = digest.md5(data):gsub("%x%x", function(hex)
        return string.char(tonumber(hex, 16))
    end)
    return digest.base64(bytes)
end

local COMPONENTS = {"Data.db", "Index.db", "Statistics.db", "Summary.db", "TOC.txt"}

--- The tables of one node; returns its manifest.
local function node_data(folder, data, seed, prefix)
    local manifest = {}
    for _, family in ipairs({"users-5a1c395e", "orders-99f0", "orders-99f0/.by_day"}) do
        local objects = {}
        for _, component in ipairs(COMPONENTS) do
            local path = string.format("%sshop/%s/nb-1-big-%s", data, family, component)
            local text = seed .. path:rep(20)
            sets.write(folder .. "/" .. path, text)
            objects[#objects + 1] = {path = prefix .. path, MD5 = base64_md5(text), size = #text}
        end
        -- A folder of an index belongs to its table.
        local table_name, index = family:match("^(.-)/(.*)$")
        if index then
            table.move(objects, 1, #objects, #manifest[#manifest].objects + 1,
                manifest[#manifest].objects)
        else
            manifest[#manifest + 1] = {keyspace = "shop", columnfamily = table_name or family,
                                       objects = objects}
        end
    end
    return manifest
end

--- medusa(folder, {name =, nodes =, differential =, prefix =, leave = {[node] = "manifest"}})
function sets.medusa(folder, options)
    local tokens = {}
    for number, node in ipairs(options.nodes) do
        tokens[node] = {tokens = {number * 1000}, is_up = true, rack = "r1", dc = "dc1"}
    end
    local map = must(json.encode(tokens))
    local index = string.format("%s/index/backup_index/%s/", folder, options.name)
    for _, node in ipairs(options.nodes) do
        local meta = string.format("%s/%s/%s/meta/", folder, node, options.name)
        local data = options.differential and node .. "/data/"
            or string.format("%s/%s/data/", node, options.name)
        local manifest = must(json.encode(salvor.list(
            node_data(folder, data, options.name, options.prefix or ""))))
        sets.write(meta .. "schema.cql", "CREATE KEYSPACE shop;")
        sets.write(meta .. "tokenmap.json", map)
        sets.write(meta .. "server_version.json",
            '{"server_type": "cassandra", "release_version": "4.0.1"}')
        sets.write(meta .. "manifest.json", manifest)
        sets.write(index .. "tokenmap_" .. node .. ".json", map)
        sets.write(index .. "schema_" .. node .. ".cql", "CREATE KEYSPACE shop;")
        sets.write(index .. "manifest_" .. node .. ".json", manifest)
        sets.write(index .. "started_" .. node .. "_1777460400.timestamp", "")
        sets.write(index .. "finished_" .. node .. "_1777460460.timestamp", "")
        if options.differential then
            sets.write(meta .. "differential", "")
            sets.write(index .. "differential_" .. node, "")
        end
        local latest = string.format("%s/index/latest_backup/%s/", folder, node)
        sets.write(latest .. "tokenmap.json", map)
        sets.write(latest .. "backup_name.txt", options.name)
    end
end

--- What a report says, one text for each finding: "error file-missing <object>".
function sets.findings(report)
    local found = {}
    for index, finding in ipairs(report.findings) do
        found[index] = string.format("%s %s %s", finding.level, finding.rule, finding.object)
    end
    table.sort(found)
    return found
end

--- Raises unless the report has exactly these findings, and says "not restorable" when one of them
--- is an error.
function sets.expect(report, ...)
    local expected, errors = {...}, 0
    for _, text in ipairs(expected) do
        errors = errors + (text:find("^error") and 1 or 0)
    end
    table.sort(expected)
    assert.are.same(expected, sets.findings(report))
    assert.are.equal(errors > 0, report.verdict == "not restorable")
end

return sets
