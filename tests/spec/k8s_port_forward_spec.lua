-- Ports of pods on ports of this machine, against a server that plays portforward step by step.
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor_binary = require("support.salvor")
local task = require("salvor.task")
local websocket = require("support.websocket")

local CLOSE = websocket.CLOSE

-- What a server sends first: on each channel the port, 80, in two bytes.
local DATA_PORT, ERROR_PORT = {"bytes", "8203005000"}, {"bytes", "8203015000"}

local server, client

setup(function()
    server = websocket.start()
    client = server:client()
end)

teardown(function()
    server:stop()
end)

--- What a local client of that port prints; see tests/support/tcp_client.py.
local function talk(port, ...)
    local result = must(proc.run({"python3", "tests/support/tcp_client.py", tostring(port), ...},
                                 {timeout = 120}))
    assert.are.equal("", result.stderr)
    return (result.stdout:gsub("\n$", ""))
end

local function assert_holds(text, part)
    assert(text:find(part, 1, true), "'" .. part .. "' is not in: " .. text)
end

local function play(script)
    script.protocol = "v4.channel.k8s.io"
    server:play(script)
end

--- A forward of port 80 while the server plays that, and the list of errors it told.
local function forward(script)
    local errors = {}
    play(script)
    local handle = must(client:port_forward("db-0", 80, {on_error = function(err)
        errors[#errors + 1] = err
    end}))
    return handle, errors
end

--- The first error, waited for.
local function await(errors)
    return eventually("an error that is told", function()
        return errors[1]
    end)
end

describe("a forwarded port", function()
    it("carries bytes both ways", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT, {"echo_all", 0}})
        assert.are.equal("127.0.0.1", handle.address)
        assert.are.same({[80] = handle.port}, handle.ports)
        assert.are.equal("same", talk(handle.port, "echo", tostring(1 << 22)))
        assert.are.same({}, errors)
    end)

    it("has a WebSocket for each connection, many at once", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT, {"echo_all", 0}})
        assert.are.equal("same", talk(handle.port, "echo", "65536", "40"))
        assert.are.equal(40, #server:upgrades())
        assert.are.same({}, errors)
        local request = server:upgrades()[1]
        assert.are.equal("/api/v1/namespaces/default/pods/db-0/portforward", request.path)
        assert.are.equal("ports=80", request.query)
        assert.are.equal("v4.channel.k8s.io", request.headers["sec-websocket-protocol"])
        assert.are.equal("Bearer secret-token", request.headers.authorization)
    end)

    it("may have frames cut anywhere", function()
        local handle <close> = forward({{"split", 1}, {"bytes", "8201008202" .. "0050" .. "820100"
                                                       .. "82020000" .. "820100"}, ERROR_PORT,
                                        {"send", 0, "hello"}, {"ping", "p"}, {"send", 7, "?"},
                                        {"send", 0, " world"}, CLOSE})
        assert.are.equal("hello world", talk(handle.port, "ask", "x"))
    end)

    it("ends with the pod's connection, after its last byte", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT, {"flood", 0, 512, 16384},
                                                CLOSE})
        local lines = {}
        for number = 0, 511 do
            lines[number + 1] = string.format("%015d\n", number):rep(1024)
        end
        local whole = table.concat(lines)
        assert.are.equal(#whole .. " " .. digest.sha256(whole), talk(handle.port, "read"))
        assert.are.same({}, errors)
    end)

    it("answers a client that has ended its side", function()
        local handle <close> = forward({DATA_PORT, ERROR_PORT, {"slow_read", 5, 0.2},
                                        {"send", 0, "answer"}, CLOSE})
        assert.are.equal("answer", talk(handle.port, "ask", "hello"))
    end)

    it("holds the pod up for a client that is slow", function()
        local handle <close> = forward({DATA_PORT, ERROR_PORT, {"flood", 0, 4096, 16384}, CLOSE})
        local folder = must(fs.temporary_folder())
        local reading = task.spawn(talk, handle.port, "read", fs.join(folder, "go"))
        server:await("step", function(steps)
            return steps[2]
        end)
        task.sleep(0.2) -- in which it would send the rest
        assert.are.equal(2, #server:log("step"))
        must(fs.write(fs.join(folder, "go"), ""))
        assert_holds(reading:join(), tostring(64 << 20))
        must(fs.remove_tree(folder))
    end)

    it("takes a client that is gone for no failure", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT, {"slow_read", 5, 0},
                                                {"flood", 0, 4096, 16384}, {"hang"}})
        talk(handle.port, "abort", "hello")
        server:await("end", function(ends)
            return ends[1]
        end)
        assert.are.same({}, errors)
    end)
end)

describe("a failure", function()
    it("of the pod's port resets the connection and is told", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT,
                                                {"send", 1, "dial tcp4: connection refused"},
                                                CLOSE})
        assert.are.equal("reset", talk(handle.port, "ask", "x"))
        local err = await(errors)
        assert.are.equal("Unreachable", err.code)
        assert.are.equal("k8s.port_forward", err.op)
        assert_holds(err.message, "port 80")
        assert_holds(err.message, "connection refused")
    end)

    it("to open is the server's Status", function()
        local handle <close>, errors = forward({status = 403, json = {
            kind = "Status", status = "Failure", code = 403, reason = "Forbidden", message = "no",
        }})
        assert.are.equal("reset", talk(handle.port, "ask", "x"))
        assert.are.equal("Forbidden", await(errors).code)
    end)

    it("of the connection is no regular end", function()
        local handle <close>, errors = forward({DATA_PORT, ERROR_PORT, {"send", 0, "half"},
                                                {"drop"}})
        assert.are.equal("reset", talk(handle.port, "read"))
        assert.are.equal("Disconnected", await(errors).code)
    end)

    it("is a server that means another port", function()
        local handle <close>, errors = forward({{"bytes", "8203005100"}, {"send", 0, "x"},
                                                {"hang"}})
        assert.are.equal("reset", talk(handle.port, "read"))
        assert.are.equal("Corrupt", await(errors).code)
    end)

    it("leaves other connections alone", function()
        local handle <close>, errors = forward({DATA_PORT, {"drop"}})
        assert.are.equal("reset", talk(handle.port, "read"))
        await(errors)
        play({DATA_PORT, ERROR_PORT, {"echo_all", 0}})
        assert.are.equal("same", talk(handle.port, "echo", "65536"))
    end)

    it("is logged when nobody is told", function()
        local folder = must(fs.temporary_folder())
        local script = fs.join(folder, "script.lua")
        play({status = 404, json = {kind = "Status", status = "Failure", code = 404,
                                           reason = "NotFound", message = "no such pod"}})
        must(fs.write(script, string.format([[
            local client = must(require("salvor.k8s").connect({kubeconfig = %q}))
            local handle <close> = must(client:port_forward("db-0", 80))
            must(require("salvor.proc").run({"python3", "tests/support/tcp_client.py",
                                             tostring(handle.port), "read"}))]],
            server:kubeconfig())))
        local result = salvor_binary.run({script}, {home = folder})
        assert.are.equal(0, result.code)
        assert_holds(result.stderr, "no such pod")
        must(fs.remove_tree(folder))
    end)
end)

describe("closing a forward", function()
    it("ends its connections and frees its port", function()
        local handle = forward({DATA_PORT, ERROR_PORT, {"hang"}})
        local reading = task.spawn(function()
            return talk(handle.port, "read")
        end)
        server:await("step", function(steps)
            return steps[2]
        end)
        handle:close()
        assert.are.equal("reset", reading:join())
        server:await("end", function(ends)
            return ends[1]
        end)
        local again <close> = must(client:port_forward("db-0", handle.port .. ":80"))
        assert.are.equal(handle.port, again.port)
        handle:close()
    end)

    it("of the client it came from leaves it without new connections", function()
        local own = server:client()
        play({DATA_PORT, ERROR_PORT, {"echo_all", 0}})
        local errors = {}
        local handle <close> = must(own:port_forward("db-0", 80, {on_error = function(err)
            errors[#errors + 1] = err
        end}))
        own._kube:close()
        assert.are.equal("reset", talk(handle.port, "read"))
        assert.are.equal("Closed", await(errors).code)
    end)
end)

describe("port_forward", function()
    it("takes ports as kubectl does, several at once", function()
        play({DATA_PORT, ERROR_PORT, {"hang"}})
        local handle <close> = must(client:port_forward("db-0", {80, ":81"}))
        assert.is_true(handle.ports[80] ~= handle.ports[81])
    end)

    it("names a local port that is taken", function()
        local first <close> = must(client:port_forward("db-0", 80))
        local second, err = client:port_forward("db-0", {":81", first.port .. ":80"})
        assert.is_nil(second)
        assert.are.equal("k8s.port_forward", err.op)
        assert_holds(err.message, "127.0.0.1:" .. first.port)
        assert_holds(err.hint, "another local port")
    end)

    it("wants a pod that runs", function()
        local pod = json.decode(json.encode(websocket.POD))
        pod.status.phase = "Pending"
        play({CLOSE, pod = pod})
        local handle, err = client:port_forward("db-0", 80)
        assert.is_nil(handle)
        assert.are.equal("Conflict", err.code)
        assert_holds(err.message, "phase Pending")
    end)

    it("refuses misuse", function()
        for _, ports in ipairs({0, 65536, "x", "1:2:3", ":0", {}, {80, "y"}, 1.5, true}) do
            assert.error_matches(function()
                client:port_forward("db-0", ports)
            end, "port")
        end
        assert.is_false(pcall(client.port_forward, client, "db-0"))
        assert.is_false(pcall(client.port_forward, client, "a/b", 80))
        assert.is_false(pcall(client.port_forward, client, "db-0", 80, {address = "0.0.0.0"}))
    end)
end)
