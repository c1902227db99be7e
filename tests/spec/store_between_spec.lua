-- Trees between stores of different kinds, with real servers: what goes out comes back, whatever
-- the names, the sizes, and what interrupts it.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local killed_copy = require("support.killed_copy")
local memory = require("support.memory")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local transfer = require("salvor.store.transfer")

local MiB = 1 << 20

local FILES = {["a/one"] = "1", ["a/b/two"] = "22", ["a.txt"] = "text", empty = "",
               ["with space + plus %41 é/日本"] = "names", ["q?m#h&a=b;c"] = "more names"}

--- Specs of copies to and from one kind of store: open(name) -> its URL and the options for it.
local function copies(open)
    local folder, url, options

    before_each(function()
        folder = must(fs.temporary_folder())
        url, options = open()
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function at(name)
        return fs.join(folder, name)
    end

    local function make(name, files)
        salvor.make_tree(at(name), files)
    end

    local function out(from, opts)
        opts = opts or {}
        opts.to = options
        return must(store.copy(at(from), url .. "/tree", opts))
    end

    local function back(to, opts)
        opts = opts or {}
        opts.from = options
        return must(store.copy(url .. "/tree", at(to), opts))
    end

    local function names()
        local opened <close> = must(store.open(url, options))
        local found = {}
        for item in opened:each() do
            found[#found + 1] = item.path
        end
        return found
    end

    it("takes a tree out and back, then nothing that is there", function()
        make("from", FILES)
        local summary = out("from")
        assert.are.equal(6, summary.copied)
        assert.are.equal(0, summary.failures)
        assert.are.equal(6, out("from").skipped)
        assert.are.equal(6, back("to").copied)
        assert.are.same(FILES, salvor.tree(at("to")))
        assert.are.equal(6, back("to").skipped)
    end)

    it("notices what has changed, and removes only when asked", function()
        make("from", FILES)
        out("from")
        make("from", {["a/one"] = "2"})
        must(proc.run({"touch", "-d", "2020-02-03", at("from/a/one")}))
        must(fs.remove(at("from/a.txt")))
        local summary = out("from")
        assert.are.equal(1, summary.copied)
        assert.are.equal(4, summary.skipped)
        assert.are.equal(0, summary.removed)
        assert.are.equal(1, out("from", {delete = true}).removed)
        back("to")
        assert.are.same(salvor.tree(at("from")), salvor.tree(at("to")))
    end)

    it("removes the folders that become empty, one in another", function()
        make("from", {a = "1", ["old/1/2/3/4/5/6/7/8"] = "2", ["old/1/other/3"] = "3"})
        out("from")
        must(fs.remove_tree(at("from/old")))
        make("from", {large = ("x"):rep(40 * MiB)}) -- over several connections, where it can be
        assert.are.equal(2, out("from", {delete = true}).removed)
        local opened <close> = must(store.open(url .. "/tree", options))
        local found = must(opened:list())
        assert.are.equal(2, #found, (found[3] or {}).path)
    end)

    it("puts files where folders were, and folders where files were, when it may remove", function()
        make("from", {["x/deep/in"] = "1", ["x/other"] = "2", ["large/in"] = "3", y = "file"})
        out("from")
        local files = {x = "file", large = ("0123456789abcdef"):rep(20 * MiB // 16), ["y/a"] = "1",
                       ["y/b/c"] = "2"}
        make("new", files)
        local summary = out("new", {delete = true})
        assert.are.equal(0, summary.failures, tostring((summary.failed[1] or {}).err))
        assert.are.equal(4, summary.copied)
        assert.are.equal(4, summary.removed)
        back("to")
        assert.are.same(files, salvor.tree(at("to")))
        assert.are.equal(4, out("new", {delete = true}).skipped)
    end)

    it("takes large objects out and back in bounded memory", function()
        local pieces = {}
        for number = 1, 100 do
            pieces[number] = string.char(number + 30):rep(MiB)
        end
        pieces[101] = "end"
        make("from", {large = table.concat(pieces)})
        pieces = nil -- luacheck: ignore 311
        collectgarbage()
        local expected = digest.file("md5", at("from/large"))
        local code = string.format([[
            local store = require("salvor.store")
            local options = require("salvor.json").decode(%q)
            must(store.copy(%q, %q, {to = options}))
            must(store.copy(%q, %q, {from = options}))
            for line in io.lines("/proc/self/status") do
                if line:find("^VmHWM") then print(line:match("%%d+")) end
            end]], must(require("salvor.json").encode(options)), at("from/large"), url .. "/large",
            url .. "/large", at("back"))
        local result = salvor.run({"-e", code}, {home = folder})
        assert.are.equal(0, result.code, result.stderr)
        memory.expect_at_most(64 * MiB, tonumber(result.stdout) * 1024)
        assert.are.equal(expected, digest.file("md5", at("back")))
    end)

    --- How many parts are sent from now on, as {n = number}.
    local function count_parts()
        local counted, send = {n = 0}, transfer.send
        finally(function()
            transfer.send = send
        end)
        transfer.send = function(self, ...)
            if not rawget(self.upload, "is_counted") then
                local part = self.upload.part
                self.upload.is_counted = true
                self.upload.part = function(...)
                    counted.n = counted.n + 1
                    return part(...)
                end
            end
            return send(self, ...)
        end
        return counted
    end

    it("goes on after kill -9 where it was", function()
        make("from", {large = ("0123456789abcdef"):rep(4 * MiB)})
        killed_copy(at("from/large"), url .. "/large", {to = options}, folder)
        assert.are.same({}, names())
        local parts = count_parts()
        local summary = must(store.copy(at("from/large"), url .. "/large", {to = options}))
        assert.is_true(summary.resumed >= 2 * 8 * MiB, summary.resumed .. " bytes were found")
        assert.is_true(parts.n >= 1 and parts.n <= 6, parts.n .. " of 8 parts were sent again")
        assert.are.same({"large"}, names())
        must(store.copy(url .. "/large", at("back"), {from = options}))
        assert.are.equal(digest.file("md5", at("from/large")), digest.file("md5", at("back")))
        assert.are.equal(1, must(store.copy(at("from/large"), url .. "/large",
            {to = options})).skipped)
    end)

    it("does not bring again what an earlier run has brought", function()
        make("from", {large = ("0123456789abcdef"):rep(4 * MiB)})
        must(store.copy(at("from/large"), url .. "/large", {to = options}))
        killed_copy(url .. "/large", at("back"), {from = options}, folder)
        assert.is_nil(fs.stat(at("back")))
        local read_part, reads = transfer.read_part, 0
        finally(function()
            transfer.read_part = read_part
        end)
        transfer.read_part = function(...)
            reads = reads + 1
            return read_part(...)
        end
        local summary = must(store.copy(url .. "/large", at("back"), {from = options}))
        assert.is_true(summary.resumed >= 2 * 8 * MiB, summary.resumed .. " bytes were found")
        assert.is_true(reads <= 6, reads .. " of 8 parts were read again")
        assert.are.equal(digest.file("md5", at("from/large")), digest.file("md5", at("back")))
    end)
end

store_lab.describe("copies between folders and S3", "s3", function(at)
    local options = {endpoint = at.endpoint, access_key = at.access_key,
                     secret_key = at.secret_key, region = at.region}
    local folder

    before_each(function()
        folder = must(fs.temporary_folder())
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    describe("as any store's:", function()
        copies(function()
            return "s3://" .. store_lab.bucket(), options
        end)
    end)

    it("verify what they bring by checksum", function()
        local bucket = store_lab.bucket()
        must(fs.mkdir(folder .. "/from"))
        must(fs.write(folder .. "/from/small", "x"))
        must(fs.write(folder .. "/from/large", ("x"):rep(20 * MiB)))
        must(store.copy(folder .. "/from", "s3://" .. bucket, {to = options}))
        local summary = must(store.copy("s3://" .. bucket, folder .. "/to", {from = options}))
        assert.are.same({checksum = 2, size = 0}, summary.verified)
        summary = must(store.copy("s3://" .. bucket, folder .. "/again", {from = options,
                                                                          verify = "content"}))
        assert.are.same({checksum = 2, size = 0}, summary.verified)
        assert.are.same({}, summary.failed)
    end)

    it("leave a key that no file can have, with a reason, and take the others", function()
        local bucket = store_lab.bucket()
        local opened <close> = must(store.open("s3://" .. bucket, options))
        for _, key in ipairs({"../out", "a//b", "a/./b", "/abs", "fine", "x", "x/below"}) do
            must(opened:write(key, key))
        end
        local summary = must(store.copy(opened, folder .. "/deep/to"))
        local failed = {}
        for _, failure in ipairs(summary.failed) do
            failed[#failed + 1] = failure.path
            salvor.expect(tostring(failure.err), folder .. "/deep/to/" .. failure.path)
        end
        -- A name cannot be both a file and a folder: which of the two came first is kept.
        local clash = table.remove(failed)
        assert.are.same({"../out", "/abs", "a/./b", "a//b"}, failed)
        assert.is_truthy(clash == "x" or clash == "x/below", clash)
        assert.are.equal("fine", fs.read(folder .. "/deep/to/fine"))
        assert.is_nil(fs.stat(folder .. "/deep/out"))
    end)

    it("take an object that stands for a folder for one; rm -r removes it", function()
        local bucket = store_lab.bucket()
        local opened <close> = must(store.open("s3://" .. bucket, options))
        must(opened._backend:write("a/", must(require("salvor.block").new(1)), {}))
        must(opened:write("a/b", "x"))
        local summary = must(store.copy(opened, folder .. "/to"))
        assert.are.equal(1, summary.copied)
        assert.are.same({}, summary.left_out)
        local result = salvor.run({"store", "rm", "-r", "--yes", "s3://" .. bucket .. "?endpoint="
            .. at.endpoint .. "&region=" .. at.region}, {home = folder, env = {
            AWS_ACCESS_KEY_ID = at.access_key, AWS_SECRET_ACCESS_KEY = at.secret_key,
            AWS_CA_BUNDLE = false}})
        assert.are.equal("2 files removed\n", result.stdout, result.stderr)
        assert.are.same({}, must(opened:list()))
    end)

    it("let the server copy between two names of it", function()
        local bucket = store_lab.bucket()
        local opened <close> = must(store.open("s3://" .. bucket, options))
        must(opened:write("from/a", "1"))
        must(opened:write("from/b c/d", "2"))
        local reads = 0
        local read_whole = transfer.read_whole
        finally(function()
            transfer.read_whole = read_whole
        end)
        transfer.read_whole = function(...)
            reads = reads + 1
            return read_whole(...)
        end
        local here = {from = options, to = options}
        local summary = must(store.copy("s3://" .. bucket .. "/from", "s3://" .. bucket .. "/to",
            here))
        assert.are.equal(2, summary.copied)
        assert.are.equal("2", opened:read("to/b c/d"))
        must(store.copy("s3://" .. bucket .. "/from/a", "s3://" .. bucket .. "/single", here))
        assert.are.equal("1", opened:read("single"))
        must(store.copy("s3://" .. bucket .. "/from/a", "s3://" .. bucket .. "/below/", here))
        assert.are.equal("1", opened:read("below/a"))
        must(opened:write("from", "object"))
        must(store.copy("s3://" .. bucket .. "/from/", "s3://" .. bucket .. "/tree", here))
        assert.are.equal("2", opened:read("tree/b c/d"))
        must(store.copy("s3://" .. bucket .. "/from", "s3://" .. bucket .. "/object", here))
        assert.are.equal("object", opened:read("object"))
        must(opened:remove("from"))
        assert.are.equal(0, reads)
        local other = "s3://" .. store_lab.bucket()
        assert.are.equal(2, must(store.copy("s3://" .. bucket .. "/from", other .. "/to",
            here)).copied)
        local another <close> = must(store.open(other, options))
        assert.are.equal("2", another:read("to/b c/d"))
        assert.are.equal(2, must(store.copy("s3://" .. bucket .. "/from",
            "s3://" .. bucket .. "/to", here)).skipped)
    end)

    it("replace nothing where that is wanted, also by the server", function()
        local bucket = store_lab.bucket()
        local opened <close> = must(store.open("s3://" .. bucket, options))
        must(opened:write("from/a", "one"))
        must(opened:write("from/b", "two"))
        must(opened:write("to/a", "first"))
        local summary = must(store.copy("s3://" .. bucket .. "/from", "s3://" .. bucket .. "/to",
            {from = options, to = options, if_absent = true}))
        assert.are.equal(1, summary.copied)
        assert.are.equal("AlreadyExists", summary.failed[1].err.code)
        assert.are.equal("first", opened:read("to/a"))
        assert.are.equal("two", opened:read("to/b"))
    end)

    it("may be of one who may write, and not ask what is there", function()
        local bucket = store_lab.bucket()
        local proxy <close> = store_lab.proxy("s3")
        proxy:rules({{method = "HEAD", status = 403}})
        must(fs.write(folder .. "/file", "x"))
        assert.are.equal(1, must(store.copy(folder .. "/file", "s3://" .. bucket .. "/file", {
            to = {region = at.region, access_key = at.access_key, secret_key = at.secret_key,
                  endpoint = proxy.url}})).copied)
        assert(#proxy:requests() >= 2)
        local opened <close> = must(store.open("s3://" .. bucket, options))
        assert.are.equal("x", opened:read("file"))
    end)

    it("tell a bucket from one of that name on another server", function()
        local url = "s3://" .. store_lab.bucket()
        must(must(store.open(url, options)):write("a", "one"))
        local other <close> = store_lab.proxy("s3")
        local there = {region = at.region, access_key = at.access_key, secret_key = at.secret_key,
                       endpoint = other.url}
        assert.are.equal(1, must(store.copy(url, url, {from = options, to = there})).skipped)
        local who = {region = at.region, access_key = at.access_key, secret_key = at.secret_key}
        assert.are.equal(1, must(store.copy(url .. "?endpoint=" .. at.endpoint,
            url .. "/below?endpoint=" .. other.url, {from = who, to = who})).copied)
        local written = false
        for _, request in ipairs(other:requests()) do
            written = written or request.method == "PUT"
        end
        assert.is_true(written, "it was not written where it should be")
        local summary, err = store.copy(url, url, {from = there, to = there})
        assert.is_nil(summary)
        salvor.expect(tostring(err), url .. " is not valid: it lies in what is to be copied")
    end)

    it("say what is missing: the bucket, what lies below a name, the right", function()
        local function fails(code, part, from, to)
            local summary, err = store.copy(from, to, {from = from:find("s3:") and options,
                                                       to = to:find("s3:") and options})
            assert.is_nil(summary)
            assert.are.equal(code, err.code, tostring(err))
            salvor.expect(tostring(err), part)
        end
        must(fs.write(folder .. "/file", "x"))
        local bucket = store_lab.bucket()
        fails("NotFound", "s3://no-such-bucket-here", "s3://no-such-bucket-here", folder .. "/to")
        fails("NotFound", "s3://no-such-bucket-here", folder, "s3://no-such-bucket-here/x")
        fails("NotFound", "s3://" .. bucket .. "/nothing", "s3://" .. bucket .. "/nothing",
            folder .. "/to")
        assert.is_nil(fs.stat(folder .. "/to"))
    end)
end)

store_lab.describe("copies between folders and SFTP", "sftp", function(at)
    describe("as any store's:", function()
        copies(function()
            local path = store_lab.folder()
            return string.format("sftp://%s@%s:%d%s", at.user, at.host, at.port, path),
                {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"}
        end)
    end)
end)

store_lab.describe("copies between folders and Azure", "azure", function(at)
    describe("as any store's:", function()
        copies(function()
            return "az://" .. store_lab.container(),
                {account = at.account, endpoint = at.endpoint, key = at.key}
        end)
    end)
end)

store_lab.describe("copies between S3 and Azure", "s3 azure", function(s3, azure)
    it("take a tree from one server to the other, and the MD5 of what is large", function()
        local s3_options = {endpoint = s3.endpoint, access_key = s3.access_key,
                            secret_key = s3.secret_key, region = s3.region}
        local azure_options = {endpoint = azure.endpoint, key = azure.key}
        local from <close> = must(store.open("s3://" .. store_lab.bucket(), s3_options))
        local to <close> = must(store.open("az://" .. store_lab.container(), azure_options))
        for name, content in pairs(FILES) do
            must(from:write(name, content))
        end
        local large = ("x"):rep(20 * MiB)
        must(from:write("large", large))
        assert.are.same({checksum = 7, size = 0}, must(store.copy(from, to)).verified)
        assert.are.equal(digest.md5(large), must(to:stat("large")).md5)
        assert.are.equal(7, must(store.copy(from, to)).skipped)
        assert.are.equal(7, must(store.copy(to, from)).skipped)
        must(from:write("a.txt", "TEXT")) -- as long as before
        assert.are.equal(1, must(store.copy(from, to)).copied)
        assert.are.equal("TEXT", to:read("a.txt"))
    end)
end)

store_lab.describe("copies between S3 and SFTP", "s3 sftp", function(s3, sftp)
    it("take a tree from one server to the other", function()
        local bucket = store_lab.bucket()
        local path, here = store_lab.folder()
        local s3_options = {endpoint = s3.endpoint, access_key = s3.access_key,
                            secret_key = s3.secret_key, region = s3.region}
        local sftp_options = {key_file = sftp.ed25519, known_hosts = sftp.known_hosts,
                              config = "none"}
        local from <close> = must(store.open("s3://" .. bucket, s3_options))
        for name, content in pairs(FILES) do
            must(from:write(name, content))
        end
        must(from:write("large", ("x"):rep(20 * MiB)))
        local to = string.format("sftp://%s@%s:%d%s", sftp.user, sftp.host, sftp.port, path)
        local summary = must(store.copy(from, to, {to = sftp_options}))
        assert.are.equal(7, summary.copied)
        assert.are.equal("text", fs.read(here .. "/a.txt"))
        assert.are.equal(7, must(store.copy(from, to, {to = sftp_options})).skipped)
        assert.are.equal(7, must(store.copy(to, from, {from = sftp_options})).skipped)
    end)
end)
