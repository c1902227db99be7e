---@meta _

--- Of a Kubernetes client (lua/meta/k8s.lua): what runs in a pod.

---@class k8s.Client
local client = {}

---@class k8s.LogsOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default (annotation
--- kubectl.kubernetes.io/default-container), else its first, which is then said as a warning.
---@field previous? boolean Of the container as it was before its last restart.
---@field since? number|string The last so many seconds, or from a time on: "2024-05-06T07:08:09Z".
---@field tail? integer The last so many lines.
---@field timestamps? boolean Each line begins with its time.
---@field limit_bytes? integer The server ends the log there.
---@field timeout? number Seconds.
---@field limit? integer Bytes; 64 MiB. A longer log is the error `TooLarge`.

--- The log of a container as it is now, byte for byte. Takes the right to get pods/log, and to get
--- the pod unless the container is given.
---@param pod string
---@param opts? k8s.LogsOptions
---@return string? text
---@return salvor.Error? err
function client:logs(pod, opts) end

---@class k8s.EachLogOptions
---@field namespace? string
---@field container? string As for logs.
---@field containers? string[] Several at once.
---@field all_containers? boolean All of the pod at once, init and ephemeral ones too.
---@field follow? boolean Go on until the container ends.
---@field previous? boolean
---@field since? number|string
---@field tail? integer
---@field timestamps? boolean
---@field limit_bytes? integer
---@field timeout? number Seconds, for all of it; `Timeout` is raised then. Without it a log that
--- is followed may be silent for ever, and another one for the client's timeout.

--- Iterates over the lines of a log; memory does not grow with it. Gives the line without its "\n"
--- (a "\r" before that stays), the container, and true when a line of more than 1 MiB goes on with
--- the next one, or was cut off by what is raised then.
---
--- A log that is followed ends with its container. When the connection to the server or the one
--- between server and node is lost, `Disconnected` is raised; the latter is told from the pod,
--- which takes the right to get it.
---
---     for line, container in c:each_log("db-0", {all_containers = true, follow = true}) do
---         print(container, line)
---     end
---@param pod string
---@param opts? k8s.EachLogOptions
---@return fun(): string?, string?, boolean?
function client:each_log(pod, opts) end

---@class k8s.DownloadOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default, else its first.
---@field replace? boolean A folder may take the place of what is there.
---@field limit? integer Bytes of all files together; 1 TiB.
---@field timeout? number Seconds for all of it; otherwise only a connection that is lost ends it.
---@field on_progress? fun(bytes: integer, entries: integer) Told up to ten times a second.

---@class k8s.Transfer
---@field bytes integer Of all files.
---@field entries integer Files, folders and links.
---@field skipped {name: string, reason: string}[] What was left out: devices, pipes and sockets,
--- and on the way from a container links that lead out of the folder.
---@field path string Where it is now.

--- Copies a file or folder from a container, whose image must have tar. Into a local folder that is
--- there it goes under its own name, otherwise it becomes `local_path`. A file takes the place of a
--- file; a folder is refused where there is one (`AlreadyExists`), unless it is to be replaced.
---
--- All or nothing: it grows under a temporary name beside its place, and takes that in one step
--- when the archive was whole and tar has succeeded. What the container sends is not trusted: an
--- entry that would be anywhere else (`..`, absolute names, through links) is `Corrupt`, naming it,
--- and nothing is kept. Modes are kept but for setuid, setgid and sticky; so are times, not owners.
---@param pod string
---@param remote_path string
---@param local_path string
---@param opts? k8s.DownloadOptions
---@return k8s.Transfer? done
---@return salvor.Error? err
function client:download(pod, remote_path, local_path, opts) end

---@class k8s.UploadOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default, else its first.
---@field replace? boolean It may take the place of a folder, or a folder that of anything.
---@field timeout? number Seconds for all of it; otherwise only a connection that is lost ends it.
---@field on_progress? fun(bytes: integer, entries: integer) Told up to ten times a second.

--- Copies a local file or folder to a container, whose image must have sh, tar, mv, and dd or head.
--- Where it goes, and that it is all or nothing, is as for download. Links are copied as links.
--- Files belong to whom commands in the container run as. What changes while it is read is an error
--- (`Conflict`).
---@param pod string
---@param local_path string
---@param remote_path string
---@param opts? k8s.UploadOptions
---@return k8s.Transfer? done
---@return salvor.Error? err
function client:upload(pod, local_path, remote_path, opts) end

---@class k8s.OpenExecOptions
---@field namespace? string
---@field container? string Otherwise the pod's default (annotation
--- kubectl.kubernetes.io/default-container), else its first.
---@field stdin? boolean There will be standard input.
---@field tty? boolean A terminal; standard error then comes with standard output.
---@field size? {width: integer, height: integer} Of the terminal, in characters.
---@field timeout? number Seconds until the streams are there.
---@field read_only? boolean As for `exec`.

---@class k8s.ExecOptions
---@field namespace? string
---@field container? string As for `open_exec`.
---@field stdin? string|fun(): string? Standard input, or a function that gives it in pieces, then
--- nil; it may wait.
---@field sized? boolean Of `exec` with a string as `stdin`: the command sees its end. API servers
--- before 1.30 cannot tell it, so the container's `sh` does, with `head -c`; both have to be there.
---@field tty? boolean
---@field size? {width: integer, height: integer}
---@field timeout? number Seconds for the whole call.
---@field limit? integer Bytes of each output that are collected; 64 MiB. Error `TooLarge` beyond.
---@field on_stdout? fun(chunk: string) Given the output as it comes, instead of collecting it. May
--- wait, which holds the command up.
---@field on_stderr? fun(chunk: string)
---@field read_only? boolean The command changes nothing: a procedure's plan, and a session that
--- only reads, run it too. What takes part without standard input changes nothing in any case.

---@class k8s.ExecResult
---@field code integer The exit code; 128 + n after signal n.
---@field stdout string "" when on_stdout was given it.
---@field stderr string

--- Runs a command in a container, by the WebSocket protocol of KEP 4006. An exit code other than 0
--- is no error of the call; without one nobody knows how the command ended, which is `Disconnected`
--- and never success. Ending the call early (timeout, cancellation, Ctrl-C) closes the streams; the
--- command itself ends only when it notices.
---
---     local result = must(c:exec("db-0", {"cat", "/etc/hostname"}))
---     print(result.code, result.stdout)
---
--- API servers older than 1.30 speak v4.channel.k8s.io, which cannot end standard input: there a
--- command that reads to the end of it runs into the timeout. Let it read a size it knows
--- ("head -c N"). Takes the right to `get` and (from 1.35 on) to `create` pods/exec, and to `get`
--- the pod unless the container is given.
---@param pod string
---@param argv string[] The program and its arguments; no shell is between.
---@param opts? k8s.ExecOptions
---@return k8s.ExecResult? result
---@return salvor.Error? err
function client:exec(pod, argv, opts) end

--- Starts a command and gives its streams.
---
---     local streams <close> = must(c:open_exec("db-0", {"tar", "cf", "-", "/data"}))
---     local chunk, channel = streams:read()
---     while chunk do
---         if channel == "stdout" then archive:write(chunk) end
---         chunk, channel = streams:read()
---     end
---     must(not channel, channel)
---     print(must(streams:wait()).code)
---@param pod string
---@param argv string[]
---@param opts? k8s.OpenExecOptions
---@return k8s.Session? streams
---@return salvor.Error? err
function client:open_exec(pod, argv, opts) end

--- The same for what runs in the container already: takes part in its streams until it ends. Takes
--- the rights to pods/attach that `exec` takes to pods/exec.
---@param pod string
---@param opts? k8s.ExecOptions
---@return k8s.ExecResult? result
---@return salvor.Error? err
function client:attach(pod, opts) end

--- The same as streams, as `open_exec` gives them.
---@param pod string
---@param opts? k8s.OpenExecOptions
---@return k8s.Session? streams
---@return salvor.Error? err
function client:open_attach(pod, opts) end

---@class k8s.PortForwardOptions
---@field namespace? string
---@field timeout? number Seconds to find the pod, and for each connection to the server.
---@field read_only? boolean Nothing is changed through it: a session that only reads allows it.
---@field on_error? fun(err: salvor.Error) Told of each connection that fails, by a task that lasts
--- until the forward is closed. Without it they are logged when it is closed.

--- Makes ports of a pod reachable on 127.0.0.1, over one WebSocket for each connection. A client
--- whose connection fails sees it reset. The protocol cannot end one direction alone: the pod does
--- not learn that a client has ended its side, and 30 s later without a byte the connection goes.
--- Takes the rights to pods/portforward that `exec` takes to pods/exec, and to get the pod.
---
---     local forward <close> = must(c:port_forward("db-0", 5432))
---     print(forward.address, forward.port)
---@param pod string
---@param ports integer|string|(integer|string)[] 5432 or ":5432" for any local port,
--- "15432:5432" for that one.
---@param opts? k8s.PortForwardOptions
---@return k8s.Forward? forward
---@return salvor.Error? err
function client:port_forward(pod, ports, opts) end

--- The streams of a command. One task may read while another writes.
---@class k8s.Session
---@field container string
---@field protocol "v5.channel.k8s.io"|"v4.channel.k8s.io" The latter cannot end standard input.
local session = {}

--- What the command wrote next, and where; nil alone at the end. What is not read is not sent.
---@return string? chunk
---@return "stdout"|"stderr"|salvor.Error|nil channel
function session:read() end

--- Sends to standard input, waiting for room; `Closed` when the command has ended.
---@param data string
---@return boolean? ok
---@return salvor.Error? err
function session:write(data) end

--- Ends standard input; `Invalid` with v4.channel.k8s.io.
---@return boolean? ok
---@return salvor.Error? err
function session:close_stdin() end

--- Tells the terminal's size in characters.
---@param width integer
---@param height integer
function session:resize(width, height) end

--- Waits for the end, dropping what nobody has read, and tells how it was.
---@return {code: integer}? result
---@return salvor.Error? err
function session:wait() end

--- Ends the streams at once.
function session:close() end

--- A forwarded port.
---@class k8s.Forward
---@field address string "127.0.0.1"
---@field port integer The local port; of several the first.
---@field ports table<integer, integer> Local ports by those of the pod.
local forward = {}

--- Ends all connections and frees the ports.
function forward:close() end
