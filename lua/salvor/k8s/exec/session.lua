--- The streams of a command that runs in a container: what open_exec and open_attach give.
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local harmless = require("salvor.k8s.harmless")
local json = require("salvor.json")
local salvor = require("salvor")

local text = fields.text

local session = {}
local methods = {}
local metatable = {__index = methods, __name = "k8s session"}

--- `streams` is the mechanism's (client._kube:remote).
function session.new(streams, op, container)
    return setmetatable({
        container = container,
        protocol = streams:protocol(),
        _streams = streams,
        _op = op,
    }, metatable)
end

function metatable.__close(self)
    self._streams:close()
end

function methods:close()
    self._streams:close()
end

--- Gives an error of the mechanism the name of the call it belongs to.
local function named(self, value, err)
    if value == nil and err then
        err.op = self._op
    end
    return value, err
end

function methods:read()
    return named(self, self._streams:read())
end

--- All of both outputs, as strings; nil and an error.
function methods:_collect(limit)
    return named(self, self._streams:collect(limit))
end

function methods:write(data)
    return named(self, self._streams:write(data))
end

function methods:close_stdin()
    return named(self, self._streams:close_stdin())
end

function methods:resize(width, height)
    self._streams:resize(width, height)
end

local function exit_code(status)
    for _, cause in ipairs(fields.items(status, "details", "causes")) do
        if cause.reason == "ExitCode" then
            return math.tointeger(tonumber(text(cause, "message")))
        end
    end
    return nil
end

--- How the command ended, by the Status that came at its end.
local function outcome(self, body)
    local status = json.decode(body)
    local failed = type(status) == "table" and status.status == "Failure"
    local code = failed and status.reason == "NonZeroExitCode" and exit_code(status)
    if code then
        return {code = code}
    elseif failed and status.reason ~= "NonZeroExitCode" then
        return nil, fail({
            code = text(status, "reason") or "Unknown",
            op = self._op,
            message = harmless(text(status, "message") or "the server could not run it"),
            status = fields.integer(status, "code"),
            details = status.details ~= salvor.null and status.details or nil,
        })
    elseif type(status) == "table" and status.status == "Success" then
        return {code = 0}
    end
    return nil, fail({
        code = "Corrupt",
        op = self._op,
        message = "exit status unknown: the server sent " .. harmless(body:sub(1, 200)),
    })
end

function methods:wait()
    local chunk, err
    repeat
        chunk, err = self:read()
    until not chunk
    if err then
        return nil, err
    end
    return outcome(self, self._streams:status())
end

return session
