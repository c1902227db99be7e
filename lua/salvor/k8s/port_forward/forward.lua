--- Forwarded ports: what port_forward gives.
local log = require("salvor.log")
local task = require("salvor.task")

local forward = {}
local methods = {}
local metatable = {__index = methods, __name = "k8s forward"}

--- Without a port yet; `op` is what its errors are of.
function forward.new(op)
    return setmetatable({address = "127.0.0.1", ports = {}, _listeners = {}, _op = op}, metatable)
end

--- `listener` is the mechanism's (client._kube:forward).
function methods:_add(listener, remote_port)
    self._listeners[#self._listeners + 1] = listener
    self.port = self.port or listener:port()
    self.ports[remote_port] = listener:port()
end

--- Tells `on_error` of every failure until the forward is closed.
function methods:_tell(on_error)
    for _, listener in ipairs(self._listeners) do
        task.spawn(function()
            local err = listener:next_failure()
            while err do
                err.op = self._op
                on_error(err)
                err = listener:next_failure()
            end
        end)
    end
end

--- Logs what nobody was told, so that it is not lost.
function methods:close()
    for _, listener in ipairs(self._listeners) do
        listener:close()
        local err = listener:failure()
        while err do
            err.op = self._op
            log.warning(tostring(err))
            err = listener:failure()
        end
    end
end

metatable.__close = methods.close

return forward
