-- Large objects on Azure Blob, copies and trees, against Microsoft's emulator.
local azure = require("support.azure")
local block = require("salvor.block")
local cancel = require("support.cancel")
local conformance = require("support.store_conformance")
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local merge = require("salvor.copy").merge
local salvor_store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local KiB, MiB = 1 << 10, 1 << 20
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

store_lab.describe("Azure's", "azure", function(at)
    describe("uploads in blocks", function()
        local store
        local parts = {("a"):rep(64 * KiB), ("b"):rep(64 * KiB), "end"}
        local size = 128 * KiB + 3
        local OPTIONS = {part_size = 64 * KiB, fingerprint = "1"}

        before_each(function()
            store = azure.new()
        end)

        it("go on after their process was killed, without sending a block twice", function()
            azure.send(must(store:begin("one", size, OPTIONS)), parts, 1, 2)
            local proxy <close> = store_lab.proxy("azure")
            local other = must(azure.open(store.url, {endpoint = proxy.url .. "/" .. at.account}))
            local second = must(other:begin("one", size, OPTIONS))
            for index, text in ipairs(parts) do
                if not azure.has(second, index, text) then
                    azure.send(second, parts, index, index)
                end
            end
            assert.are.equal(size, must(second:finish()).size)
            local sent = 0
            for _, request in ipairs(proxy:requests()) do
                sent = sent + (request.target:find("blockid=", 1, true) and 1 or 0)
            end
            assert.are.equal(1, sent)
            assert.is_false(azure.has(must(store:begin("one", size, OPTIONS)), 1, parts[1]))
        end)

        it("note the MD5 of the whole where it is known", function()
            local upload = must(store:begin("one", size, OPTIONS))
            azure.send(upload, parts)
            local md5 = digest.md5(table.concat(parts))
            assert.are.equal(md5, must(upload:finish(md5)).md5)
            assert.are.equal(md5, must(store:stat("one")).md5)
            assert.are.equal(md5, must(store:list("", {})).items[1].md5)
        end)

        it("are finished once, also when the answer was lost", function()
            local proxy <close> = store_lab.proxy("azure")
            local other = must(azure.open(store.url, {endpoint = proxy.url .. "/" .. at.account}))
            local upload = must(other:begin("one", size, merge(OPTIONS, {if_absent = true})))
            azure.send(upload, parts)
            proxy:rules({{method = "PUT", target = "comp=blocklist", lost = true, times = 1}})
            local err = expect_error("Disconnected", store.url, upload:finish())
            assert.is_true(err.retryable)
            assert.are.equal(must(store:stat("one")).etag, must(upload:finish()).etag)
        end)

        it("do not take another's object for their own", function()
            local upload = must(store:begin("one", size, merge(OPTIONS, {if_absent = true})))
            azure.send(upload, parts)
            must(put(store, "one", "another's"))
            for _ = 1, 2 do
                expect_error("AlreadyExists", store.url, upload:finish())
            end
            assert.are.equal("another's", (get(store, "one")))
        end)

        it("are not finished without a part", function()
            local upload = must(store:begin("one", size, OPTIONS))
            azure.send(upload, parts, 2, 3)
            assert.has_error(function() upload:finish() end, "part 1 is missing")
            expect_error("NotFound", store.url .. "/one", store:stat("one"))
        end)

        --- A block that another program has begun to send, with a name of so many bytes.
        local function foreign_block(name_size)
            local folder = must(fs.temporary_folder())
            local file = fs.join(folder, "block")
            must(fs.write(file, "bytes"))
            local name = http.escape(digest.base64(("x"):rep(name_size)))
            assert(store_lab.azure_request("PUT", "/" .. azure.container_of(store)
                .. "/one?comp=block&blockid=" .. name, {body = file}))
            must(fs.remove_tree(folder))
        end

        it("get along with blocks of others whose names are longer", function()
            foreign_block(48)
            azure.send(must(store:begin("one", size, OPTIONS)), parts, 1, 1)
            local upload = must(store:begin("one", size, OPTIONS))
            assert.is_true(azure.has(upload, 1, parts[1]))
            azure.send(upload, parts, 2, 3)
            must(upload:finish())
            assert.are.equal("end", (get(store, "one", {offset = 128 * KiB})))
        end)

        it("are possible for who may only write", function()
            local fields = {at.account, "cw", "b", "o", "", "2099-01-01T00:00:00Z", "", "",
                            "2019-12-12", ""}
            local signature = digest.hmac_sha256(must(digest.unbase64(at.key)),
                table.concat(fields, "\n")):gsub("%x%x", function(pair)
                return string.char(tonumber(pair, 16))
            end)
            local writer = must(azure.open(store.url, {key = false, sas =
                "sv=2019-12-12&ss=b&srt=o&sp=cw&se=2099-01-01T00:00:00Z&sig="
                .. http.escape(digest.base64(signature))}))
            must(put(writer, "small", "content"))
            local upload = must(writer:begin("one", size, merge(OPTIONS, {if_absent = true})))
            azure.send(upload, parts)
            must(upload:finish())
            upload = must(writer:begin("one", size, merge(OPTIONS, {if_absent = true})))
            azure.send(upload, parts)
            expect_error("AlreadyExists", store.url .. "/one", upload:finish())
            expect_error("Forbidden", store.url .. "/one", get(writer, "one"))
        end)

        it("say what is in the way when names of others are shorter", function()
            foreign_block(16)
            local err = expect_error("Unsupported", store.url .. "/one",
                store:begin("one", size, OPTIONS))
            assert.is_truthy(err.message:find("another program has begun an upload", 1, true))
            assert.is_truthy(err.hint:find("a week", 1, true))
        end)
    end)

    describe("verifies", function()
        local store, item
        local text = ("0123456789abcdef"):rep(8 * KiB) .. "end"

        setup(function()
            store = azure.new()
            local upload = must(store:begin("one", #text, {part_size = 64 * KiB}))
            azure.send(upload, {text:sub(1, 64 * KiB), text:sub(64 * KiB + 1, 128 * KiB), "end"})
            must(upload:finish())
            item = must(store:stat("one"))
        end)

        local function sum_up(content)
            local sum = must(store:verifier(item))
            local piece <close> = must(block.new(MiB))
            for offset = 1, #content, 50000 do -- not the blocks' size
                sum:update(piece:set(content:sub(offset, offset + 49999)))
            end
            return sum:finish()
        end

        it("a large object by its blocks, when nobody has noted its MD5", function()
            assert.is_nil(item.md5)
            assert.is_true(sum_up(text))
            for _, wrong in ipairs({text .. "x", text:sub(1, -2), "x" .. text:sub(2), ""}) do
                local right, why = sum_up(wrong)
                assert.is_nil(right)
                assert.is_truthy(why:find("MD5 of block %d"))
            end
        end)

        it("it by parts in any order, when they are its blocks", function()
            local pieces = {text:sub(1, 64 * KiB), text:sub(64 * KiB + 1, 128 * KiB), "end"}
            for _, case in ipairs({
                {right = true, 3, 1, 2}, {right = nil, 2, 1}, {right = nil, 1, 2, 3, wrong = 2},
            }) do
                local sum = must(store:verifier(item))
                assert.are.equal(64 * KiB, sum.part_size)
                for _, index in ipairs(case) do
                    local piece <close> = must(block.new(64 * KiB))
                    sum:add_part(index, piece:set(case.wrong == index and "x" or pieces[index]))
                end
                assert.are.equal(case.right, (sum:finish()))
            end
        end)

        it("nothing by blocks that tell nothing", function()
            must(put(store, "whole", "content"))
            assert.is_false(store:verifier(must(store:stat("whole"))))
            assert.is_false(store:verifier(merge(item, {etag = "another"})))
        end)

        it("what comes and goes on the way", function()
            local proxy <close> = store_lab.proxy("azure")
            local other = must(azure.open(store.url, {endpoint = proxy.url .. "/" .. at.account}))
            proxy:rules({{method = "GET", flip_answer = 3, times = 1}})
            local err = expect_error("Corrupt", store.url .. "/one",
                get(other, "one", {offset = 5, length = 100}))
            assert.is_true(err.retryable)
            assert.are.equal(100, #get(other, "one", {offset = 5, length = 100}))
            proxy:rules({{method = "PUT", flip_request = 3, times = 2}})
            err = expect_error("Corrupt", store.url .. "/x", put(other, "x", "content"))
            assert.is_true(err.retryable)
            local upload = must(other:begin("x", #text, {part_size = 64 * KiB}))
            local piece <close> = must(block.new(64 * KiB))
            expect_error("Corrupt", store.url .. "/x",
                upload:part(1, piece:set(text:sub(1, 64 * KiB))))
            expect_error("NotFound", store.url .. "/x", store:stat("x"))
        end)
    end)

    describe("copies on the server", function()
        it("what was meant, with its metadata", function()
            for _, options in ipairs({{}, {key = false, sas = at.sas}}) do
                local store = azure.new(options)
                local source = must(put(store, "from + ä", "content", {metadata = {owner = "me"}}))
                local copied = must(store:copy("from + ä", "to", {item = source}))
                assert.are.equal(7, copied.size)
                assert.are.equal("me", copied.metadata.owner)
                must(put(store, "from + ä", "another"))
                expect_error("Changed", store.url, store:copy("from + ä", "x", {item = source}))
                expect_error("Invalid", store.url, store:copy("to", "to", {}))
            end
        end)
    end)

    it("uploads that are cancelled leave nothing to see and nothing to go on with", function()
        local folder, store = must(fs.temporary_folder()), azure.new()
        must(fs.write(folder .. "/from", ("0123456789abcdef"):rep(128 * KiB)))
        local proxy <close> = store_lab.proxy("azure")
        proxy:rules({{method = "PUT", target = "blockid=", skip = 3, silent = true}})
        local options = azure.options({part_size = 64 * KiB,
                                       endpoint = proxy.url .. "/" .. at.account})
        local function copy()
            return salvor_store.copy(folder .. "/from", store.url .. "/to", {to = options})
        end
        local copying = task.spawn(copy)
        eventually("a block that is under way", function()
            local requests = proxy:requests()
            return #requests > 0 and requests[#requests].rule
        end)
        proxy:rules({})
        cancel(copying)
        expect_error("NotFound", store.url .. "/to", store:stat("to"))
        local summary = must(copy())
        assert.are.same({1, 0}, {summary.copied, summary.resumed})
        must(fs.remove_tree(folder))
    end)

    describe("trees", function()
        local folder, container

        setup(function()
            folder, container = must(fs.temporary_folder()), store_lab.container()
            must(fs.mkdir(fs.join(folder, "from/a/b"), {parents = true}))
            for number = 1, 30 do
                must(fs.write(fs.join(folder, "from/a", "file " .. number), "of " .. number))
            end
            must(fs.write(fs.join(folder, "from/a/b/large"), ("large "):rep(400 * KiB)))
        end)

        teardown(function()
            must(fs.remove_tree(folder))
        end)

        local function copy(from, to, options)
            return must(salvor_store.copy(from, to, options))
        end

        it("go there and back, and what is there already is left out", function()
            local there = "az://" .. container .. "/tree"
            local options = azure.options({part_size = MiB})
            local first = copy(fs.join(folder, "from"), there, {to = options})
            assert.are.equal(31, first.copied)
            assert.are.equal(0, first.failures)
            local again = copy(fs.join(folder, "from"), there, {to = options})
            assert.are.equal(31, again.skipped, "large objects are known by their blocks")
            local back = copy(there, fs.join(folder, "back"), {from = options})
            assert.are.same({checksum = 31, size = 0}, back.verified)
            assert.are.equal(must(digest.file("md5", fs.join(folder, "from/a/b/large"))),
                must(digest.file("md5", fs.join(folder, "back/a/b/large"))))
            local beside = copy(there, "az://" .. container .. "/beside", {from = options,
                                                                          to = options})
            assert.are.equal(31, beside.copied)
        end)
    end)
end)
