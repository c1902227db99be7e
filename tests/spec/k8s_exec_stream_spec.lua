-- What may come of the streams of a command: frames, ends, refusals, silence.
local fs = require("salvor.fs")
local json = require("salvor.json")
local kube = require("salvor.kube")
local limit = require("support.limit")
local task = require("salvor.task")
local websocket = require("support.websocket")

local SUCCESS, CLOSE, exit_status = websocket.SUCCESS, websocket.CLOSE, websocket.exit_status
local EXEC = "/api/v1/namespaces/default/pods/db-0/exec"

local assert_holds = websocket.assert_holds
local fixture = websocket.fixture()
local exec, failure = fixture.exec, fixture.failure
local server

setup(function()
    server = fixture.server
end)

describe("frames", function()
    it("may be cut anywhere", function()
        server:play({{"split", 1}, {"send", 1, ("x"):rep(300)}, {"ping", "p"}, {"send", 2, "y"},
                     exit_status(3), CLOSE})
        assert.are.same({code = 3, stdout = ("x"):rep(300), stderr = "y"}, must(exec()))
    end)

    it("may be parts of a message, with control frames between them", function()
        -- "\1he" not final, ping "p", "llo" not final, pong, "" final
        server:play({{"bytes", "0203016865" .. "890170" .. "00036c6c6f" .. "8a00" .. "8000"},
                     SUCCESS, CLOSE})
        assert.are.equal("hello", must(exec()).stdout)
        local pong = server:await("frame", function()
            return server:frames(10)[1]
        end)
        assert.are.equal("p", pong.text)
    end)

    it("may be empty, with and without a channel", function()
        server:play({{"send", 1, ""}, {"send", 2, ""}, {"send", 3, ""}, {"bytes", "8200"},
                     {"bytes", "0200" .. "00020141" .. "8000"}, SUCCESS, CLOSE})
        assert.are.same({code = 0, stdout = "A", stderr = ""}, must(exec()))
    end)

    it("that are empty, and many, leave others their turn", limit(function()
        server:play({{"empty", 1 << 22}, {"send", 1, "hello"}, SUCCESS, CLOSE})
        assert.are.equal("hello", must(exec()).stdout)
        server:play({{"empty", 1 << 40}})
        local result, err = task.timeout(0.5, exec)
        assert.is_nil(result)
        assert.are.equal("task.timeout", err.op)
    end))

    it("of an unknown channel are ignored", function()
        server:play({{"send", 9, "what?"}, {"send", 1, "hello"}, {"send", 255, "\1"}, SUCCESS,
                     CLOSE})
        assert.are.equal("hello", must(exec()).stdout)
    end)

    it("of an unknown channel without end are an error", function()
        local err = failure({{"flood", 9, 1100, 65536}, SUCCESS, CLOSE})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "floods a channel that does not exist")
    end)

    it("of text are an error", function()
        local err = failure({{"text", "hello"}, SUCCESS, CLOSE})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "text frame")
    end)

    it("that break the protocol are an error, and the server is told", function()
        local err = failure({{"bytes", "c100"}, {"hang"}})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "reserved bits")
        server:await("frame", function()
            return server:frames(8)[1]
        end)
        assert.are.equal("\3\xc3\xaa", server:frames(8)[1].text) -- 1002
    end)

    local function peak_memory()
        return tonumber(must(fs.read("/proc/self/status")):match("VmHWM:%s*(%d+) kB")) << 10
    end

    -- AddressSanitizer keeps what was freed.
    local keeps_memory = must(fs.read("/proc/self/maps")):find("libasan", 1, true)

    it("may be larger than memory should be", function()
        local size = 128 << 20
        local received, before = 0, peak_memory()
        server:play({{"huge", 1, size}, SUCCESS, CLOSE})
        must(exec({timeout = 30, on_stdout = function(chunk)
            received = received + #chunk
        end}))
        assert.are.equal(size, received)
        assert.is_truthy(keeps_memory or peak_memory() - before < 64 << 20)
    end)
end)

describe("the end", function()
    it("without a status is not success", function()
        for _, nothing in ipairs({{"send", 1, "almost"}, {"send", 3, ""},
                                   {"bytes", "020103" .. "8000"}}) do
            local err = failure({nothing, CLOSE})
            assert.are.equal("Disconnected", err.code)
            assert_holds(err.message, "exit status unknown")
        end
    end)

    it("by a broken connection is not success", function()
        local err = failure({{"send", 1, "almost"}, {"drop"}})
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "exit status unknown")
        assert_holds(err.message, "127.0.0.1:" .. server.port)
    end)

    it("inside a status is not success", function()
        local whole = SUCCESS[3]
        local size = string.format("%02x", #whole + 1)
        local half = "03" .. whole:sub(1, 10):gsub(".", function(byte)
            return string.format("%02x", byte:byte())
        end)
        for bytes, last in pairs({
            ["82" .. size .. half] = {"drop"}, -- inside a frame
            ["020b" .. half] = CLOSE, -- between the frames of a message
        }) do
            local err = failure({{"bytes", bytes}, last})
            assert.are.equal("Disconnected", err.code)
            assert_holds(err.message, "exit status unknown")
        end
    end)

    it("with another close code than 1000 is an error that says why", function()
        local err = failure({{"send", 1, "x"}, {"close", 1011, "out of luck"}})
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "code 1011: out of luck")
        err = failure({{"send", 1, "x"}, SUCCESS, {"bytes", "8800"}, {"hang"}})
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "without a reason")
    end)

    it("after the status, but without a goodbye, is an error", function()
        local err = failure({{"send", 1, "x"}, SUCCESS, {"drop"}})
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "output may be incomplete")
    end)

    it("with a failure that is no exit code is an error", function()
        local err = failure({{"send", 3, json.encode({status = "Failure", code = 500,
                                                      reason = "InternalError",
                                                      message = "no such program"})}, CLOSE})
        assert.are.equal("InternalError", err.code)
        assert.are.equal(500, err.status)
        assert.are.equal("no such program", err.message)
        -- What is said of an exit code does not make it one.
        err = failure({{"send", 3, json.encode({status = "Failure", reason = "InternalError",
            details = {causes = {{reason = "ExitCode", message = "2"}}}})}, CLOSE})
        assert.are.equal("InternalError", err.code)
    end)

    it("with a status that nobody can read is an error", function()
        for _, text in ipairs({"nonsense", "[]", "{}", '{"status":"Maybe"}',
                               '{"status":"Failure","reason":"NonZeroExitCode"}'}) do
            local err = failure({{"send", 3, text}, CLOSE})
            assert.are.equal("Corrupt", err.code)
            assert_holds(err.message, "exit status unknown")
        end
    end)

    it("with a status without end is an error", function()
        local err = failure({{"flood", 3, 40, 32768}, CLOSE})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "endless status")
    end)
end)

describe("a refusal", function()
    local function status(code, reason, message)
        return {kind = "Status", apiVersion = "v1", status = "Failure", code = code,
                reason = reason, message = message, details = {name = "db-0"}}
    end

    it("is the server's Status", function()
        local err = failure({status = 404, json = status(404, "NotFound", 'pods "x" not found')})
        assert.are.equal("NotFound", err.code)
        assert.are.equal(404, err.status)
        assert.are.equal('pods "x" not found', err.message)
        assert.are.equal("db-0", err.details.name)
        err = failure({status = 403, json = status(403, "Forbidden", "no"), chunked = true})
        assert.are.equal("Forbidden", err.code)
        assert.is_string(err.hint)
        err = failure({status = 401, json = status(401, "Unauthorized", "who?")})
        assert.are.equal("Unauthorized", err.code)
    end)

    it("that is no Status is given as it is, cut short", function()
        local err = failure({status = 500, body = "boom " .. ("x"):rep(100000)})
        assert.are.equal("InternalError", err.code)
        assert_holds(err.message, "boom xxx")
        assert.is_true(#err.message <= 2048)
    end)

    it("may be an answer that does not switch protocols", function()
        local err = failure({status = 200, body = "<html>log in</html>"})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "HTTP 200 instead of")
    end)

    it("is what answers another request", function()
        local err = failure({SUCCESS, CLOSE, accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="})
        assert.are.equal("Corrupt", err.code)
        assert_holds(err.message, "Sec-WebSocket-Accept")
    end)

    it("is a protocol that was not offered, or none", function()
        for _, protocol in ipairs({false, "channel.k8s.io", "v6.channel.k8s.io"}) do
            server:play({SUCCESS, CLOSE, protocol = protocol or ""})
            local result, err = exec()
            assert.is_nil(result)
            assert_holds(err.message, "protocol that was not offered")
        end
    end)
end)

-- Deadlines, by the mechanism, since a script's own are long.
describe("the heartbeat", function()
    local function open(opts)
        local handle = must(kube.connect({kubeconfig = server:kubeconfig()}))
        opts.path = EXEC
        return handle:remote(opts)
    end

    it("asks whether the server is there", limit(function()
        server:play({{"hang"}})
        local streams <close> = must(open({ping_interval = 0.02, read_timeout = 2}))
        local reader = task.spawn(function()
            return streams:read()
        end)
        task.sleep(2.5) -- answers keep it alive, longer than the read timeout
        assert.is_true(#server:frames(9) > 5)
        assert.are.equal("running", reader:status())
        reader:cancel()
    end))

    it("notices a server that answers no more", limit(function()
        server:play({{"hang"}, pong = false})
        local streams <close> = must(open({ping_interval = 0.02, read_timeout = 0.1}))
        local _, err = streams:read()
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "was silent for 0.1 s")
    end))

    it("does not blame the server for a reader that is slow", limit(function()
        server:play({{"flood", 1, 4096, 1024}, SUCCESS, CLOSE})
        local streams <close> = must(open({ping_interval = 0.02, read_timeout = 2}))
        task.sleep(2.5)
        local size = 0
        local chunk, err = streams:read()
        while chunk do
            size = size + #chunk
            chunk, err = streams:read()
        end
        assert.is_nil(err)
        assert.are.equal(4 << 20, size)
    end))

    it("gives up on a server that takes nothing", limit(function()
        server:play({{"slow_read", 1, 60}, deaf = true})
        local streams <close> = must(open({write_timeout = 0.2, ping_interval = 0.05}))
        local _, err = streams:write(("x"):rep(64 << 20))
        assert.are.equal("Disconnected", err.code)
        assert_holds(err.message, "took nothing for 0.2 s")
    end))

    it("gives up on an answer that does not come", limit(function()
        server:play({mute = true})
        local streams, err = open({open_timeout = 0.1})
        assert.is_nil(streams)
        assert.are.equal("Timeout", err.code)
        assert_holds(err.message, "no answer for 0.1 s")
    end))

    it("gives up at once when there is no time for an answer at all", limit(function()
        server:play({mute = true})
        for _ = 1, 5 do
            local streams, err = open({open_timeout = 1e-9})
            assert.is_nil(streams)
            assert.are.equal("Timeout", err.code)
            task.sleep(0)
        end
    end))
end)
