-- Medusa's backups of Cassandra: full ones, differential ones, and each kind of damage.
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local json = require("salvor.json")
local memory = require("support.memory")
local merge = require("salvor.copy").merge
local salvor = require("salvor")
local sets = require("support.backup_sets")
local store = require("salvor.store")
local task = require("salvor.task")
local verify = require("salvor.verify")

local NAME = "cassandra-1777460400"
local NODES = {"main-dc1-rack1-sts-0", "main-dc1-rack1-sts-1"}

local expect = sets.expect

local folder

local function at(path)
    return folder .. "/" .. path
end

local function check(options)
    return must(verify.run(folder, options))
end

local function meta(node, name)
    return node .. "/" .. NAME .. "/meta/" .. name
end

local function data(component, node)
    return string.format("%s/%s/data/shop/users-5a1c395e/nb-1-big-%s", node or NODES[1], NAME,
        component)
end

local function shared(component)
    return NODES[1] .. "/data/shop/users-5a1c395e/nb-1-big-" .. component
end

--- Changes the manifest of the first node, and the copy of it in the index.
local function edit_manifest(change)
    local manifest = change(must(json.decode(must(fs.read(at(meta(NODES[1], "manifest.json")))))))
    local text = must(json.encode(manifest))
    must(fs.write(at(meta(NODES[1], "manifest.json")), text))
    must(fs.write(at("index/backup_index/" .. NAME .. "/manifest_" .. NODES[1] .. ".json"), text))
end

local function setting(options)
    before_each(function()
        folder = must(fs.temporary_folder())
        options.name, options.nodes = NAME, NODES
        sets.medusa(folder, options)
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)
end

describe("verification of a full Medusa backup", function()
    setting({})

    it("finds nothing wrong with a whole one", function()
        for _, options in ipairs({{}, {sample = 5}, {full = true}}) do
            local report = check(options)
            expect(report)
            assert.is_true(report.restorable)
            assert.are.equal("medusa", report.kind)
            local backup = report.backups[1]
            assert.are.equal(NAME, backup.name)
            assert.are.equal("full", backup.type)
            assert.are.equal("finished", backup.status)
            assert.are.equal(2, backup.nodes)
            assert.are.equal(30, backup.files)
            assert.are.equal(1777460400, backup.started)
            assert.are.equal(1777460460, backup.finished)
        end
    end)

    it("is complete when every node of the token map has finished", function()
        must(fs.remove(at(meta(NODES[2], "manifest.json"))))
        local report = check()
        expect(report, "error unfinished " .. meta(NODES[2], "manifest.json"))
        assert.are.equal("incomplete", report.backups[1].status)
        assert.is_truthy(report.findings[1].message:find("begun and not finished", 1, true))
    end)

    it("needs every node of the token map", function()
        must(fs.remove_tree(at(NODES[2])))
        expect(check(), "error node-missing " .. meta(NODES[2], ""))
    end)

    it("can do without the index", function()
        must(fs.remove_tree(at("index")))
        local report = check()
        assert.is_true(report.restorable)
        for _, text in ipairs(sets.findings(report)) do
            assert.is_truthy(text:find("^warning index"))
        end
    end)

    it("needs a token map, schema and manifest of each node", function()
        must(fs.remove(at(meta(NODES[1], "schema.cql"))))
        must(fs.remove(at(meta(NODES[2], "tokenmap.json"))))
        expect(check(), "error file-missing " .. meta(NODES[1], "schema.cql"),
            "error file-missing " .. meta(NODES[2], "tokenmap.json"))
        for _, node in ipairs(NODES) do
            must(fs.write(at(meta(node, "tokenmap.json")), "[]"))
            local copy = "index/backup_index/" .. NAME .. "/tokenmap_" .. node .. ".json"
            must(fs.write(at(copy), "{"))
        end
        assert.is_truthy(table.concat(sets.findings(check()), "\n"):find("error tokenmap", 1, true))
        must(fs.write(at(meta(NODES[2], "tokenmap.json")), "{}"))
        assert.is_truthy(table.concat(sets.findings(check()), "\n"):find("error tokenmap "
            .. meta(NODES[2], "tokenmap.json"), 1, true))
    end)

    it("has every file of the manifest, with its size", function()
        must(fs.remove(at(data("Data.db"))))
        sets.truncate(at(data("Index.db")), 1)
        must(fs.remove(at(data("TOC.txt"))))
        expect(check(), "error file-missing " .. data("Data.db"),
            "error file-missing " .. data("TOC.txt"), "error file-size " .. data("Index.db"))
    end)

    it("has the content of the manifest", function()
        sets.flip(at(data("Data.db")))
        assert.is_true(check().restorable)
        expect(check({full = true}), "error file-damaged " .. data("Data.db"))
    end)

    it("sees files that were exchanged", function()
        sets.swap(at(data("Data.db", NODES[1])), at(data("Data.db", NODES[2])))
        expect(check({full = true}), "error file-damaged " .. data("Data.db", NODES[1]),
            "error file-damaged " .. data("Data.db", NODES[2]))
    end)

    it("leaves statistics alone, and warns of summaries", function()
        sets.truncate(at(data("Statistics.db")), 3)
        must(fs.remove(at(data("Statistics.db", NODES[2]))))
        expect(check({full = true}))
        sets.flip(at(data("Summary.db")))
        must(fs.remove(at(data("Summary.db", NODES[2]))))
        local report = check({full = true})
        expect(report, "warning file-damaged " .. data("Summary.db"),
            "warning file-missing " .. data("Summary.db", NODES[2]))
        assert.is_true(report.restorable)
    end)

    it("has no file that the manifest does not know, also of another table", function()
        sets.write(at(data("stray")), "x")
        sets.write(at(NODES[1] .. "/" .. NAME .. "/data/shop/other-1/nb-1-big-Data.db"), "x")
        expect(check(), "error file-extra " .. data("stray"),
            "error file-extra " .. NODES[1] .. "/" .. NAME .. "/data/shop/other-1/nb-1-big-Data.db")
    end)

    it("knows MD5 in hexadecimal digits, and the ETag of an upload in parts", function()
        edit_manifest(function(manifest)
            for _, object in ipairs(manifest[1].objects) do
                object.MD5 = digest.md5(must(fs.read(at(object.path))))
            end
            manifest[2].objects[1].MD5 = ("0123456789abcdef"):rep(2) .. "-7"
            return manifest
        end)
        assert.is_nil(check().unseen)
        local report = check({full = true})
        expect(report, "note multipart " .. meta(NODES[1], "manifest.json"))
        assert.are.equal(1, report.unseen)
        assert.are.equal("all content but that of 1 file", report.looked_at[4])
        sets.flip(at(data("Index.db")))
        assert.is_false(check({full = true}).restorable)
    end)

    it("may have been sent to Azure in blocks, of which there is no MD5", function()
        edit_manifest(function(manifest)
            manifest[1].objects[1].MD5 = "no-md5-hash"
            return manifest
        end)
        local report = check({full = true})
        expect(report, "note multipart " .. meta(NODES[1], "manifest.json"))
        assert.is_true(report.restorable)
        assert.are.equal(1, report.unseen)
        sets.truncate(at(data("Data.db")), 1)
        expect(check(), "error file-size " .. data("Data.db"))
    end)

    it("is compared with the checksums that a server knows, without reading", function()
        local etag = ("0123456789abcdef"):rep(2) .. "-7"
        edit_manifest(function(manifest)
            manifest[1].objects[1].MD5 = etag
            return manifest
        end)
        local s <close> = must(store.open(folder))
        local real, told = s._backend, {}
        local server = setmetatable({list = function(_, ...)
            local page, err = real:list(...)
            for _, item in ipairs(page and page.items or {}) do
                for key, value in pairs(told[item.path] or {}) do
                    item[key] = value
                end
            end
            return page, err
        end}, {__index = real})
        local function check_there(sums)
            told = sums
            return must(verify.run(setmetatable({_backend = server}, getmetatable(s))))
        end
        expect(check_there({[data("Data.db")] = {etag = '"' .. etag .. '"'}}))
        expect(check_there({[data("Data.db")] = {etag = '"' .. etag:gsub("0", "1") .. '"'}}),
            "error file-damaged " .. data("Data.db"))
        local sums = {[data("Data.db")] = {etag = etag}, [data("Index.db")] = {
            md5 = digest.md5(must(fs.read(at(data("Index.db")))))}}
        expect(check_there(sums))
        sums[data("Index.db")].md5 = digest.md5("")
        expect(check_there(sums), "error file-damaged " .. data("Index.db"))
        -- Of a list alone, and the object itself does not say so: encrypted with a key of KMS's.
        sums[data("Index.db")].md5_guessed = true
        expect(check_there(sums))
    end)

    it("is not damaged where Medusa has noted ETags that a key of KMS's makes", function()
        local etag = ("0123456789abcdef"):rep(2)
        edit_manifest(function(manifest)
            manifest[1].objects[1].MD5 = etag
            return manifest
        end)
        local s <close> = must(store.open(folder))
        local real, path = s._backend, data("Data.db")
        local function encrypted(item)
            return item.path == path and merge(item, {etag = etag}) or item
        end
        local server = setmetatable({
            list = function(_, ...)
                local page, err = real:list(...)
                for index, item in ipairs(page and page.items or {}) do
                    local guessed = item.path == path and {md5 = etag, md5_guessed = true}
                    page.items[index] = merge(encrypted(item), guessed or {})
                end
                return page, err
            end,
            stat = function(_, name)
                local item, err = real:stat(name)
                return item and encrypted(item), err
            end,
            read = function(_, name, piece, options)
                return real:read(name, piece,
                    merge(options, {if_match = name == path and {} or nil}))
            end,
        }, {__index = real})
        local there = setmetatable({_backend = server}, getmetatable(s))
        expect(must(verify.run(there)))
        local report = must(verify.run(there, {full = true}))
        expect(report, "note encrypted " .. meta(NODES[1], "manifest.json"))
        assert.is_true(report.restorable)
        assert.are.equal("all content but that of 1 file", report.looked_at[4])
        -- An object of another ETag is another one; and who cannot ask does not know.
        local stat = server.stat
        server.stat = function(_, name)
            if name == path then
                return errors.fail("Timeout", {url = name})
            end
            return stat(_, name)
        end
        local none, err = verify.run(there, {full = true})
        assert.is_nil(none)
        assert.are.equal("Timeout", err.code)
        server.stat, etag = stat, etag:gsub("0", "1")
        expect(must(verify.run(there, {full = true})), "error file-damaged " .. path)
    end)

    it("asks for what a list cannot tell, several files at a time", function()
        local s <close> = must(store.open(folder))
        local real, busy, most = s._backend, 0, 0
        local server = setmetatable({
            list = function(_, ...)
                local page, err = real:list(...)
                for _, item in ipairs(page and page.items or {}) do
                    item.md5, item.md5_guessed = ("0"):rep(32), true
                end
                return page, err
            end,
            stat = function(_, name)
                busy = busy + 1
                most = math.max(most, busy)
                task.sleep(0.01)
                busy = busy - 1
                local item, err = real:stat(name)
                if item and name == data("Index.db") then
                    item.md5 = digest.md5("")
                end
                return item, err
            end,
        }, {__index = real})
        expect(must(verify.run(setmetatable({_backend = server}, getmetatable(s)), {workers = 3})),
            "error file-damaged " .. data("Index.db"))
        assert.are.equal(3, most)
    end)

    it("has a manifest that can be read", function()
        local path = meta(NODES[1], "manifest.json")
        local text = must(fs.read(at(path)))
        for _, broken in ipairs({"", "{}", "[{}]", text:sub(1, -2), text:sub(1, 1000), text .. "x",
                                 text .. "]", text .. ",{}]",
                                 text:gsub('"size":%d+', '"size":-1'), text:gsub("shop", "", 1),
                                 text:gsub('"size"', '"siz\\'), ("["):rep(1000)}) do
            must(fs.write(at(path), broken))
            local found = table.concat(sets.findings(check()), "\n")
            assert.is_truthy(found:find("error manifest-damaged " .. path, 1, true), broken)
        end
    end)

    it("does not follow names out of the set", function()
        sets.write(folder .. "/../" .. fs.basename(folder) .. "-outside/x", "x")
        finally(function() must(fs.remove_tree(folder .. "-outside")) end)
        local out = "../" .. fs.basename(folder) .. "-outside"
        for _, node in ipairs(NODES) do
            must(fs.write(at(meta(node, "tokenmap.json")), '{"' .. out .. '": {}}'))
        end
        local found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("error node-missing " .. out, 1, true), found)
        edit_manifest(function(manifest)
            manifest[1].keyspace = "../../../" .. out
            return manifest
        end)
        for _, node in ipairs(NODES) do
            must(fs.write(at(meta(node, "tokenmap.json")), '{"' .. NODES[1] .. '": {}}'))
        end
        found = table.concat(sets.findings(check()), "\n")
        assert.is_truthy(found:find("error manifest-damaged", 1, true), found)
    end)

    it("has checksums in its manifest", function()
        for _, md5 in ipairs({"AAAA", "?", ("0"):rep(31), 5}) do
            edit_manifest(function(manifest)
                manifest[1].objects[1].MD5 = md5
                return manifest
            end)
            expect(check(), "error manifest-damaged " .. meta(NODES[1], "manifest.json"))
        end
    end)

    it("does not follow a manifest out of its table", function()
        for _, path in ipairs({"/etc/passwd", "../x", NODES[2] .. "/data/x",
                               NODES[1] .. "/" .. NAME .. "/data/shop/../x"}) do
            edit_manifest(function(manifest)
                manifest[1].objects[1].path = path
                return manifest
            end)
            local found = table.concat(sets.findings(check()), "\n")
            assert.is_truthy(found:find("error manifest-damaged ", 1, true), path)
        end
    end)

    it("is not confused by strangers' folders", function()
        sets.write(at("lost+found/x/y"), "")
        sets.write(at(NODES[1] .. "/junk/y"), "")
        sets.write(at("README"), "")
        local report = check()
        expect(report)
        assert.are.equal(1, #report.backups)
        -- A backup of which an interrupted purge has left the data is one.
        sets.write(at(NODES[1] .. "/purged/data/x"), "")
        assert.are.equal(2, #check().backups)
        sets.write(at(NODES[1] .. "/begun/meta/schema.cql"), "x")
        assert.are.equal(3, #check().backups)
    end)

    it("is of the nodes that all token maps name", function()
        local map = {}
        for _, node in ipairs({NODES[1], NODES[2], "third"}) do
            map[node] = {tokens = {1}}
        end
        must(fs.write(at(meta(NODES[2], "tokenmap.json")), must(json.encode(map))))
        local report = check()
        expect(report, "warning tokenmap " .. meta(NODES[2], "tokenmap.json"))
        assert.are.equal(2, report.backups[1].nodes)
    end)

    it("tells of nodes that no token map names", function()
        sets.run({"cp", "-a", at(NODES[1]), at("stranger")})
        expect(check(), "note node-extra stranger/" .. NAME)
    end)

    it("needs a schema that is not empty", function()
        must(fs.write(at(meta(NODES[1], "schema.cql")), ""))
        expect(check(), "error empty " .. meta(NODES[1], "schema.cql"))
    end)

    it("warns when by the index it ended before it began", function()
        for _, node in ipairs(NODES) do
            local path = at("index/backup_index/" .. NAME .. "/finished_" .. node .. "_")
            must(fs.rename(path .. "1777460460.timestamp", path .. "1777460399.timestamp"))
        end
        local report = check()
        expect(report, "warning index index/backup_index/" .. NAME)
        assert.is_true(report.restorable)
    end)

    it("warns when a manifest names nothing", function()
        must(fs.remove_tree(at(NODES[1] .. "/" .. NAME .. "/data")))
        edit_manifest(function() return salvor.list({}) end)
        expect(check(), "warning manifest-empty " .. meta(NODES[1], "manifest.json"))
    end)

    it("has a manifest of its own node, which is told once", function()
        sets.copy(at(meta(NODES[2], "manifest.json")), at(meta(NODES[1], "manifest.json")))
        local told = 0
        for _, finding in ipairs(check().findings) do
            if finding.rule == "manifest-damaged" then
                told = told + 1
                assert.is_truthy(finding.message:find("of another node: " .. NODES[2], 1, true))
                assert.is_truthy(finding.message:find(" and 14 more", 1, true))
            end
        end
        assert.are.equal(1, told)
    end)

    it("is told apart from other backups", function()
        sets.medusa(folder, {name = "later", nodes = NODES})
        must(fs.remove(at(NODES[1] .. "/later/meta/manifest.json")))
        local report = check()
        assert.is_false(report.restorable)
        assert.is_true(report.backups[1].restorable)
        assert.is_false(report.backups[2].restorable)
        assert.is_true(check({backup = NAME}).restorable)
    end)

    it("warns of an index that is not that of the nodes", function()
        local copy = "index/backup_index/" .. NAME .. "/manifest_" .. NODES[1] .. ".json"
        must(fs.write(at(copy), "[]"))
        must(fs.write(at("index/latest_backup/" .. NODES[1] .. "/backup_name.txt"), "gone\n"))
        local report = check()
        expect(report, "warning index " .. copy,
            "warning index index/latest_backup/" .. NODES[1] .. "/backup_name.txt")
        assert.is_true(report.restorable)
    end)
end)

describe("verification of a differential Medusa backup", function()
    setting({differential = true, prefix = "prod/cluster/"})

    it("finds its files among those that backups share", function()
        sets.write(at(shared("of-another-backup")), "x")
        for _, options in ipairs({{}, {full = true}}) do
            local report = check(options)
            expect(report)
            assert.is_true(report.restorable)
            assert.are.equal("differential", report.backups[1].type)
        end
    end)

    it("is differential by its marker", function()
        local copies = at("index/backup_index/" .. NAME .. "/differential_")
        for _, node in ipairs(NODES) do
            must(fs.remove(copies .. node))
        end
        assert.are.equal("differential", check().backups[1].type)
        for _, node in ipairs(NODES) do
            must(fs.write(copies .. node, ""))
            must(fs.remove(at(meta(node, "differential"))))
        end
        assert.is_true(check().restorable) -- the index has it too
        sets.write(at(NODES[1] .. "/data/meta/t-1/x"), "") -- of a keyspace, and no backup
        assert.are.equal(1, #check().backups)
        for _, node in ipairs(NODES) do
            must(fs.remove(copies .. node))
        end
        local report = check()
        expect(report, "error manifest-damaged " .. meta(NODES[1], "manifest.json"),
            "error manifest-damaged " .. meta(NODES[2], "manifest.json"))
        assert.is_truthy(report.findings[1].message:find("without the marker", 1, true))
    end)

    it("misses a file that was purged", function()
        must(fs.remove(at(shared("Data.db"))))
        expect(check(), "error file-missing " .. shared("Data.db"))
    end)

    it("sees a file that changed", function()
        sets.flip(at(shared("Data.db")))
        expect(check({full = true}), "error file-damaged " .. shared("Data.db"))
    end)
end)

describe("a Medusa backup of many files", function()
    it("is read in constant memory", function()
        folder = must(fs.temporary_folder())
        finally(function() must(fs.remove_tree(folder)) end)
        local tables, files = 50, 400
        sets.medusa(folder, {name = NAME, nodes = {NODES[1]}})
        local empty = digest.base64((digest.md5(""):gsub("%x%x", function(hex)
            return string.char(tonumber(hex, 16))
        end)))
        edit_manifest(function(manifest)
            for number = 1, tables do
                local objects = {}
                for index = 1, files do
                    objects[index] = {size = 0, MD5 = empty, path = string.format(
                        "%s/%s/data/ks%d/t-%d/nb-%d-big-Data.db", NODES[1], NAME, number, number,
                        index)}
                end
                manifest[#manifest + 1] = {keyspace = "ks" .. number, columnfamily = "t-" .. number,
                                           objects = salvor.list(objects)}
            end
            return manifest
        end)
        sets.run({"sh", "-c", string.format(
            "cd '%s/%s/%s/data'; for k in $(seq %d); do mkdir -p ks$k/t-$k; cd ks$k/t-$k; "
            .. "seq -f nb-%%.0f-big-Data.db %d | xargs touch; cd ../..; done", folder, NODES[1],
            NAME, tables, files)})
        collectgarbage()
        local before = memory.resident()
        local report = check()
        assert.is_true(report.restorable)
        assert.are.equal(tables * files + 15, report.backups[1].files)
        memory.expect_at_most(16 << 20, memory.resident() - before)
    end)
end)
