-- Commands in containers, against a server that plays exec and attach step by step.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local k8s_client = require("salvor.procedure.client")
local limit = require("support.limit")
local proc = require("salvor.proc")
local proxy = require("support.proxy")
local salvor_binary = require("support.salvor")
local task = require("salvor.task")
local websocket = require("support.websocket")

local SUCCESS, CLOSE, exit_status = websocket.SUCCESS, websocket.CLOSE, websocket.exit_status
local V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
local EXEC = "/api/v1/namespaces/default/pods/db-0/exec"

local assert_holds = websocket.assert_holds
local fixture = websocket.fixture()
local exec, failure = fixture.exec, fixture.failure
local server, client

setup(function()
    server, client = fixture.server, fixture.client
end)

describe("exec", function()
    it("gives what the command wrote and its exit code", function()
        server:play({{"send", 1, "hello "}, {"send", 2, "oops"}, {"send", 1, "world"}, SUCCESS,
                     CLOSE})
        assert.are.same({code = 0, stdout = "hello world", stderr = "oops"}, must(exec()))
    end)

    it("takes no status of a strange shape for an exit code", function()
        for _, status in ipairs({
            '{"status":"Failure","reason":"NonZeroExitCode","details":7}',
            '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[7,{"reason":7}]}}',
            '{"status":"Failure","reason":{},"message":7,"code":"x","details":null}',
            '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":'
                .. '"ExitCode","message":{}}]}}',
        }) do
            local err = failure({{"send", 3, status}, CLOSE})
            assert.is_truthy(err.code == "Corrupt" or err.code == "Unknown")
        end
    end)

    it("takes another exit code for a result, not for an error", function()
        server:play({{"send", 2, "oops"}, exit_status(42), CLOSE})
        assert.are.same({code = 42, stdout = "", stderr = "oops"}, must(exec()))
    end)

    it("looks for the exit code among all causes", function()
        server:play({{"send", 3, json.encode({status = "Failure", reason = "NonZeroExitCode",
            details = {causes = {{reason = "Other", message = "7"},
                                 {reason = "ExitCode", message = "2"}}}})}, CLOSE})
        assert.are.equal(2, must(exec()).code)
    end)

    it("asks for the command word by word, offering v5 and v4", function()
        server:play({SUCCESS, CLOSE})
        must(client:exec("db-0", {"echo", "a b", "&=%"}, {container = "second", stdin = ""}))
        local request = server:upgrades()[1]
        assert.are.equal(EXEC, request.path)
        assert_holds("&" .. request.query, "&command=echo&command=a%20b&command=%26%3D%25")
        for _, part in ipairs({"container=second", "stdin=true", "stdout=true", "stderr=true"}) do
            assert_holds(request.query, part)
        end
        assert.is_nil(request.query:find("tty", 1, true))
        assert.are.equal(V5 .. ", " .. V4, request.headers["sec-websocket-protocol"])
        assert.are.equal("13", request.headers["sec-websocket-version"])
        assert.are.equal("127.0.0.1:" .. server.port, request.headers.host)
    end)

    it("says who we are by the Authorization header", function()
        server:play({SUCCESS, CLOSE})
        must(exec())
        assert.are.equal("Bearer secret-token", server:upgrades()[1].headers.authorization)
    end)

    it("says it with a plugin's token, and as whom we act", function()
        local own = must(k8s.connect({kubeconfig = server:kubeconfig({
            as = "somebody else",
            exec = {
                apiVersion = "client.authentication.k8s.io/v1",
                interactiveMode = "Never",
                command = "echo",
                args = {json.encode({apiVersion = "client.authentication.k8s.io/v1",
                                     kind = "ExecCredential", status = {token = "printed"}})},
            },
        }, {["tls-server-name"] = "scripted.example"})}))
        server:play({SUCCESS, CLOSE})
        -- Without a look at the pod the plugin runs for the stream.
        must(own:exec("db-0", {"true"}, {container = "first"}))
        local headers = server:upgrades()[1].headers
        assert.are.equal("Bearer printed", headers.authorization)
        assert.are.equal("somebody else", headers["impersonate-user"])
        assert.are.equal("127.0.0.1:" .. server.port, headers.host)
    end)

    for _, kind in ipairs({"http", "socks5"}) do
        it("goes through a proxy of " .. kind, function()
            local through = proxy.start(kind, server.folder)
            finally(function()
                through:stop()
            end)
            local own = must(k8s.connect({
                kubeconfig = server:kubeconfig(nil, {["proxy-url"] = through.url}),
            }))
            server:play({{"send", 1, "hello"}, SUCCESS, CLOSE})
            assert.are.equal("hello", must(own:exec("db-0", {"true"}, {container = "x"})).stdout)
            assert.are.equal(1, #through:requests())
        end)
    end

    it("uses a new key for each connection", function()
        server:play({SUCCESS, CLOSE})
        must(exec())
        must(exec())
        local requests = server:upgrades()
        assert.are.equal(24, #requests[1].headers["sec-websocket-key"])
        assert.are_not.equal(requests[1].headers["sec-websocket-key"],
            requests[2].headers["sec-websocket-key"])
    end)

    it("gives a terminal one output, and its size", function()
        server:play({SUCCESS, {"slow_read", 1, 0}, CLOSE})
        must(exec({tty = true, size = {width = 80, height = 24}, stdin = "x"}))
        local query = server:upgrades()[1].query
        assert_holds(query, "tty=true")
        assert.is_nil(query:find("stderr", 1, true))
        assert.are.equal('\4{"Width":80,"Height":24}', server:frames(2)[1].text)
    end)

    it("sends masked binary frames, and says goodbye", function()
        server:play({SUCCESS, {"eof"}, CLOSE})
        must(exec({stdin = "some input"}))
        assert.are.equal("\0some input", server:frames(2)[1].text)
        assert.are.equal("\xc3\xbf\0", (server:frames(2)[2].text:gsub("\xff", "\xc3\xbf")))
        server:await("frame", function()
            return server:frames(8)[1]
        end)
        assert.are.equal("\3\xc3\xa8", server:frames(8)[1].text) -- 1000
        for _, frame in ipairs(server:log("frame")) do
            assert.is_true(frame.masked)
            assert.is_true(frame.final)
        end
    end)

    it("refuses misuse", function()
        for _, arguments in ipairs({
            {nil, {"ls"}}, {"", {"ls"}}, {"a/b", {"ls"}}, {"p", "ls -l"}, {"p", {}}, {"p", {1}},
            {"p", {"ls"}, {stdin = 1}}, {"p", {"ls"}, {sized = true}},
            {"p", {"ls"}, {unknown = 1}}, {"p", {"ls"}, {limit = "1"}},
            {"p", {"ls"}, {size = {width = 1, height = 1}}},
            {"p", {"ls"}, {tty = true, size = {width = 0, height = 1}}},
        }) do
            assert.is_false(pcall(client.exec, client, table.unpack(arguments, 1, 3)))
        end
    end)
end)

describe("the container", function()
    local function asked_for(pod)
        server:play({SUCCESS, CLOSE, pod = pod})
        must(exec())
        return server:upgrades()[1].query:match("container=([^&]*)")
    end

    local function pod(annotation)
        local copy = json.decode(json.encode(websocket.POD))
        copy.metadata.annotations = {["kubectl.kubernetes.io/default-container"] = annotation}
        return copy
    end

    it("is the first one unless the pod names a default", function()
        assert.are.equal("first", asked_for(websocket.POD))
        assert.are.equal("second", asked_for(pod("second")))
        assert.are.equal("first", asked_for(pod("none of them")))
    end)

    it("takes no look at the pod when it is given", function()
        server:play({SUCCESS, CLOSE})
        must(exec({container = "second"}))
        assert.are.equal(1, #server:log("request"))
    end)

    it("of a pod that has ended is not asked", function()
        local ended = pod()
        ended.status.phase = "Succeeded"
        local err = failure({SUCCESS, CLOSE, pod = ended})
        assert.are.equal("Conflict", err.code)
        assert_holds(err.message, "has ended")
        assert_holds(err.hint, "name a pod that runs")
        assert.are.same({}, server:upgrades())
    end)
end)

describe("standard input", function()
    local DATA = {}
    for number = 1, 1 << 18 do
        DATA[number] = string.format("%15d\n", number)
    end
    local INPUT = table.concat(DATA) -- 4 MiB, more than all buffers on the way

    it("is sent whole and ended", function()
        server:play({{"echo", #INPUT}, {"eof"}, SUCCESS, CLOSE})
        assert.is_true(must(exec({stdin = INPUT})).stdout == INPUT)
    end)

    it("may be empty", function()
        server:play({{"eof"}, SUCCESS, CLOSE})
        assert.are.equal(0, must(exec({stdin = ""})).code)
    end)

    it("may come from a function, which may wait", function()
        local number = 0
        server:play({{"echo", 6}, {"eof"}, SUCCESS, CLOSE})
        local result = must(exec({stdin = function()
            number = number + 1
            task.sleep(0.01)
            return number <= 3 and "a" .. number or nil
        end}))
        assert.are.equal("a1a2a3", result.stdout)
    end)

    it("of a function that fails ends the command", function()
        server:play({{"hang"}})
        local ok, err = pcall(exec, {stdin = function()
            error("no more", 0)
        end})
        assert.is_false(ok)
        assert.are.equal("no more", err)
        server:await("end", function(ends)
            return ends[1]
        end)
    end)

    it("that the command does not read to its end is no error", function()
        server:play({{"slow_read", 1, 0}, SUCCESS, CLOSE})
        assert.are.equal(0, must(exec({stdin = function()
            return ("x"):rep(100000)
        end})).code)
    end)

    it("cannot be ended with v4, so a command that waits for that is given up", function()
        server:play({{"echo", 5}, {"eof"}, SUCCESS, CLOSE, protocol = V4})
        local result, err = exec({stdin = "hello", timeout = 1.5})
        assert.is_nil(result)
        assert.are.equal("Timeout", err.code)
        assert_holds(err.hint, "cannot end standard input")
        for _, frame in ipairs(server:frames(2)) do
            assert.are.equal("\0hello", frame.text)
        end
    end)

    it("of a known size works with v4", function()
        server:play({{"echo", 5}, SUCCESS, CLOSE, protocol = V4})
        assert.are.equal("hello", must(exec({stdin = "hello"})).stdout)
    end)
end)

describe("output", function()
    it("above the limit is an error that names it", function()
        local err = failure({{"flood", 1, 10, 1024}, SUCCESS, CLOSE}, {limit = 10000})
        assert.are.equal("TooLarge", err.code)
        assert_holds(err.message, "stdout is larger than 10000 bytes")
        server:play({{"flood", 1, 10, 1024}, {"flood", 2, 10, 1024}, SUCCESS, CLOSE})
        assert.are.equal(10240, #must(exec({limit = 10240})).stderr)
        err = failure({{"send", 1, "x"}, {"flood", 2, 10, 1024}, SUCCESS, CLOSE},
            {limit = 10000, on_stdout = function() end})
        assert.are.equal("TooLarge", err.code)
        assert_holds(err.message, "stderr is larger than 10000 bytes")
    end)

    it("goes to functions, in order and whole", function()
        local out, err = {}, {}
        server:play({{"flood", 1, 500, 8192}, {"send", 2, "oops"}, SUCCESS, CLOSE})
        local result = must(exec({
            on_stdout = function(chunk) out[#out + 1] = chunk end,
            on_stderr = function(chunk) err[#err + 1] = chunk end,
            limit = 0,
        }))
        assert.are.same({code = 0, stdout = "", stderr = ""}, result)
        assert.are.equal("oops", table.concat(err))
        local expected = {}
        for number = 0, 499 do
            expected[number + 1] = (string.format("%015d\n", number)):rep(512)
        end
        assert.is_true(table.concat(out) == table.concat(expected))
    end)

    it("is held up while a function waits", function()
        local flooded
        server:play({{"flood", 1, 4096, 16384}, SUCCESS, CLOSE})
        local size = 0
        must(exec({timeout = 30, on_stdout = function(chunk)
            if size == 0 then
                task.sleep(0.3)
                flooded = #server:log("step") > 0
            end
            size = size + #chunk
        end}))
        assert.is_false(flooded)
        assert.are.equal(64 << 20, size)
    end)

    it("goes to a function whose error ends the command", function()
        server:play({{"send", 1, "x"}, {"hang"}})
        assert.are.same({false, "enough"}, {pcall(exec, {on_stdout = function()
            error("enough", 0)
        end})})
        server:await("end", function(ends)
            return ends[1]
        end)
    end)
end)

describe("a time limit", function()
    it("ends the command, with a goodbye", function()
        local err = failure({{"hang"}}, {timeout = 1.5})
        assert.are.equal("Timeout", err.code)
        assert_holds(err.message, "1.5 s")
        assert_holds(err.hint, "may still run")
        server:await("end", function(ends)
            return ends[1]
        end)
        assert.are.equal(1, #server:frames(8))
    end)

    it("counts for the answer to the request", function()
        local err = failure({mute = true}, {timeout = 1.5})
        assert.are.equal("Timeout", err.code)
        assert.is_string(err.hint) -- the request's own limit or the call's, whichever ends first
        server:await("end", function(ends)
            return ends[1]
        end)
    end)
end)

describe("a cancelled task", function()
    it("ends the command", function()
        server:play({{"hang"}})
        local running = task.spawn(exec)
        server:await("request", function()
            return server:upgrades()[1]
        end)
        running:cancel()
        server:await("end", function(ends)
            return ends[1]
        end)
        assert.are.equal("cancelled", running:status())
    end)

    it("ends it by Ctrl-C at once", function()
        local folder = must(fs.temporary_folder())
        local script, pid_file = fs.join(folder, "script.lua"), fs.join(folder, "pid")
        must(fs.write(script, string.format([[
            local client = must(require("salvor.k8s").connect({kubeconfig = %q}))
            must(require("salvor.fs").write(%q, tostring(require("salvor.proc").pid())))
            must(client:exec("db-0", {"sleep", "1000"}, {timeout = 1000, stdin = "x"}))]],
            server:kubeconfig(), pid_file)))
        server:play({{"hang"}})
        local running = task.spawn(function()
            return salvor_binary.run({script}, {home = folder})
        end)
        server:await("frame", function(sent)
            return sent[1]
        end)
        must(proc.run({"kill", "-INT", must(fs.read(pid_file))}))
        server:await("end", function(ends)
            return ends[1]
        end)
        assert.are.equal(2, running:join().signal)
        must(fs.remove_tree(folder))
    end)
end)

describe("a handle", function()
    it("reads and writes at once, and says how the command ended", limit(function()
        server:play({{"echo", 1 << 21}, {"eof"}, exit_status(5), CLOSE})
        local streams <close> = must(client:open_exec("db-0", {"cat"}, {stdin = true}))
        assert.are.equal(V5, streams.protocol)
        assert.are.equal("first", streams.container)
        local sent, received = ("0123456789abcdef"):rep(1 << 17), {}
        task.all({
            function()
                must(streams:write(sent))
                must(streams:close_stdin())
            end,
            function()
                local chunk, channel = streams:read()
                while chunk do
                    assert.are.equal("stdout", channel)
                    received[#received + 1] = chunk
                    chunk, channel = streams:read()
                end
                assert.is_nil(channel)
            end,
        })
        assert.is_true(table.concat(received) == sent)
        assert.are.same({code = 5}, must(streams:wait()))
        assert.are.same({code = 5}, must(streams:wait()))
    end))

    it("tells the size of its terminal", limit(function()
        server:play({{"hang"}})
        local streams <close> = must(client:open_exec("db-0", {"sh"}, {tty = true, stdin = true}))
        streams:resize(120, 40)
        server:await("frame", function(sent)
            return sent[1]
        end)
        assert.are.equal('\4{"Width":120,"Height":40}', server:frames(2)[1].text)
        assert.is_false(pcall(streams.resize, streams, 0, 1))
    end))

    it("says that v4 cannot end standard input", limit(function()
        server:play({{"hang"}, protocol = V4})
        local streams <close> = must(client:open_exec("db-0", {"sh"}, {stdin = true}))
        local ok, err = streams:close_stdin()
        assert.is_nil(ok)
        assert.are.equal("k8s.open_exec", err.op)
        assert_holds(err.message, V4)
    end))

    it("gives its error to who reads and to who writes", limit(function()
        server:play({{"drop"}})
        local streams <close> = must(client:open_exec("db-0", {"sh"}, {stdin = true}))
        local _, err = streams:wait()
        assert.are.equal("Disconnected", err.code)
        _, err = streams:write("x")
        assert.are.equal("Disconnected", err.code)
    end))

    it("cannot be used by two readers, nor once it is closed", limit(function()
        server:play({{"hang"}})
        local streams = must(client:open_exec("db-0", {"sh"}))
        local reader = task.spawn(function()
            return streams:read()
        end)
        task.sleep(0)
        assert.error_matches(function()
            streams:read()
        end, "another task reads")
        streams:close()
        local _, err = reader:join()
        assert.are.equal("Closed", err.code)
        assert.error_matches(function()
            streams:write("x")
        end, "closed")
        streams:close()
    end))
end)

describe("attach", function()
    it("is to what runs already", function()
        server:play({{"send", 1, "running"}, {"echo", 2}, SUCCESS, CLOSE})
        local result = must(client:attach("db-0", {stdin = "hi"}))
        assert.are.equal("runninghi", result.stdout)
        local request = server:upgrades()[1]
        assert.are.equal("/api/v1/namespaces/default/pods/db-0/attach", request.path)
        assert.is_nil(request.query:find("command", 1, true))
        server:play({{"hang"}})
        local streams <close> = must(client:open_attach("db-0"))
        assert.are.equal("first", streams.container)
    end)
end)

describe("a procedure", function()
    it("opens no streams, which no plan shows and no journal repeats", function()
        local wrapped = k8s_client.wrap(client, {performer = {planning = false}, run = "x"})
        server:play({SUCCESS, CLOSE})
        for _, call in ipairs({
            function() wrapped:open_exec("db-0", {"true"}) end,
            function() wrapped:port_forward("db-0", 80) end,
        }) do
            local ok, err = pcall(call)
            assert.is_false(ok)
            assert.are.equal("InvalidScript", err.code)
        end
        assert.are.same({}, server:upgrades())
    end)
end)
