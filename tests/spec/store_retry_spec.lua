-- What is tried again, how often and when; and that bytes which arrive wrong are never kept. A back
-- end that fails on demand is a folder with a fault put before one of its methods.
local block = require("salvor.block")
local copy = require("salvor.store.copy")
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local folder_module = require("salvor.store.folder.open")
local fs = require("salvor.fs")
local retry = require("salvor.store.retry")
local salvor = require("support.salvor")
local task = require("salvor.task")

local MiB = 1 << 20

describe("what a store's back end could not do", function()
    local folder, slept, sleep

    before_each(function()
        folder = must(fs.temporary_folder())
        slept, sleep = {}, task.sleep
        task.sleep = function(seconds)
            slept[#slept + 1] = seconds
        end
    end)

    after_each(function()
        task.sleep = sleep
        must(fs.remove_tree(folder))
    end)

    --- A folder whose `method` fails `times` times with this error before it works.
    local function failing(name, method, times, code, fields)
        must(fs.mkdir(fs.join(folder, name), {parents = true}))
        local backend = must(folder_module.open({host = "", path = fs.join(folder, name),
                                                 bare = true}, {}))
        local calls = {n = 0}
        if method then
            local original = backend[method]
            backend[method] = function(...)
                calls.n = calls.n + 1
                if calls.n <= times then
                    local copied = {url = backend.url}
                    for key, value in pairs(fields or {}) do
                        copied[key] = value
                    end
                    return errors.fail(code, copied)
                end
                return original(...)
            end
        end
        return backend, calls
    end

    local function write(backend, options)
        local piece <close> = must(block.new(10))
        piece:set("content")
        return backend:write("file", piece, options or {})
    end

    it("is done again after a pause that grows", function()
        local backend, calls = failing("store", "write", 3, "Disconnected")
        must(write(retry.wrap(backend, 5)))
        assert.are.equal(4, calls.n)
        assert.are.equal(3, #slept)
        for index, seconds in ipairs(slept) do
            local most = 0.5 * 2 ^ (index - 1)
            assert.is_true(seconds >= most / 2 and seconds <= most, seconds)
        end
        assert.are.equal("content", fs.read(folder .. "/store/file"))
        write(retry.wrap(failing("other", "write", 100, "Disconnected"), 12))
        assert.are.equal(15, #slept)
        assert.is_true(slept[15] >= 15 and slept[15] <= 30, slept[15])
    end)

    it("is given up after as many times as were said, with the last error", function()
        local backend, calls = failing("store", "write", 100, "SlowDown", {status = 503,
                                                                           request_id = "1F"})
        local item, err = write(retry.wrap(backend, 2))
        assert.is_nil(item)
        assert.are.equal(3, calls.n)
        salvor.expect(tostring(err), folder .. "/store: the server asks for fewer requests",
            "(HTTP 503, request 1F)")
        backend, calls = failing("store2", "write", 100, "SlowDown")
        write(retry.wrap(backend, 0))
        assert.are.equal(1, calls.n)
    end)

    it("waits as long as the server says, within reason", function()
        local backend = failing("store", "stat", 1, "SlowDown", {retry_after = 7})
        write(backend)
        must(retry.wrap(backend, 5):stat("file"))
        assert.are.same({7}, slept)
        local other, calls = failing("store2", "stat", 1, "SlowDown", {retry_after = 100000})
        assert.is_nil((retry.wrap(other, 5):stat("file")))
        assert.are.equal(1, calls.n)
    end)

    it("is not done again when it cannot succeed", function()
        for _, code in ipairs({"NotFound", "Forbidden", "Invalid", "Corrupt", "NoSpace"}) do
            local backend, calls = failing("store", "read", 1, code)
            assert.is_nil((retry.wrap(backend, 5):read("file", nil, {})))
            assert.are.equal(1, calls.n)
        end
        assert.are.equal(0, #slept)
    end)

    it("is not done again when its own first attempt may be in the way", function()
        local backend, calls, item, err
        for _, code in ipairs({"Disconnected", "Timeout"}) do
            backend, calls = failing("store", "write", 1, code)
            item, err = write(retry.wrap(backend, 5), {if_absent = true})
            assert.is_nil(item)
            assert.are.equal(code, err.code)
            assert.are.equal(1, calls.n)
        end
        backend, calls = failing("store", "write", 1, "SlowDown")
        must(write(retry.wrap(backend, 5), {if_absent = true}))
        assert.are.equal(2, calls.n)
        -- Nor when that was a later one.
        backend, calls = failing("other", "write", 1, "SlowDown")
        local fail_once = backend.write
        backend.write = function(...)
            local written, problem = fail_once(...)
            if written then
                return errors.fail("Disconnected", {url = backend.url})
            end
            return written, problem
        end
        item, err = write(retry.wrap(backend, 5), {if_absent = true})
        assert.is_nil(item)
        assert.are.equal("Disconnected", err.code)
        assert.are.equal(2, calls.n)
    end)

    it("covers the parts of an upload", function()
        local backend = failing("store", "begin", 1, "Timeout")
        local begin = backend.begin
        local parts = 0
        backend.begin = function(...)
            local upload, err = begin(...)
            if upload then
                local part = upload.part
                upload.part = function(...)
                    parts = parts + 1
                    if parts == 1 then
                        return errors.fail("Disconnected", {url = backend.url})
                    end
                    return part(...)
                end
            end
            return upload, err
        end
        local piece <close> = must(block.new(10))
        piece:set("content")
        local upload <close> = must(retry.wrap(backend, 5):begin("file", 7, {}))
        must(upload:part(1, piece))
        must(upload:finish())
        assert.are.equal(2, #slept)
        assert.are.equal("content", fs.read(folder .. "/store/file"))
    end)

    --- A copy between two back ends as they are.
    local function run_copy(source, target, fields)
        local all = {source = source, target = target, workers = 4, skip = "checksum"}
        for name, value in pairs(fields or {}) do
            all[name] = value
        end
        return copy(all)
    end

    --- A folder that knows the MD5 of its files, and hands out `damage` first, that many times.
    local function damaging(name, text, times)
        local backend = failing(name)
        must(fs.write(folder .. "/" .. name .. "/file", text))
        local md5, reads, list = digest.md5(text), 0, backend.list
        local function tell(item)
            item.md5 = md5
            return item
        end
        backend.list = function(...)
            local page, err = list(...)
            for _, item in ipairs(page and page.items or {}) do
                tell(item)
            end
            return page, err
        end
        local stat, read = backend.stat, backend.read
        backend.stat = function(...)
            return tell(must(stat(...)))
        end
        backend.read = function(self, path, piece, options)
            local item, err = read(self, path, piece, options)
            reads = reads + 1
            if item and reads <= times then
                piece:set(("?"):rep(#piece))
            end
            return item and tell(item), err
        end
        return backend
    end

    it("reads a small object again whose bytes are not those that the source meant", function()
        local source, target = damaging("from", "content", 1), failing("to")
        local summary = must(run_copy(source, target))
        assert.are.equal(1, summary.copied)
        assert.are.equal(1, summary.verified.checksum)
        assert.are.equal("content", fs.read(folder .. "/to/file"))
    end)

    it("never keeps bytes that are not those that the source meant", function()
        for _, size in ipairs({7, 3 * MiB, 20 * MiB}) do
            must(fs.remove_tree(folder))
            must(fs.mkdir(folder))
            local source, target = damaging("from", ("x"):rep(size), 1000), failing("to")
            must(fs.write(folder .. "/to/file", "old"))
            local summary = must(run_copy(source, target))
            assert.are.equal(1, summary.failures)
            salvor.expect(tostring(summary.failed[1].err), folder .. "/from/file is damaged",
                "its MD5 is ", "(Corrupt)")
            assert.are.same({file = "old"}, salvor.tree(folder .. "/to"))
            assert.are.equal(1, #must(fs.list(folder .. "/to")))
        end
    end)

    --- What comes of an object whose reads are what `change(piece, options)` leaves of them.
    local function copy_changed(size, change)
        must(fs.remove_tree(folder))
        must(fs.mkdir(folder))
        local source, target = damaging("from", ("x"):rep(size), 0), failing("to")
        local read = source.read
        source.read = function(self, path, piece, options)
            local item, err = read(self, path, piece, options)
            if item then
                local problem = change(piece, options)
                if problem then
                    return errors.fail(problem, {url = "the part"})
                end
            end
            return item, err
        end
        local summary = must(task.timeout(20, function()
            return run_copy(source, target)
        end))
        assert.are.equal(1, summary.failures)
        assert.are.same({}, must(fs.list(folder .. "/to")))
        return summary.failed[1].err
    end

    it("is no object that has become shorter", function()
        local function shorten(piece)
            piece:set(piece:text(1))
        end
        salvor.expect(tostring(copy_changed(7, shorten)), "/from/file was changed meanwhile",
            "6 of 7 bytes came")
        salvor.expect(tostring(copy_changed(20 * MiB, shorten)),
            "/from/file was changed meanwhile", "it has become shorter")
    end)

    it("is not waited for by the parts that come after it", function()
        local err = copy_changed(40 * MiB, function(_, options)
            if options.offset == 0 then
                sleep(0.2)
                return "Forbidden"
            end
        end)
        salvor.expect(tostring(err), "the part: permission denied")
    end)

    it("ends an object when one of its parts is not taken, and nothing of it is kept", function()
        local source, target = failing("from"), failing("to")
        must(fs.write(folder .. "/from/file", ("x"):rep(40 * MiB)))
        local begin = target.begin
        target.begin = function(...)
            local upload = must(begin(...))
            local part = upload.part
            upload.part = function(self, index, piece)
                if index == 2 then
                    return errors.fail("Forbidden", {url = "the second part"})
                end
                return part(self, index, piece)
            end
            return upload
        end
        local summary = must(task.timeout(20, function()
            return run_copy(source, target)
        end))
        assert.are.equal(1, summary.failures)
        salvor.expect(tostring(summary.failed[1].err), "the second part: permission denied")
        assert.are.same({}, must(fs.list(folder .. "/to")))
    end)

    it("keeps what has arrived of an object for another run where that may do better", function()
        for _, code in ipairs({"Disconnected", "Unauthorized"}) do
            local source, target = failing("from"), failing("to" .. code)
            must(fs.write(folder .. "/from/file", ("x"):rep(40 * MiB)))
            local begin = target.begin
            target.begin = function(...)
                local upload = must(begin(...))
                local part, parts = upload.part, 0
                upload.part = function(...)
                    parts = parts + 1
                    if parts > 2 then
                        return errors.fail(code, {url = "the part"})
                    end
                    return part(...)
                end
                return upload
            end
            local failed, err = run_copy(source, target)
            assert.are.equal(code, (err or failed.failed[1].err).code)
            assert.are.equal(1, #must(fs.list(folder .. "/to" .. code)))
            target.begin = begin
            local summary = must(run_copy(source, target))
            assert.are.equal(1, summary.copied)
            assert.is_true(summary.resumed >= 2 * 8 * MiB)
        end
    end)

    it("counts when it was to be removed", function()
        local source, target = failing("from"), failing("to")
        must(fs.write(folder .. "/from/file", "x"))
        must(fs.write(folder .. "/to/other", "x"))
        target.remove = function(_, paths)
            local _, err = errors.fail("Forbidden", {url = "the other"})
            return {n = 0, failed = {{path = paths[1], err = err}}}
        end
        local summary = must(run_copy(source, target, {delete = true}))
        assert.are.equal(1, summary.copied)
        assert.are.equal(0, summary.removed)
        assert.are.equal(1, summary.failures)
        assert.are.equal("other", summary.failed[1].path)
        assert.are.equal("Forbidden", summary.failed[1].err.code)
    end)

    it("compares by the checksum that one side knows", function()
        local source, target = damaging("from", "content", 0), failing("to")
        must(fs.write(folder .. "/to/file", "content"))
        assert.are.equal(1, must(run_copy(source, target)).skipped)
        must(fs.write(folder .. "/to/file", "CONTENT"))
        assert.are.equal(1, must(run_copy(source, target)).copied)
        assert.are.equal("content", fs.read(folder .. "/to/file"))
        must(fs.write(folder .. "/to/file", "CONTENT"))
        assert.are.equal(1, must(run_copy(target, source)).copied)
    end)

    it("finds out what a disk has made of the bytes when it is to read them back", function()
        for _, size in ipairs({7, 20 * MiB}) do
            local source, target = failing("from" .. size), failing("to" .. size)
            must(fs.write(folder .. "/from" .. size .. "/file", ("x"):rep(size)))
            assert.are.equal(1, must(run_copy(source, target, {reads_back = true})).copied)
            local read = target.read
            target.read = function(self, path, piece, options)
                local item, err = read(self, path, piece, options)
                piece:set(("?"):rep(#piece))
                return item, err
            end
            local summary = must(run_copy(source, target, {reads_back = true, skip = false}))
            assert.are.equal(1, summary.failures)
            salvor.expect(tostring(summary.failed[1].err), "/file is damaged",
                "its content is not what was sent")
            assert.are.same({}, salvor.tree(folder .. "/to" .. size))
        end
    end)

    it("is not begun with a name that the destination would take for another one", function()
        local source, target = failing("from"), failing("to")
        must(fs.write(folder .. "/from/bad", "x"))
        must(fs.write(folder .. "/from/good", "y"))
        target.features.refuses = function(path)
            return path == "bad" and "it is too bad" or nil
        end
        local summary = must(run_copy(source, target))
        assert.are.equal(1, summary.failures)
        salvor.expect(tostring(summary.failed[1].err),
            folder .. "/to/bad is not valid: it is too bad", "the name cannot be one there")
        assert.are.same({good = "y"}, salvor.tree(folder .. "/to"))
    end)

    it("is taken for nothing where nobody may ask what is there", function()
        local source, target = failing("from"), failing("to", "stat", 1, "Forbidden")
        must(fs.write(folder .. "/from/file", "x"))
        local one = {item = must(source:stat("file")), from_name = "file", to_name = "file"}
        assert.are.equal(1, must(run_copy(source, target, one)).copied)
        target = failing("other", "stat", 1, "Unauthorized")
        local summary, err = run_copy(source, target, one)
        assert.is_nil(summary)
        assert.are.equal("Unauthorized", err.code)
    end)

    it("ends a whole copy when no other object could arrive", function()
        local source = failing("from")
        for number = 1, 50 do
            must(fs.write(folder .. "/from/" .. number, "x"))
        end
        for _, code in ipairs({"Unreachable", "NoSpace", "Unauthorized", "Untrusted"}) do
            local target, calls = failing("to", "write", 1000, code)
            local summary, err = run_copy(source, target)
            assert.is_nil(summary)
            assert.are.equal(code, err.code)
            assert.is_true(calls.n <= 4)
        end
    end)
end)
