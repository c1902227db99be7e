--- A WebSocket server that does what a spec tells it to: tests/support/websocket_server.py.
local eventually = require("support.eventually")
local json = require("salvor.json")
local python_server = require("support.python_server")
local salvor = require("salvor")

local websocket = {}
local server = python_server.class()

local POD = {
    kind = "Pod", apiVersion = "v1",
    metadata = {name = "db-0", namespace = "default"},
    spec = {containers = {{name = "first"}, {name = "second"}}},
    status = {phase = "Running"},
}

websocket.SUCCESS = {"send", 3, '{"metadata":{},"status":"Success"}'}
websocket.CLOSE = {"close", 1000}

--- What a command that ends with that code leaves on channel 3.
function websocket.exit_status(code)
    return {"send", 3, json.encode({metadata = {}, status = "Failure",
                                    message = "command terminated with non-zero exit code",
                                    reason = "NonZeroExitCode",
                                    details = {causes = {{reason = "ExitCode",
                                                          message = tostring(code)}}}})}
end

function websocket.start()
    return python_server.start(server, "websocket_server.py")
end

--- From now on connections go like this; what was logged so far is forgotten.
function server:play(script)
    local all = {pod = POD, protocol = "v5.channel.k8s.io"}
    for key, value in pairs(script) do
        all[key] = value
    end
    if #script > 0 then
        all.steps = salvor.list({})
        for number, step in ipairs(script) do
            all.steps[number], all[number] = step, nil
        end
    end
    self.plays = (self.plays or 0) + 1
    all.log = "log-" .. self.plays
    self:put("script.json", json.encode(all))
end

--- What was logged of that kind: "request", "frame", "end".
function server:log(kind)
    return self:entries("log-" .. self.plays, function(entry)
        return entry.kind == kind
    end)
end

--- Frames of the client with that opcode.
function server:frames(opcode)
    local result = {}
    for _, frame in ipairs(self:log("frame")) do
        if frame.opcode == opcode then
            result[#result + 1] = frame
        end
    end
    return result
end

--- Waits until `check` gives something for the log of that kind.
function server:await(kind, check)
    return eventually("a log entry " .. kind, function()
        return check(self:log(kind))
    end)
end

--- The requests to upgrade.
function server:upgrades()
    local result = {}
    for _, request in ipairs(self:log("request")) do
        if request.headers.upgrade then
            result[#result + 1] = request
        end
    end
    return result
end

--- The path of a kubeconfig for it; `user` and `cluster` as there, `cluster` further fields.
function server:kubeconfig(user, cluster)
    local all = {server = "https://127.0.0.1:" .. self.port, ["certificate-authority"] = "ca.crt"}
    for key, value in pairs(cluster or {}) do
        all[key] = value
    end
    return self:put_kubeconfig(all, user)
end

websocket.POD = POD

--- The error that an exec() gave, which holds no secret; raises when it gave none.
function websocket.failure(result, err)
    if result ~= nil or err.op ~= "k8s.exec" or tostring(err):find("secret-token", 1, true) then
        error("an error of k8s.exec without secrets expected, got " .. tostring(err), 2)
    end
    return err
end

--- Raises, showing the text, unless it holds the part as it stands.
function websocket.assert_holds(text, part)
    if not text:find(part, 1, true) then
        error("'" .. part .. "' is not in: " .. text, 2)
    end
end

--- A server for all tests of a file: `server`, `client` (once a setup has run), exec(opts) of one
--- command in POD, and failure(script, opts), the error of exec() while the server plays that.
function websocket.fixture()
    local busted = require("busted")
    local fixture = {}
    busted.setup(function()
        fixture.server = websocket.start()
        fixture.client = fixture.server:client({timeout = 60})
    end)
    busted.teardown(function()
        fixture.server:stop()
    end)

    function fixture.exec(opts)
        return fixture.client:exec("db-0", {"sh", "-c", "true"}, opts)
    end

    function fixture.failure(script, opts)
        fixture.server:play(script)
        return websocket.failure(fixture.exec(opts))
    end

    return fixture
end

return websocket
