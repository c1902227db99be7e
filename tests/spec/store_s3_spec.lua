-- salvor.store on S3, against a real gateway (Ceph's).
local block = require("salvor.block")
local conformance = require("support.store_conformance")
local digest = require("salvor.digest")
local json = require("salvor.json")
local merge = require("salvor.copy").merge
local open = require("salvor.store.s3.open").open
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")
local stores = require("salvor.store")
local task = require("salvor.task")
local url = require("salvor.store.url")

local MiB = 1 << 20
local get, expect_error = conformance.get, conformance.expect_error

store_lab.describe("S3", "s3", function(at)
    --- As the owner, unless `options` say otherwise; false there takes one away.
    local function open_url(text, options)
        local all = merge({
            endpoint = at.endpoint, region = at.region,
            access_key = at.access_key, secret_key = at.secret_key,
        }, options)
        for name, value in pairs(all) do
            all[name] = value or nil
        end
        return open(must(url.parse(text)), all)
    end

    local function put(store, path, text, options)
        local piece <close> = must(block.new(math.max(#text, 1)))
        return store:write(path, piece:set(text), options or {})
    end

    --- An upload of these texts in parts.
    local function send(upload, parts, from, to)
        for index = from or 1, to or #parts do
            local piece <close> = must(block.new(#parts[index]))
            must(upload:part(index, piece:set(parts[index])))
        end
    end

    local function uploads_of(store)
        return (must(store:_uploads("")))
    end

    local buckets = {}
    conformance.run("a bucket's folder", function(name)
        buckets[name] = buckets[name] or store_lab.bucket()
        return open_url("s3://" .. buckets[name] .. "/a folder/+/")
    end)

    describe("reaches a bucket", function()
        local bucket
        setup(function()
            bucket = store_lab.bucket()
        end)

        local function check(options)
            local store = must(open_url("s3://" .. bucket .. "/x", options))
            must(put(store, "a + b/ä", "content"))
            assert.are.equal("content", (get(store, "a + b/ä")))
            assert.are.equal(1, #must(store:list("", {})).items)
            assert.are.same({}, must(store:remove({"a + b/ä"})).failed)
            store:close()
        end

        it("in the path and in the host's name, by HTTP and by HTTPS", function()
            check({})
            check({endpoint = at.tls_endpoint, ca = at.ca})
            check({endpoint = at.host_endpoint, style = "host"})
            check({endpoint = at.tls_host_endpoint, style = "host", ca = at.ca})
        end)

        it("with the token of a session", function()
            check({access_key = at.session_access_key, secret_key = at.session_secret_key,
                   session_token = at.session_token})
        end)

        it("with a Kubernetes Secret's keys", function()
            check({access_key = false, secret_key = false, secret = {
                metadata = {name = "backup"},
                data = {key = digest.base64(at.access_key),
                        keysecret = digest.base64(at.secret_key .. "\n")},
            }})
        end)

        it("and does not trust a server of another authority", function()
            local store = must(open_url("s3://" .. bucket, {endpoint = at.tls_endpoint}))
            local err = expect_error("Untrusted", "s3://" .. bucket .. "/a", store:stat("a"))
            assert.is_truthy(err.message:find("unknown authority", 1, true))
            must(open_url("s3://" .. bucket, {endpoint = at.tls_endpoint, insecure = true}))
        end)
    end)

    describe("says what is wrong:", function()
        local bucket, store
        setup(function()
            bucket = store_lab.bucket()
            store = must(open_url("s3://" .. bucket))
            must(put(store, "there", "content"))
        end)

        local function refused(code, options, part)
            local other = must(open_url("s3://" .. bucket, options))
            local _, err = get(other, "there")
            expect_error(code, "s3://" .. bucket .. "/there", nil, err)
            assert.are.equal(403, err.status)
            assert.is_truthy(err.request_id:find("^tx"))
            assert.is_truthy(err.message:find("HTTP 403, request " .. err.request_id, 1, true))
            assert.is_truthy(err.message:find(part, 1, true), err.message)
            assert.is_nil(tostring(err):find(at.secret_key, 1, true))
            return err
        end

        it("an unknown key, a wrong one, one that may not", function()
            refused("Forbidden", {access_key = "nobody"}, "permission denied")
            local err = refused("Forbidden", {secret_key = "wrong-secret"}, "permission denied")
            assert.is_truthy(err.hint:find("check the credentials", 1, true))
            refused("Forbidden", {access_key = at.stranger_access_key,
                                  secret_key = at.stranger_secret_key}, "permission denied")
            refused("Forbidden", {access_key = false, secret_key = false, anonymous = true},
                "permission denied")
        end)

        it("a bucket that is not there", function()
            local none = must(open_url("s3://no-such-bucket-here/a"))
            for _, call in ipairs({
                function() return none:list("", {}) end,
                function() return get(none, "x") end,
                function() return put(none, "x", "") end,
                function() return none:remove({"x"}) end,
                function() return none:begin("x", 1, {}) end,
            }) do
                local err = expect_error("NotFound", "s3://no-such-bucket-here", call())
                assert.is_truthy(err.message:find("there is no such bucket at " .. at.endpoint, 1,
                    true), err.message)
            end
            expect_error("NotFound", "s3://no-such-bucket-here", none:stat("x"))
        end)

        it("an account that is full", function()
            local small = store_lab.name()
            local options = {access_key = at.small_access_key, secret_key = at.small_secret_key}
            assert(store_lab.s3_request("PUT", "/" .. small, options))
            local full = must(open_url("s3://" .. small, options))
            local value, err = put(full, "large", ("x"):rep(2 * MiB))
            expect_error("NoSpace", "s3://" .. small .. "/large", value, err)
            assert.is_truthy(err.hint:find("quota", 1, true))
            assert.are.same({}, conformance.list_all(full, ""))
        end)

        it("a server that is not there", function()
            local gone = must(open_url("s3://" .. bucket, {endpoint = "http://127.0.0.1:1"}))
            local err = expect_error("Unreachable", "s3://" .. bucket .. "/a", gone:stat("a"))
            assert.is_true(err.retryable)
        end)
    end)

    describe("lists", function()
        it("a page at a time, and each name in its bytes", function()
            local store = must(open_url("s3://" .. store_lab.bucket()))
            store._page = 3
            local names = {"a", "a b", "a%20b", "a+b", "b//c", "b/c", "c/", "d/\1", "ä", "日/本"}
            for _, name in ipairs(names) do
                must(put(store, name, name == "c/" and "" or "x"))
            end
            local items, _, pages = conformance.list_all(store, "")
            assert.are.same(names, conformance.paths_of(items))
            assert.are.equal(4, pages)
            assert.are.equal("folder", items[7].kind)
            assert.are.equal("file", items[1].kind)
            assert.are.equal(digest.md5("x"), items[1].md5)
            assert.are.same({n = #names, failed = {}}, must(store:remove(names)))
        end)
    end)

    it("reads small objects without waiting for delayed acknowledgements", function()
        local store = must(open_url("s3://" .. store_lab.bucket()))
        must(put(store, "small", ("x"):rep(4096)))
        local fastest, number = math.huge, 0
        repeat
            local began = task.now()
            must(get(store, "small"))
            number = number + 1
            if number > 30 then -- a new connection acknowledges at once
                fastest = math.min(fastest, task.now() - began)
            end
        until fastest < 0.025 or number == 300
        assert.is_true(fastest < 0.025, fastest .. " s")
    end)

    describe("keeps what belongs to an object:", function()
        it("its metadata, its time, its MD5", function()
            local store = must(open_url("s3://" .. store_lab.bucket()))
            must(put(store, "a", "content", {modified = 1700000000.25,
                                             metadata = {owner = "me", ["not a name"] = "x"}}))
            local item = must(store:stat("a"))
            assert.are.same({owner = "me", mtime = "1700000000.25"}, item.metadata)
            assert.are.equal(digest.md5("content"), item.md5)
            must(put(store, "much", "x", {modified = 1, metadata = {much = ("x"):rep(3000)}}))
            assert.are.same({mtime = "1"}, must(store:stat("much")).metadata)
            assert.are.equal("a", must(store:copy("a", "b", {})) and item.path)
            assert.are.same(item.metadata, must(store:stat("b")).metadata)
        end)
    end)

    describe("uploads in parts", function()
        local bucket, store
        before_each(function()
            bucket = store_lab.bucket()
            store = must(open_url("s3://" .. bucket))
        end)

        local parts = {("a"):rep(5 * MiB), ("b"):rep(5 * MiB), "end"}
        local size = 10 * MiB + 3

        it("are known by their mark, whoever looks and however far they have come", function()
            local upload = must(store:begin("one", size, {fingerprint = "1"}))
            assert.are.equal(1, #must(store:leftovers("", {older_than = 0})))
            send(upload, parts, 1, 2)
            upload:close()
            local found = must(store:leftovers("", {older_than = 0}))
            assert.are.equal("one", found[1].path)
            assert.is_false(found[1].removed)
            assert.is_true(math.abs(os.time() - found[1].begun) < 60)
            assert.are.same({}, must(store:leftovers("", {older_than = 60})))
            assert.are.same({}, must(store:leftovers("two", {older_than = 0})))
        end)

        it("of others are never touched", function()
            local request = {method = "POST", key = "one", query = {uploads = ""}, xml = {}}
            local foreign = must(store:_ask(request)).xml.UploadId
            local mark = store:_mark("one", size, 5 * MiB, "1")
            must(store:_ask({method = "PUT", key = "one", body = ("x"):rep(#mark), checked = true,
                             query = {uploadId = foreign, partNumber = 3}}))
            local upload = must(store:begin("one", size, {fingerprint = "1"}))
            assert.are.equal(2, #uploads_of(store))
            upload:abort()
            assert.are.same({}, must(store:leftovers("", {older_than = 0, remove = true})))
            assert.are.equal(foreign, uploads_of(store)[1].id)
        end)

        it("that are left over can be ended", function()
            local upload = must(store:begin("one", size, {}))
            upload:close()
            assert.is_true(must(store:leftovers("", {older_than = 0, remove = true}))[1].removed)
            assert.are.same({}, uploads_of(store))
        end)

        it("that are left over are shown and ended by a command", function()
            must(store:begin("one", size, {})):close()
            local environment = {AWS_ENDPOINT_URL = at.endpoint, AWS_ACCESS_KEY_ID = at.access_key,
                                 AWS_SECRET_ACCESS_KEY = at.secret_key, AWS_REGION = at.region}
            local function run(...)
                local result = must(proc.run({salvor.path, "store", "leftovers", ...},
                    {env = environment}))
                assert.are.equal(0, result.code, result.stderr)
                return result.stdout
            end
            local there = "s3://" .. bucket
            assert.are.equal("", run(there))
            assert.is_truthy(run("--older-than", "0", there):find("^%d+%-.*  one\n$"))
            local rows = must(json.decode(run("--older-than", "0", "--remove", "--output", "json",
                there)))
            assert.are.equal("one", rows[1].path)
            assert.is_true(rows[1].removed)
            assert.are.same({}, uploads_of(store))
            assert.are.equal("Unsupported", select(2, stores.open("/tmp"):leftovers()).code)
        end)

        it("go on after their process was killed, without sending a part twice", function()
            local first = must(store:begin("one", size, {fingerprint = "1"}))
            send(first, parts, 1, 1)
            local other = must(open_url("s3://" .. bucket)) -- who knows nothing of it
            local second = must(other:begin("one", size, {fingerprint = "1"}))
            local piece <close> = must(block.new(5 * MiB))
            assert.is_true(second:has(1, piece:set(parts[1])))
            assert.is_false(second:has(2, piece:set(parts[2])))
            send(second, parts, 2, 3)
            local item = must(second:finish())
            assert.are.equal(size, item.size)
            assert.are.same({}, uploads_of(store))
            local third = must(other:begin("one", size, {fingerprint = "1"}))
            assert.is_false(third:has(1, piece:set(parts[1])))
            third:abort()
        end)

        it("keep the last part back until the others are there", function()
            local upload = must(store:begin("one", size, {fingerprint = "1"}))
            send(upload, parts, 3, 3)
            assert.are.equal(1, #must(store:leftovers("", {older_than = 0})))
            send(upload, parts, 1, 2)
            must(upload:finish())
            assert.are.equal("end", (get(store, "one", {offset = 10 * MiB})))
        end)

        it("are finished once, also when the answer was lost", function()
            local upload = must(store:begin("one", size, {}))
            send(upload, parts)
            local item = must(upload:finish())
            assert.are.equal(item.etag, must(upload:finish()).etag)
        end)

        it("are not finished with a part that is missing or another", function()
            local upload = must(store:begin("one", size, {}))
            send(upload, parts)
            upload._parts[1] = {etag = ("0"):rep(32)}
            expect_error("Invalid", "s3://" .. bucket .. "/one", upload:finish())
            upload:abort()
            local other = must(store:begin("one", size, {}))
            send(other, parts, 1, 1)
            send(other, parts, 3, 3)
            expect_error("Invalid", "2 of its 3 parts were sent", other:finish())
            other:abort()
            expect_error("NotFound", "s3://" .. bucket .. "/one", store:stat("one"))
        end)
    end)

    describe("copies on the server", function()
        it("in ranges what is too large for one request, with its metadata", function()
            local store = must(open_url("s3://" .. store_lab.bucket()))
            local text = ("a"):rep(5 * MiB) .. ("b"):rep(5 * MiB) .. "end"
            local source = must(put(store, "from", text, {metadata = {owner = "me"}}))
            store.copy_limit = 6 * MiB
            local copied = must(store:copy("from", "to", {item = source}))
            assert.are.equal(#text, copied.size)
            assert.is_truthy(copied.etag:find("-3$"))
            local piece <close> = must(block.new(#text))
            must(store:read("to", piece))
            assert.are.equal(digest.md5(text), piece:digest("md5").md5)
            assert.are.equal("me", must(store:stat("to")).metadata.owner)
            assert.are.same({}, uploads_of(store))
            expect_error("Changed", "s3://", store:copy("from", "x",
                {item = merge(source, {size = 1, etag = ("0"):rep(32), md5 = ("0"):rep(32)})}))
        end)

        it("leaving nothing when it was cancelled", function()
            local store = must(open_url("s3://" .. store_lab.bucket()))
            must(put(store, "from", ("a"):rep(11 * MiB)))
            store.copy_limit = 6 * MiB
            local ask, copying = store._ask, nil
            function store._ask(self, wanted)
                if (wanted.headers or {})["x-amz-copy-source-range"] then
                    copying:cancel()
                end
                return ask(self, wanted)
            end
            copying = task.spawn(function() return store:copy("from", "to", {}) end)
            assert.has_error(function() copying:join() end)
            assert.are.equal("cancelled", copying:status())
            assert.are.same({}, uploads_of(store))
        end)
    end)

    describe("the checksum of an object in parts", function()
        local store
        local text = ("0123456789abcdef"):rep(5 * MiB // 16) .. ("z"):rep(6 * MiB) .. "end"

        setup(function()
            store = must(open_url("s3://" .. store_lab.bucket()))
        end)

        --- Sent with that size of parts; its item.
        local function upload(part_size)
            local sent = must(store:begin("x", #text, {part_size = part_size}))
            local count = (#text + part_size - 1) // part_size
            for index = 1, count do
                send(sent, {[index] = text:sub((index - 1) * part_size + 1, index * part_size)},
                    index, index)
            end
            must(sent:finish())
            return must(store:stat("x"))
        end

        local function sum_up(item, content)
            local sum = store:verifier(item)
            local piece <close> = must(block.new(MiB + 7)) -- not the parts' size
            for offset = 1, #content, MiB + 7 do
                sum:update(piece:set(content:sub(offset, offset + MiB + 6)))
            end
            return sum:finish()
        end

        it("is checked whatever blocks its bytes come in", function()
            for _, part_size in ipairs({5 * MiB, 6 * MiB, 8 * MiB, 7654321}) do
                local item = upload(part_size)
                assert.are.equal("etag", store:verifier(item).name)
                assert.is_true(sum_up(item, text))
                local right, why = sum_up(item, "y" .. text:sub(2))
                assert.is_nil(right)
                assert.is_truthy(why:find("its ETag is", 1, true))
            end
        end)

        it("is checked part by part, in any order", function()
            local item = upload(5 * MiB)
            local function check(content)
                local sum = store:verifier(item)
                assert.are.equal(5 * MiB, sum.part_size)
                local piece <close> = must(block.new(5 * MiB))
                for _, index in ipairs({3, 1, 2}) do
                    piece:set(content:sub((index - 1) * 5 * MiB + 1, index * 5 * MiB))
                    sum:add_part(index, piece)
                end
                return sum:finish()
            end
            assert.is_true(check(text))
            assert.is_truthy(select(2, check("y" .. text:sub(2))):find("its ETag is", 1, true))
        end)

        --- The headers of a HEAD that asks for a part, changed.
        local function change_answers(change)
            local head = store._head
            store._head = function(self, path, op, query)
                local got = head(self, path, op, query)
                if query then
                    change(got.headers)
                end
                return got
            end
            finally(function() store._head = nil end)
        end

        it("is checked with what the server tells of other programs' objects", function()
            local item = upload(7654321)
            change_answers(function(headers)
                headers["x-amz-meta-salvor-part-size"] = nil
                headers["x-amz-mp-parts-count"], headers["content-length"] = "2", "7654321"
            end)
            assert.is_true(sum_up(item, text))
            assert.is_truthy(select(2, sum_up(item, "y" .. text:sub(2))):find("its ETag", 1, true))
        end)

        it("is guessed when nobody tells the parts' size, and else not known", function()
            local usual = upload(8 * MiB)
            change_answers(function(headers)
                headers["x-amz-meta-salvor-part-size"] = nil
            end)
            assert.is_true(sum_up(usual, text))
            assert.are.same({n = 1}, table.pack(sum_up(usual, "y" .. text:sub(2))))
            local unusual = upload(7654321)
            assert.are.same({n = 1}, table.pack(sum_up(unusual, text)))
            assert.is_false(store:verifier({path = "x", size = 1, etag = digest.md5("")}))
            assert.is_false(store:verifier({path = "x", size = 1, etag = "no-etag"}))
            assert.is_false(store:verifier({path = "x", size = 1}))
        end)

        it("shows no notes of Salvor's", function()
            assert.is_nil(upload(8 * MiB).metadata)
        end)
    end)
end)
