--- Commands in containers: exec, attach and their open forms.
local check = require("salvor.k8s.check")
local container = require("salvor.k8s.container")
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local guard = require("salvor.guard")
local harmless = require("salvor.k8s.harmless")
local kube = require("salvor.kube")
local session = require("salvor.k8s.exec.session")
local task = require("salvor.task")

local OUTPUT_LIMIT = 64 << 20

-- Seconds; those of client-go, so that what keeps kubectl's streams alive keeps ours.
local OPEN_TIMEOUT = 30
local PING_INTERVAL = 5
local READ_TIMEOUT = 61
local WRITE_TIMEOUT = 60

local methods = {}

--- The streams of a pod, for plan mode to wrap: op, subresource (exec or attach), namespace, name,
--- query, timeout (of the connection). Returns the mechanism's streams.
function methods:_remote(remote)
    local streams, err = self._kube:remote({
        path = string.format("/api/v1/namespaces/%s/pods/%s/%s", kube.escape(remote.namespace),
            kube.escape(remote.name), remote.subresource),
        query = remote.query,
        timeout = remote.timeout,
        open_timeout = math.min(remote.timeout, OPEN_TIMEOUT),
        ping_interval = PING_INTERVAL,
        read_timeout = READ_TIMEOUT,
        write_timeout = WRITE_TIMEOUT,
    })
    if not streams then
        err.op = remote.op
    end
    return streams, err
end

-- Arguments

local open_options = {namespace = "string", container = "string", stdin = "boolean",
                      tty = "boolean", size = "table", timeout = "number", read_only = "boolean"}

local run_options = {namespace = "string", container = "string", stdin = true, tty = "boolean",
                     size = "table", timeout = "number", limit = "number",
                     on_stdout = "function", on_stderr = "function", read_only = "boolean"}

local exec_options = copy.merge(run_options, {sized = "boolean"})

local SCRIPT = 3 -- from a check's error() to the script: the check and the method

local function is_cells(value)
    return math.type(value) == "integer" and value >= 1 and value <= 65535
end

local function check_terminal(opts, op, script)
    if not opts.size then
        return
    elseif not opts.tty then
        error(op .. ": option 'size' is that of a terminal: it needs 'tty'", script or SCRIPT)
    elseif not is_cells(opts.size.width) or not is_cells(opts.size.height) then
        error(op .. ": option 'size' is {width=, height=} in characters", script or SCRIPT)
    end
end

local function check_run(opts, op)
    local stdin = opts.stdin
    if stdin ~= nil and type(stdin) ~= "string" and type(stdin) ~= "function" then
        error(string.format("%s: option 'stdin' must be a string or a function, got %s", op,
            type(stdin)), SCRIPT)
    end
    if opts.sized and type(stdin) ~= "string" then
        error(op .. ": option 'sized' needs standard input as a string", SCRIPT)
    end
    check_terminal(opts, op, SCRIPT + 1)
end

-- Opening

--- A command can change anything unless whoever calls says that it does not; what runs already
--- changes nothing by being listened to. command: as for _command().
local function allow(client, command)
    local opts, argv = command.opts, command.argv
    if opts.read_only or not argv and not opts.stdin then
        return true
    end
    return guard.check({
        op = command.op,
        client = client,
        verb = argv and "run in" or "attach to",
        target = "Pod " .. (opts.namespace or client.namespace) .. "/" .. command.pod
            .. (argv and ": " .. harmless(table.concat(argv, " ")) or ""),
    })
end

--- what: op, subresource, argv (of exec), stdin (whether there is any).
local function open(client, pod, what, opts)
    local deadline = task.now() + (opts.timeout or client.timeout)
    local chosen = opts.container
    if not chosen then
        local found, err = container.pod(client, what.op, pod, opts)
        if not found then
            return nil, err
        end
        chosen = container.default(found)
    end
    local streams, err = client:_remote({
        op = what.op,
        subresource = what.subresource,
        namespace = opts.namespace or client.namespace,
        name = pod,
        query = {
            command = what.argv,
            container = chosen,
            stdin = what.stdin or nil,
            stdout = true,
            stderr = not opts.tty or nil,
            tty = opts.tty or nil,
        },
        timeout = math.max(math.min(deadline - task.now(), client.timeout), 0.001),
    })
    if not streams then
        return nil, err
    end
    if opts.size then
        streams:resize(opts.size.width, opts.size.height)
    end
    return session.new(streams, what.op, chosen)
end

function methods:open_exec(pod, argv, opts)
    opts = check.options(opts, open_options, "k8s.open_exec")
    check.name(pod, "k8s.open_exec")
    check.command(argv, "k8s.open_exec")
    check_terminal(opts, "k8s.open_exec")
    local allowed, err = allow(self, {op = "k8s.open_exec", pod = pod, argv = argv, opts = opts})
    if not allowed then
        return nil, err
    end
    return self:_open_exec(pod, argv, opts)
end

--- The same for a transfer, which has been allowed as a whole.
function methods:_open_exec(pod, argv, opts)
    return open(self, pod, {op = "k8s.open_exec", subresource = "exec", argv = argv,
                            stdin = opts.stdin}, opts)
end

function methods:open_attach(pod, opts)
    opts = check.options(opts, open_options, "k8s.open_attach")
    check.name(pod, "k8s.open_attach")
    check_terminal(opts, "k8s.open_attach")
    local allowed, err = allow(self, {op = "k8s.open_attach", pod = pod, opts = opts})
    if not allowed then
        return nil, err
    end
    return open(self, pod, {op = "k8s.open_attach", subresource = "attach", stdin = opts.stdin},
        opts)
end

-- Running

--- Takes chunks of one output: hands them to `consumer`, or collects up to `limit` bytes.
local function taker(name, consumer, limit, op)
    local parts, size = {}, 0
    return function(chunk)
        if consumer then
            consumer(chunk)
            return nil
        end
        size = size + #chunk
        parts[#parts + 1] = chunk
        return size > limit and fail({code = "TooLarge", op = op, message = string.format(
            "%s is larger than %d bytes", name, limit)}) or nil
    end, parts
end

--- Both outputs, of which a function wants at least one; gives the rest as text.
local function hand_on(streams, opts, limit, op)
    local take_stdout, stdout = taker("stdout", opts.on_stdout, limit, op)
    local take_stderr, stderr = taker("stderr", opts.on_stderr, limit, op)
    local chunk, channel = streams:read()
    while chunk do
        local err = (channel == "stdout" and take_stdout or take_stderr)(chunk)
        if err then
            return nil, err
        end
        chunk, channel = streams:read()
    end
    if channel then
        return nil, channel
    end
    return table.concat(stdout), table.concat(stderr)
end

local function listen(streams, opts, op)
    local limit = opts.limit or OUTPUT_LIMIT
    local stdout, stderr
    if opts.on_stdout or opts.on_stderr then
        stdout, stderr = hand_on(streams, opts, limit, op)
    else
        stdout, stderr = streams:_collect(limit)
    end
    if not stdout then
        if stderr.code == "TooLarge" then
            stderr.hint = "take it as it comes (on_stdout, on_stderr), or raise 'limit'"
        end
        return nil, stderr
    end
    local result, err = streams:wait()
    if not result then
        return nil, err
    end
    result.stdout, result.stderr = stdout, stderr
    return result
end

--- Standard input. What fails here ends the streams, and who listens is told why.
local function feed(streams, stdin, op)
    local chunk = stdin
    if type(stdin) == "function" then
        chunk = stdin()
    end
    while chunk do
        if type(chunk) ~= "string" then
            error(op .. ": stdin gave a " .. type(chunk) .. " instead of a string", 0)
        elseif not streams:write(chunk) then
            return
        end
        chunk = type(stdin) == "function" and stdin() or nil
    end
    streams:close_stdin()
end

local function converse(streams, what, opts)
    if opts.stdin == nil then
        return listen(streams, opts, what.op)
    end
    return task.race({
        function()
            return listen(streams, opts, what.op)
        end,
        function()
            feed(streams, opts.stdin, what.op)
            task.sleep(math.huge) -- the command ends the race
        end,
    })
end

local function out_of_time(what, seconds, protocol)
    local hint = protocol and "it may still run: look at what it does, or raise timeout"
        or "its streams were not there in time: raise timeout"
    if what.stdin and protocol == "v4.channel.k8s.io" then
        hint = "this API server cannot end standard input: a command that reads to its end waits"
            .. " for ever; with sized=true the container's shell ends it"
    end
    return fail({code = "Timeout", op = what.op, hint = hint,
                 message = string.format("the command did not end within %g s", seconds)})
end

--- Opens, converses and closes, all within the call's time.
local function run(client, pod, what, opts)
    local seconds = opts.timeout or client.timeout
    local protocol
    local result, err = task.timeout(seconds, function()
        local streams <close>, problem = open(client, pod, what, opts)
        if not streams then
            return nil, problem
        end
        protocol = streams.protocol
        return converse(streams, what, opts)
    end)
    if not result and err.op == "task.timeout" then
        return nil, out_of_time(what, seconds, protocol)
    end
    return result, err
end

--- The command behind one that ends its input after so many bytes. The shell's own arguments carry
--- the size and the words, so none of them is ever read as shell.
local function sized(argv, stdin)
    return {"sh", "-c", 'head -c "$0" | "$@"', string.format("%d", #stdin), table.unpack(argv)}
end

--- A command from its beginning to its end, for plan mode to wrap: op, subresource (exec or
--- attach), namespace, pod, argv (of exec), opts.
function methods:_command(command)
    local opts, argv = command.opts, command.argv
    local allowed, err = allow(self, command)
    if not allowed then
        return nil, err
    end
    return run(self, command.pod, {op = command.op, subresource = command.subresource,
                                   argv = opts.sized and sized(argv, opts.stdin) or argv,
                                   stdin = opts.stdin ~= nil}, opts)
end

local function command(client, op, subresource, pod, argv, opts)
    return client:_command({op = op, subresource = subresource, pod = pod, argv = argv,
                            namespace = opts.namespace or client.namespace, opts = opts})
end

function methods:exec(pod, argv, opts)
    opts = check.options(opts, exec_options, "k8s.exec")
    check.name(pod, "k8s.exec")
    check.command(argv, "k8s.exec")
    check_run(opts, "k8s.exec")
    check.counts(opts, {limit = 0}, "k8s.exec")
    return command(self, "k8s.exec", "exec", pod, argv, opts)
end

function methods:attach(pod, opts)
    opts = check.options(opts, run_options, "k8s.attach")
    check.name(pod, "k8s.attach")
    check_run(opts, "k8s.attach")
    check.counts(opts, {limit = 0}, "k8s.attach")
    return command(self, "k8s.attach", "attach", pod, nil, opts)
end

return methods
