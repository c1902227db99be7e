-- Downloads and uploads against a scripted server, which breaks them as a spec wishes;
-- k8s_files_node_spec.lua copies to and from real containers.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local limit = require("support.limit")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")
local websocket = require("support.websocket")

describe("files of containers", function()
    local server, client, folder, target

    setup(function()
        server = websocket.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        folder = must(fs.temporary_folder())
        target = fs.join(folder, "copy")
        client = server:client({timeout = 30})
    end)
    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local STATUS = '{"metadata":{},"status":"%s","message":"%s","reason":"%s","details":{%s}}'

    local function exit_status(code)
        return {"send", 3, STATUS:format("Failure", "command terminated", "NonZeroExitCode",
            '"causes":[{"reason":"ExitCode","message":"' .. code .. '"}]')}
    end

    local function failure(message)
        return {"send", 3, STATUS:format("Failure", message, "InternalError", "")}
    end

    --- The archive that `script` makes as `archive` in an empty folder.
    local function archive(script)
        local made = must(fs.temporary_folder())
        local result = must(proc.run({"sh", "-ec", script}, {cwd = made}))
        assert.are.same({0, ""}, {result.code, result.stderr})
        local data = must(fs.read(fs.join(made, "archive")))
        must(fs.remove_tree(made))
        return data
    end

    local GOOD = archive("mkdir top; echo one > top/one; ln -s one top/two; tar -cf archive top")

    local function hex(data)
        return (data:gsub(".", function(byte)
            return string.format("%02x", byte:byte())
        end))
    end

    --- A step that sends bytes on the channel of standard output.
    local function output(data)
        assert(#data < 65536)
        local length = #data + 1
        local header = length < 126 and string.pack(">BB", 0x82, length)
            or string.pack(">BBI2", 0x82, 126, length)
        return {"bytes", hex(header .. "\1" .. data)}
    end

    local function is_empty()
        return #must(fs.list(folder)) == 0
    end

    --- The words of the command that the client had the server run.
    local function command()
        local words = {}
        for word in server:upgrades()[1].query:gmatch("command=([^&]*)") do
            words[#words + 1] = word:gsub("%%(%x%x)", function(digits)
                return string.char(tonumber(digits, 16))
            end)
        end
        return words
    end

    describe("that are downloaded", function()
        it("are those of the archive that tar sends", limit(function()
            server:play({output(GOOD), websocket.SUCCESS, websocket.CLOSE})
            local done = must(client:download("db-0", "/srv/data/top/", target))
            assert.are.same({bytes = 4, entries = 3, skipped = {}, path = target}, done)
            assert.are.same({one = "one\n", two = "-> one"}, salvor.tree(target))
            assert.are.same({"tar", "-cf", "-", "-C", "/srv/data/", "--", "top"}, command())
        end))

        it("may come in any pieces", limit(function()
            server:play({{"split", 700}, output(GOOD), websocket.SUCCESS, websocket.CLOSE})
            must(client:download("db-0", "top", target))
            assert.are.same({"tar", "-cf", "-", "-C", ".", "--", "top"}, command())
        end))

        it("go into a folder that is there", limit(function()
            must(fs.mkdir(target))
            server:play({output(GOOD), websocket.SUCCESS, websocket.CLOSE})
            local done = must(client:download("db-0", "top", target))
            assert.are.equal(fs.join(target, "top"), done.path)
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("AlreadyExists", err.code)
            assert.are.equal("k8s.download", err.op)
            assert.are.equal(1, #server:upgrades())
        end))

        it("tell how far they are", limit(function()
            server:play({output(GOOD), websocket.SUCCESS, websocket.CLOSE})
            local last
            must(client:download("db-0", "top", target, {on_progress = function(bytes, entries)
                last = {bytes, entries}
            end}))
            assert.are.same({4, 3}, last)
        end))

        for what, script in pairs({
            ["'..'"] = "mkdir top; echo e > evil; tar -cPf archive --transform "
                .. "'s,evil,top/../evil,' top evil",
            ["absolute"] = "mkdir top; echo e > evil; tar -cPf archive --transform "
                .. "'s,^evil,/tmp/evil,' top evil",
            ["not part"] = "mkdir top; echo e > evil; tar -cf archive top evil",
            ["below what is no folder"] = "mkdir -p top/real x/top/link; ln -s real top/link; "
                .. "echo e > x/top/link/evil; tar -cf archive top; "
                .. "tar -rf archive -C x top/link/evil",
            ["symbolic link to '/etc'"] = "ln -s /etc top; tar -cf archive top",
            ["control characters"] = "mkdir top; echo > \"top/$(printf 'a\\033b')\"; "
                .. "tar -cf archive top",
        }) do
            it("are refused, and nothing is kept: " .. what, limit(function()
                server:play({output(archive(script)), websocket.SUCCESS, websocket.CLOSE})
                local done, err = client:download("db-0", "top", target)
                assert.is_nil(done)
                assert.truthy(err.message:find(what, 1, true), err.message)
                assert.is_true(is_empty())
            end))
        end

        it("of more than the limit are refused", limit(function()
            server:play({output(GOOD), websocket.SUCCESS, websocket.CLOSE})
            local _, err = client:download("db-0", "top", target, {limit = 3})
            assert.are.equal("TooLarge", err.code)
            assert.is_true(is_empty())
        end))

        it("are an error when the connection is lost", limit(function()
            server:play({output(GOOD:sub(1, 2000)), {"drop"}})
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("Disconnected", err.code)
            assert.are.equal("k8s.download", err.op)
            assert.is_true(is_empty())
        end))

        it("are an error when nobody says how tar has ended", limit(function()
            server:play({output(GOOD), websocket.CLOSE})
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("Disconnected", err.code)
            assert.is_true(is_empty())
        end))

        it("are an error when tar has failed, although the archive is whole", limit(function()
            server:play({output(GOOD), {"send", 2, "tar: top/x: Permission denied\n"},
                         exit_status(2), websocket.CLOSE})
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("Forbidden", err.code)
            assert.truthy(err.message:find("top/x: Permission denied", 1, true))
            assert.is_true(is_empty())
        end))

        it("are an error when the archive is cut, though tar says all is well", limit(function()
            server:play({output(GOOD:sub(1, 1536)), websocket.SUCCESS, websocket.CLOSE})
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("Corrupt", err.code)
            assert.is_true(is_empty())
        end))

        it("leave what was there as it was when they fail", limit(function()
            must(fs.write(target, "old"))
            server:play({output(GOOD), {"drop"}})
            assert.is_nil((client:download("db-0", "top", target)))
            assert.are.same({copy = "old"}, salvor.tree(folder))
        end))

        it("need tar in the image, which the error says", limit(function()
            server:play({failure('failed: exec: \\"tar\\": executable file not found in $PATH'),
                         websocket.CLOSE})
            local _, err = client:download("db-0", "top", target)
            assert.are.equal("NotFound", err.code)
            assert.are.equal("there is no tar in the container's image", err.message)
            server:play({exit_status(127), websocket.CLOSE})
            _, err = client:download("db-0", "top", target)
            assert.truthy(err.hint:find("tar", 1, true))
        end))

        it("end after the timeout", limit(function()
            server:play({output(GOOD), {"hang"}})
            local _, err = client:download("db-0", "top", target, {timeout = 0.3})
            assert.are.equal("Timeout", err.code)
            assert.are.equal("k8s.download", err.op)
            assert.is_true(is_empty())
        end))

        it("end at once when the task is cancelled", limit(function()
            server:play({output(GOOD), {"hang"}})
            local child = task.spawn(function()
                client:download("db-0", "top", target)
            end)
            eventually("the beginning of a file", function()
                return not is_empty()
            end)
            cancel(child)
            assert.is_true(is_empty())
        end))
    end)

    it("are not left in halves by Ctrl-C", limit(function()
        server:play({output(GOOD), {"hang"}})
        local script = fs.join(folder, "script.lua")
        must(fs.write(script, string.format([[
            local client = must(require("salvor.k8s").connect({kubeconfig = %q}))
            client:download("db-0", "top", %q)]], server:kubeconfig(), target)))
        local result = must(proc.run({"sh", "-c", [[
            "$1" "$2" & pid=$!
            while ! ls -A "$3" | grep -q tmp; do sleep 0.01; done
            kill -INT $pid
            wait $pid
            echo $?
        ]], "sh", salvor.path, script, folder}, {timeout = 60}))
        assert.are.equal("130\n", result.stdout)
        must(fs.remove(script))
        assert.is_true(is_empty())
    end))

    describe("that are uploaded", function()
        local source

        before_each(function()
            source = fs.join(folder, "source")
            must(fs.mkdir(source))
            must(fs.write(fs.join(source, "one"), ("1"):rep(100000)))
        end)

        --- A script after all of the archive was read, as the client has to say how much it is.
        local function after_all(...)
            return {{"echo", 0}, {"slow_read", 100000, 0}, ...}
        end

        it("are an archive whose size is told, and end with the pod's word", limit(function()
            server:play(after_all({"send", 1, "done /srv/source\n"}, websocket.SUCCESS,
                websocket.CLOSE))
            local done = must(client:upload("db-0", source, "/srv/"))
            assert.are.same({bytes = 100000, entries = 2, skipped = {}, path = "/srv/source"}, done)
            local words = command()
            assert.are.same({"sh", "-c"}, {words[1], words[2]})
            -- Two headers, the contents in whole blocks, the marker, the end.
            assert.are.same({tostring(512 + 512 + 100352 + 512 + 1024), "/srv", "source"},
                {words[5], words[6], words[7]})
        end))

        it("are an error without that word", limit(function()
            server:play(after_all(websocket.SUCCESS, websocket.CLOSE))
            local _, err = client:upload("db-0", source, "/srv")
            assert.are.equal("Failed", err.code)
        end))

        it("are an error without a status", limit(function()
            server:play(after_all({"send", 1, "done /srv/source\n"}, websocket.CLOSE))
            local _, err = client:upload("db-0", source, "/srv")
            assert.are.equal("Disconnected", err.code)
            assert.are.equal("k8s.upload", err.op)
        end))

        it("end when the command has failed, however much is left to send", limit(function()
            must(fs.truncate(fs.join(source, "one"), 0))
            must(proc.run({"truncate", "-s", "1G", fs.join(source, "one")}))
            server:play({{"send", 2, "tar: x: No space left on device\n"},
                         {"send", 1, "failed 1 \n"}, {"hang"}})
            local _, err = client:upload("db-0", source, "/srv")
            assert.are.equal("NoSpace", err.code)
        end))

        it("do not replace a folder unasked", limit(function()
            server:play({{"send", 1, "failed 81 /srv/source\n"}, {"hang"}})
            local _, err = client:upload("db-0", source, "/srv")
            assert.are.equal("AlreadyExists", err.code)
            assert.truthy(err.message:find("/srv/source", 1, true))
        end))

        it("are an error when the connection is lost", limit(function()
            server:play({{"slow_read", 1000, 0}, {"drop"}})
            local _, err = client:upload("db-0", source, "/srv")
            assert.are.equal("Disconnected", err.code)
        end))

        it("that are not there are an error before anything is sent", limit(function()
            server:play({{"hang"}})
            local _, err = client:upload("db-0", fs.join(folder, "none"), "/srv")
            assert.are.equal("NotFound", err.code)
            assert.are.equal("k8s.upload", err.op)
            assert.are.same({}, server:upgrades())
        end))

        it("end after the timeout", limit(function()
            server:play({{"hang"}})
            local _, err = client:upload("db-0", source, "/srv", {timeout = 0.3})
            assert.are.equal("Timeout", err.code)
        end))
    end)

    it("of wrong arguments raise and name them", limit(function()
        local function message(fn, ...)
            return tostring(select(2, pcall(fn, client, ...)))
        end
        for _, case in ipairs({
            {"remote_path", client.download, "a", "", "b"},
            {"local_path", client.download, "a", "b", nil},
            {"'..'", client.download, "a", "..", "b"},
            {"local_path", client.upload, "a", "b\0c", "d"},
            {"remote_path", client.upload, "a", "b", 1},
            {"name of an object", client.upload, "a/b", "b", "c"},
            {"'limit'", client.upload, "a", "b", "c", {limit = 1}},
        }) do
            local text = message(table.unpack(case, 2, 6))
            assert.truthy(text:find(case[1], 1, true), case[1] .. " in " .. text)
        end
    end))
end)
