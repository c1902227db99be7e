--- Ports of a pod on ports of this machine.
local check = require("salvor.k8s.check")
local container = require("salvor.k8s.container")
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local forward = require("salvor.k8s.port_forward.forward")
local guard = require("salvor.guard")
local kube = require("salvor.kube")

local OP = "k8s.port_forward"
local SCRIPT = 3 -- from a check's error() to the script: the check and the method

-- Ports

local function as_port(text, lowest)
    local number = math.tointeger(tonumber(text, 10))
    return number and number >= lowest and number <= 65535 and number or nil
end

--- 5432, ":5432" (any local port) or "15432:5432", as kubectl takes them.
local function parse_port(port)
    if math.type(port) == "integer" then
        return 0, as_port(tostring(port), 1)
    elseif type(port) ~= "string" then
        return nil
    end
    local here, there = port:match("^(%d*):(%d+)$")
    if not here then
        return as_port(port, 1), as_port(port, 1)
    end
    return here == "" and 0 or as_port(here, 0), as_port(there, 1)
end

local function check_ports(ports)
    local list = type(ports) == "table" and ports or {ports}
    local parsed = {}
    for number, port in ipairs(list) do
        local here, there = parse_port(port)
        if not here or not there then
            error(string.format("%s: port must be 5432, \":5432\" or \"15432:5432\", got %s", OP,
                type(port) == "string" and "'" .. port .. "'" or tostring(port)), SCRIPT)
        end
        parsed[number] = {here = here, there = there}
    end
    if #parsed == 0 then
        error(OP .. ": a port or a list of ports expected", SCRIPT)
    end
    return parsed
end

-- Methods

local methods = {}

--- A listening port, for plan mode to wrap: op, namespace, name, remote_port, local_port, timeout.
function methods:_forward(request)
    local listener, err = self._kube:forward({
        path = string.format("/api/v1/namespaces/%s/pods/%s/portforward",
            kube.escape(request.namespace), kube.escape(request.name)),
        query = {ports = request.remote_port},
        remote_port = request.remote_port,
        local_port = request.local_port,
        timeout = request.timeout,
    })
    if not listener then
        err.op = request.op
    end
    return listener, err
end

local function require_running(pod)
    local phase = fields.text(pod, "status", "phase")
    if phase == "Running" then
        return true
    end
    return nil, fail({code = "Conflict", op = OP, message = string.format(
        "pod %s does not run (phase %s)", fields.text(pod, "metadata", "name") or "?",
        phase or "unknown"),
        hint = "wait for it: client:wait(\"pods\", name)"})
end

local function listen(client, name, ports, opts)
    local handle = forward.new(OP)
    for _, port in ipairs(ports) do
        local listener, err = client:_forward({
            op = OP,
            namespace = opts.namespace or client.namespace,
            name = name,
            remote_port = port.there,
            local_port = port.here,
            timeout = opts.timeout or client.timeout,
        })
        if not listener then
            handle:close()
            return nil, err
        end
        handle:_add(listener, port.there)
    end
    return handle
end

local port_forward_options = {namespace = "string", timeout = "number", on_error = "function",
                              read_only = "boolean"}

--- Nobody sees what will go through it.
local function allow(client, pod, opts)
    if opts.read_only then
        return true
    end
    return guard.check({op = OP, client = client, verb = "forward ports to",
                        target = "Pod " .. (opts.namespace or client.namespace) .. "/" .. pod})
end

function methods:port_forward(pod, ports, opts)
    opts = check.options(opts, port_forward_options, OP)
    check.name(pod, OP)
    ports = check_ports(ports)
    local allowed, refusal = allow(self, pod, opts)
    if not allowed then
        return nil, refusal
    end
    local found, err = container.pod(self, OP, pod, opts)
    if not found then
        return nil, err
    end
    local running, problem = require_running(found)
    if not running then
        return nil, problem
    end
    local handle, failure = listen(self, pod, ports, opts)
    if handle and opts.on_error then
        handle:_tell(opts.on_error)
    end
    return handle, failure
end

return methods
