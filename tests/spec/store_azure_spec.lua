-- salvor.store on Azure Blob, against Microsoft's emulator.
local block = require("salvor.block")
local conformance = require("support.store_conformance")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local merge = require("salvor.copy").merge
local proc = require("salvor.proc")
local open = require("salvor.store.azure.open").open
local salvor_store = require("salvor.store")
local scripted = require("support.scripted")
local store_lab = require("support.store_lab")
local url = require("salvor.store.url")

local KiB, MiB = 1 << 10, 1 << 20
local get, put, expect_error = conformance.get, conformance.put, conformance.expect_error

store_lab.describe("Azure", "azure", function(at)
    --- With the account's key, unless `options` say otherwise; false there takes one away.
    local function with_key(options)
        local all = merge({account = at.account, endpoint = at.endpoint, key = at.key}, options)
        for name, value in pairs(all) do
            all[name] = value or nil
        end
        return all
    end

    local function open_url(text, options)
        return open(must(url.parse(text)), with_key(options))
    end

    local function new_store(options)
        return must(open_url("az://" .. store_lab.container(), options))
    end

    --- Sends these texts as parts.
    local function send(upload, parts, from, to)
        for index = from or 1, to or #parts do
            local piece <close> = must(block.new(#parts[index]))
            must(upload:part(index, piece:set(parts[index])))
        end
    end

    local function has(upload, index, text)
        local piece <close> = must(block.new(#text))
        return upload:has(index, piece:set(text))
    end

    local function name_of(store)
        return store.url:match("^az://(.*)$")
    end

    local containers = {}
    conformance.run("a container's folder", function(name)
        containers[name] = containers[name] or store_lab.container()
        return open_url("az://" .. containers[name] .. "/a folder/+/")
    end)

    describe("reaches a container", function()
        local container
        setup(function()
            container = store_lab.container()
        end)

        local function check(options)
            local store = must(open_url("az://" .. container .. "/x", options))
            must(store:_ask({method = "PUT", query = {restype = "container"},
                             expected = {[409] = true}})) -- the one with TLS is another server
            must(put(store, "a + b/ä", "content"))
            assert.are.equal("content", (get(store, "a + b/ä")))
            assert.are.equal(1, #must(store:list("", {})).items)
            must(store:copy("a + b/ä", "copy", {}))
            assert.are.same({}, must(store:remove({"a + b/ä", "copy"})).failed)
            store:close()
        end

        it("of an account in the path and in the host's name, by HTTP and by HTTPS", function()
            check({})
            check({endpoint = at.tls_endpoint, ca = at.ca})
            check({endpoint = at.host_endpoint})
            check({endpoint = at.tls_host_endpoint, ca = at.ca, account = false})
        end)

        it("with a shared access signature", function()
            check({key = false, sas = at.sas})
            check({key = false, sas = "?" .. at.sas .. "\n"})
            check({key = false, sas = at.endpoint .. "/?" .. at.sas, account = false})
        end)

        it("with a connection string", function()
            local nothing = {key = false, account = false, endpoint = false}
            check(merge(nothing, {connection_string = at.connection_string}))
            check(merge(nothing, {connection_string = "BlobEndpoint=" .. at.endpoint
                .. ";SharedAccessSignature=" .. at.sas}))
        end)

        it("with Medusa's Secret", function()
            check({key = false, account = false, secret = {data = {credentials = digest.base64(
                '{"storage_account": "' .. at.account .. '", "key": "' .. at.key .. '"}')}}})
        end)

        it("with workload identity, as a pod has it", function()
            local entra = scripted.start()
            finally(function() entra:stop() end)
            entra:rules({{method = "POST", path = "/tenant/oauth2/v2.0/token", json = {
                access_token = at.token, expires_in = 3600, token_type = "Bearer"}}})
            local folder = must(fs.temporary_folder())
            local authorities = must(fs.read(at.ca)) .. must(fs.read(entra.folder .. "/ca.crt"))
            must(fs.write(folder .. "/ca.crt", authorities))
            must(fs.write(folder .. "/token", "the service account's token"))
            check({endpoint = at.tls_endpoint, ca = at.ca}) -- makes the container
            local result = must(proc.run({
                os.getenv("SALVOR") or "build/salvor", "store", "cp", folder .. "/token",
                string.format("az://%s/of/identity?endpoint=%s&ca=%s", container, at.tls_endpoint,
                    folder .. "/ca.crt"),
            }, {timeout = 30, env = {
                AZURE_CLIENT_ID = "client", AZURE_TENANT_ID = "tenant",
                AZURE_FEDERATED_TOKEN_FILE = folder .. "/token", AZURE_AUTHORITY_HOST = entra.url,
            }}))
            assert.are.equal(0, result.code, result.stdout .. result.stderr)
            assert.are.equal(1, #entra:requests())
            local store = must(open_url("az://" .. container,
                {endpoint = at.tls_endpoint, ca = at.ca}))
            assert.are.equal("the service account's token", (get(store, "of/identity")))
            must(fs.remove_tree(folder))
        end)

        it("and does not trust a server of another authority", function()
            local store = must(open_url("az://" .. container, {endpoint = at.tls_endpoint}))
            expect_error("Untrusted", "az://" .. container .. "/a", store:stat("a"))
            check({endpoint = at.tls_endpoint, insecure = true})
        end)
    end)

    describe("says what is wrong:", function()
        local container
        setup(function()
            container = store_lab.container()
            must(put(must(open_url("az://" .. container)), "there", "content"))
        end)

        local function refused(code, options, call)
            local other = must(open_url("az://" .. container, options))
            local err = expect_error(code, "az://" .. container .. "/there",
                (call or get)(other, "there", "x"))
            assert.are.equal(403, err.status)
            assert.is_truthy(err.message:find("HTTP 403, request " .. err.request_id, 1, true))
            assert.is_nil(tostring(err):find("sig=", 1, true))
            assert.is_nil(tostring(err):find(at.key, 1, true))
            assert.is_false(err.retryable)
            return err
        end

        it("a wrong key", function()
            local err = refused("Unauthorized", {key = digest.base64("wrong")})
            assert.is_truthy(err.message:find("AuthenticationFailed", 1, true), err.message)
            assert.is_truthy(err.hint:find("check the account's name and its key", 1, true))
        end)

        it("a signature that has ended, and one that is for reading only", function()
            refused("Unauthorized", {key = false, sas = at.expired_sas})
            refused("Forbidden", {key = false, sas = at.read_sas}, put)
            local reader = must(open_url("az://" .. container, {key = false, sas = at.read_sas}))
            assert.are.equal("content", (get(reader, "there")))
            local failed = must(reader:remove({"there"})).failed
            assert.are.equal("Forbidden", failed[1].err.code)
        end)

        it("nobody where nobody may", function()
            local err = refused("Unauthorized", {key = false, anonymous = true})
            assert.is_truthy(err.message:find("anonymous requests are not enough", 1, true))
        end)

        it("a container that is not there", function()
            local none = must(open_url("az://no-such-container/a"))
            for _, call in ipairs({
                function() return none:list("", {}) end,
                function() return get(none, "x") end,
                function() return put(none, "x", "") end,
                function() return none:stat("x") end,
                function() return none:begin("x", 1, {}) end,
                function() return nil, must(none:remove({"x"})).failed[1].err end,
            }) do
                local err = expect_error("NotFound", "az://no-such-container", call())
                assert.is_truthy(err.message:find("there is no such container at " .. at.endpoint,
                    1, true), err.message)
            end
        end)

        it("names that the servers of Azure would take for others", function()
            local store = new_store()
            for _, name in ipairs({"a/../b", ".", "a\\b", "./x", "a/."}) do
                for _, call in ipairs({
                    function() return put(store, name, "x") end,
                    function() return get(store, name) end,
                    function() return store:stat(name) end,
                    function() return store:begin(name, 1, {}) end,
                    function() return store:copy("x", name, {item = {size = 1}}) end,
                    function() return store:copy(name, "x", {item = {size = 1}}) end,
                    function() return nil, must(store:remove({name})).failed[1].err end,
                }) do
                    expect_error("Invalid", store.url .. "/", call())
                end
            end
            expect_error("Invalid", store.url, put(store, "ends with a dot.", "x"))
            expect_error("NotFound", store.url, store:stat("ends with a dot."))
        end)
    end)

    describe("blobs", function()
        local store
        setup(function()
            store = new_store()
        end)

        it("have metadata whose names are identifiers, and their file's time", function()
            must(put(store, "x", "1", {modified = 1717158600.25, metadata = {
                owner = "me and you", ["not-one"] = "x", _a1 = "ä", hdi_isfolder = "true"}}))
            local item = must(store:stat("x"))
            assert.are.same({owner = "me%20and%20you", _a1 = "%C3%A4",
                             mtime = "2024-05-31T12:30:00.25Z"}, item.metadata)
            assert.are.equal("file", item.kind)
            assert.are.same(item.metadata, must(store:list("", {})).items[1].metadata)
        end)

        it("of other kinds are read, and not written", function()
            for _, kind in ipairs({"AppendBlob", "PageBlob"}) do
                local path = "/" .. name_of(store) .. "/" .. kind
                assert(store_lab.azure_request("PUT", path, {headers = {
                    "x-ms-blob-type: " .. kind, "x-ms-blob-content-length: 512"}}))
                local size = kind == "PageBlob" and 512 or 0
                assert.are.equal(size, must(store:stat(kind)).size)
                assert.are.equal(("\0"):rep(size), (get(store, kind)))
                local upload, err = store:begin(kind, 100 * KiB, {fingerprint = "1"})
                if upload then
                    local piece <close> = must(block.new(16))
                    upload, err = upload:part(1, piece:set("x"))
                end
                expect_error("Unsupported", store.url .. "/" .. kind, upload, err)
                assert.is_truthy(err.hint:find("append or page blob", 1, true))
                must(store:remove({kind}))
            end
        end)

        it("that say that they are folders are no files", function()
            assert(store_lab.azure_request("PUT", "/" .. name_of(store) .. "/folder", {headers = {
                "x-ms-blob-type: BlockBlob", "x-ms-meta-hdi_isfolder: true"}}))
            must(put(store, "folder/x", "1"))
            must(put(store, "folder-y", "1"))
            assert.are.equal("folder", must(store:stat("folder")).kind)
            local all = must(store:list("", {}))
            assert.are.same({"folder-y", "folder/x", "x"}, conformance.paths_of(all.items))
            local level = must(store:list("", {delimiter = "/"}))
            assert.are.same({"folder-y", "x"}, conformance.paths_of(level.items))
            assert.are.same({"folder/"}, level.folders)
        end)
    end)

    describe("uploads in blocks", function()
        local store
        local parts = {("a"):rep(64 * KiB), ("b"):rep(64 * KiB), "end"}
        local size = 128 * KiB + 3
        local OPTIONS = {part_size = 64 * KiB, fingerprint = "1"}

        before_each(function()
            store = new_store()
        end)

        it("go on after their process was killed, without sending a block twice", function()
            send(must(store:begin("one", size, OPTIONS)), parts, 1, 2)
            local proxy <close> = store_lab.proxy("azure")
            local other = must(open_url(store.url, {endpoint = proxy.url .. "/" .. at.account}))
            local second = must(other:begin("one", size, OPTIONS))
            for index, text in ipairs(parts) do
                if not has(second, index, text) then
                    send(second, parts, index, index)
                end
            end
            assert.are.equal(size, must(second:finish()).size)
            local sent = 0
            for _, request in ipairs(proxy:requests()) do
                sent = sent + (request.target:find("blockid=", 1, true) and 1 or 0)
            end
            assert.are.equal(1, sent)
            assert.is_false(has(must(store:begin("one", size, OPTIONS)), 1, parts[1]))
        end)

        it("note the MD5 of the whole where it is known", function()
            local upload = must(store:begin("one", size, OPTIONS))
            send(upload, parts)
            local md5 = digest.md5(table.concat(parts))
            assert.are.equal(md5, must(upload:finish(md5)).md5)
            assert.are.equal(md5, must(store:stat("one")).md5)
            assert.are.equal(md5, must(store:list("", {})).items[1].md5)
        end)

        it("are finished once, also when the answer was lost", function()
            local proxy <close> = store_lab.proxy("azure")
            local other = must(open_url(store.url, {endpoint = proxy.url .. "/" .. at.account}))
            local upload = must(other:begin("one", size, merge(OPTIONS, {if_absent = true})))
            send(upload, parts)
            proxy:rules({{method = "PUT", target = "comp=blocklist", lost = true, times = 1}})
            local err = expect_error("Disconnected", store.url, upload:finish())
            assert.is_true(err.retryable)
            assert.are.equal(must(store:stat("one")).etag, must(upload:finish()).etag)
        end)

        it("do not take another's object for their own", function()
            local upload = must(store:begin("one", size, merge(OPTIONS, {if_absent = true})))
            send(upload, parts)
            must(put(store, "one", "another's"))
            for _ = 1, 2 do
                expect_error("AlreadyExists", store.url, upload:finish())
            end
            assert.are.equal("another's", (get(store, "one")))
        end)

        it("are not finished without a part", function()
            local upload = must(store:begin("one", size, OPTIONS))
            send(upload, parts, 2, 3)
            assert.has_error(function() upload:finish() end, "part 1 is missing")
            expect_error("NotFound", store.url .. "/one", store:stat("one"))
        end)

        --- A block that another program has begun to send, with a name of so many bytes.
        local function foreign_block(name_size)
            local folder = must(fs.temporary_folder())
            local file = fs.join(folder, "block")
            must(fs.write(file, "bytes"))
            local name = http.escape(digest.base64(("x"):rep(name_size)))
            assert(store_lab.azure_request("PUT", "/" .. name_of(store)
                .. "/one?comp=block&blockid=" .. name, {body = file}))
            must(fs.remove_tree(folder))
        end

        it("get along with blocks of others whose names are longer", function()
            foreign_block(48)
            send(must(store:begin("one", size, OPTIONS)), parts, 1, 1)
            local upload = must(store:begin("one", size, OPTIONS))
            assert.is_true(has(upload, 1, parts[1]))
            send(upload, parts, 2, 3)
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
            local writer = must(open_url(store.url, {key = false, sas =
                "sv=2019-12-12&ss=b&srt=o&sp=cw&se=2099-01-01T00:00:00Z&sig="
                .. http.escape(digest.base64(signature))}))
            must(put(writer, "small", "content"))
            local upload = must(writer:begin("one", size, merge(OPTIONS, {if_absent = true})))
            send(upload, parts)
            must(upload:finish())
            upload = must(writer:begin("one", size, merge(OPTIONS, {if_absent = true})))
            send(upload, parts)
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
            store = new_store()
            local upload = must(store:begin("one", #text, {part_size = 64 * KiB}))
            send(upload, {text:sub(1, 64 * KiB), text:sub(64 * KiB + 1, 128 * KiB), "end"})
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
            local other = must(open_url(store.url, {endpoint = proxy.url .. "/" .. at.account}))
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
                local store = new_store(options)
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
            local options = with_key({part_size = MiB})
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
