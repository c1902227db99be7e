--- Files and folders to and from containers, as tar archives over exec.
---
--- Both directions are all or nothing: what arrives grows under a temporary name beside its place,
--- and takes the place when the archive is whole and the command in the container has succeeded.
local check = require("salvor.k8s.check")
local fail = require("salvor.error").new
local fs = require("salvor.fs")
local task = require("salvor.task")
local transfers = require("salvor.transfer")

local STDERR_LIMIT = 4096 -- of what a command says, the end is kept
local PROGRESS_PAUSE = 0.1 -- seconds between two reports
local LIMIT = 1 << 40 -- bytes of a download

local methods = {}

-- What they share

local SCRIPT = 3 -- from a check's error() to the script: the check and the method

local function check_path(path, what, op)
    if type(path) ~= "string" or path == "" or path:find("\0", 1, true) then
        error(string.format("%s: %s must be a path, got %s", op, what,
            type(path) == "string" and "an empty one or a zero byte" or type(path)), SCRIPT)
    end
end

--- The folder of a path in a container, and the name there: "." of the root, and of "folder/.".
local function split(path, op)
    local trimmed = path:gsub("/+$", "")
    if trimmed == "" then
        return "/", "."
    end
    local folder, name = trimmed:match("^(.*/)([^/]*)$")
    folder, name = folder or ".", name or trimmed
    if name == ".." then
        error(string.format("%s: '%s' does not end in the name of a file or folder", op, path),
            SCRIPT)
    end
    return folder, name
end

local function named(err, op)
    err.op = op
    return nil, err
end

--- The end of what a command has written to its standard error.
local function collector()
    local text = ""
    return function(chunk)
        text = (text .. (chunk or "")):sub(-STDERR_LIMIT)
        return text
    end
end

local NEEDS = "files are copied by tar in the container's image, uploads by sh, mv, dd or head too"

--- What went wrong in a container, by the exit code of the command and what it said.
local function failure(op, code, said, what)
    said = said:gsub("%s+$", ""):gsub("[%c]+", "; ")
    local err = {code = "Failed", op = op, message = string.format("%s: %s", what,
        said ~= "" and said or "exit code " .. code)}
    if code == 126 or code == 127 then
        err.hint = NEEDS
    elseif said:find("No such file", 1, true) then
        err.code = "NotFound"
    elseif said:find("Permission denied", 1, true) then
        err.code = "Forbidden"
    elseif said:find("No space left", 1, true) then
        err.code = "NoSpace"
    end
    return nil, fail(err)
end

--- An exec that failed. The server has no word of its own for a program that is not there.
local function not_run(op, err)
    local missing = err.message:match('exec: "([^"]+)": executable file not found')
        or err.message:match('exec: "([^"]+)": stat .*: no such file')
    if not missing then
        return named(err, op)
    end
    return nil, fail({code = "NotFound", op = op, cause = err, hint = NEEDS,
                      message = "there is no " .. missing .. " in the container's image"})
end

--- Tells how far a transfer is, not more often than somebody can read.
local function reporter(handle, on_progress)
    local due = 0
    return function(is_last)
        if on_progress and (is_last or task.now() >= due) then
            due = task.now() + PROGRESS_PAUSE
            on_progress(handle:progress())
        end
    end
end

--- Within `seconds`, when there are any.
local function within(seconds, op, work)
    if not seconds then
        return work()
    end
    local result, err = task.timeout(seconds, work)
    if not result and err.op == "task.timeout" then
        return nil, fail({code = "Timeout", op = op, retryable = true,
                          message = string.format("not done within %g s", seconds)})
    end
    return result, err
end

--- A download or upload, for plan mode to wrap: op, pod, namespace, remote_path, local_path,
--- timeout, perform (function(client): does it).
function methods:_transfer(transfer)
    return within(transfer.timeout, transfer.op, function()
        return transfer.perform(self)
    end)
end

-- From a container

local download_options = {namespace = "string", container = "string", replace = "boolean",
                          limit = "number", timeout = "number", on_progress = "function"}

--- Where a download goes: into a folder that is there, under its own name, or to `path` itself.
local function place(path, name)
    local status = fs.stat(path)
    if not status or status.type ~= "folder" then
        return path
    elseif name ~= "." then
        return fs.join(path, name)
    end
    return nil, fail({code = "AlreadyExists", op = "k8s.download",
                      message = path .. " is there already",
                      hint = "what is copied has no name of its own: choose a new one for it"})
end

--- Moves the command's output into the transfer; its exit code and what it said.
local function receive(streams, unpacking, report)
    local errors = collector()
    while true do
        local chunk, channel = streams:read()
        if not chunk and channel then
            return nil, channel
        elseif not chunk then
            break
        elseif channel == "stderr" then
            errors(chunk)
        elseif not unpacking:write(chunk) then
            return unpacking:finish()
        end
        report()
    end
    local ended, err = streams:wait()
    if not ended then
        return nil, err
    end
    return {code = ended.code, said = errors()}
end

local function download(client, pod, remote, target, opts)
    local op = "k8s.download"
    local unpacking <close>, err = transfers.unpack({path = target, top = remote.name,
                                                    limit = opts.limit or LIMIT,
                                                    replace = opts.replace})
    if not unpacking then
        return named(err, op)
    end
    local streams <close>, problem = client:open_exec(pod,
        {"tar", "-cf", "-", "-C", remote.folder, "--", remote.name},
        {namespace = opts.namespace, container = opts.container})
    if not streams then
        return not_run(op, problem)
    end
    local report = reporter(unpacking, opts.on_progress)
    local ended, broken = receive(streams, unpacking, report)
    if not ended then
        return not_run(op, broken)
    elseif ended.code ~= 0 then
        return failure(op, ended.code, ended.said, "tar in container " .. streams.container)
    end
    local summary, refused = unpacking:finish()
    if not summary then
        return named(refused, op)
    end
    local done, conflict = unpacking:commit()
    if not done then
        return named(conflict, op)
    end
    report(true)
    summary.path = target
    return summary
end

function methods:download(pod, remote_path, local_path, opts)
    opts = check.options(opts, download_options, "k8s.download")
    check.name(pod, "k8s.download")
    check_path(remote_path, "remote_path", "k8s.download")
    check_path(local_path, "local_path", "k8s.download")
    check.counts(opts, {limit = 0}, "k8s.download")
    local folder, name = split(remote_path, "k8s.download")
    local target, err = place(local_path, name)
    if not target then
        return nil, err
    end
    return self:_transfer({
        op = "k8s.download", pod = pod, namespace = opts.namespace or self.namespace,
        remote_path = remote_path, local_path = target, timeout = opts.timeout,
        perform = function(client)
            return download(client, pod, {folder = folder, name = name}, target, opts)
        end,
    })
end

-- To a container

local upload_options = {namespace = "string", container = "string", replace = "boolean",
                        timeout = "number", on_progress = "function"}

-- What runs in the container: sh -c RECEIVE sh SIZE PATH NAME TEMPORARY REPLACE
--
-- The size is told, since standard input has no end on older servers (v4 of the protocol). The
-- marker comes last in the archive: only with it nothing is missing. For the kubelet a command that
-- has not read all of its input may never end, so a failure is told and then the rest is read.
local RECEIVE = [==[
size=$1 path=$2 name=$3 temporary=$4 replace=$5
failed() {
    printf 'failed %s %s\n' "$1" "$2"
    cat > /dev/null
    exit 1
}
if [ -d "$path" ]; then path=${path%/}/$name; fi
case $path in
*/*) ;;
*) path=./$path ;;
esac
folder=${path%/*}/
new=$folder$temporary
trap 'rm -rf "$new" "$new.end"' EXIT
trap 'exit 1' HUP INT TERM
if [ -z "$replace" ] && [ -d "$path" ] && [ ! -L "$path" ]; then failed 81 "$path"; fi
# BusyBox's head takes byte by byte, so dd is asked first.
receive() {
    if dd if=/dev/null count=0 iflag=fullblock; then
        dd bs=65536 count=$((size / 65536)) iflag=fullblock
        dd bs=512 count=$((size % 65536 / 512)) iflag=fullblock
    else
        head -c "$size"
    fi 2> /dev/null
}
receive | {
    tar -xof - -C "$folder" || failed $?
    cat > /dev/null
} || exit 1
if [ ! -e "$new.end" ]; then failed 82 "the archive was cut"; fi
rm -f "$new.end"
if [ -L "$path" ]; then rm -f "$path"; fi
if [ -n "$replace" ] && [ -e "$path" ]; then
    mv -f "$path" "$new.old" || failed $?
    if ! mv -f "$new" "$path"; then
        mv -f "$new.old" "$path"
        failed 1
    fi
    rm -rf "$new.old"
else
    mv -f "$new" "$path" || failed $?
fi
printf 'done %s\n' "$path"
]==]

local ALREADY_EXISTS = 81

local SETTLE = 300 -- seconds that a container may take to finish once it has everything
local LAST_WORDS = 1 -- seconds that what a command says may come later than its failure

--- Gives the archive to the command. Its end is what ends the upload, so this returns only when the
--- archive itself fails, or the command never ends.
local function send(streams, packing, report)
    while true do
        local chunk, err = packing:read()
        if not chunk and err then
            return nil, err
        elseif not chunk or not streams:write(chunk) then
            break
        end
        report()
    end
    task.sleep(SETTLE)
    return nil, fail({code = "Timeout", op = "k8s.upload", message = string.format(
        "the container has everything, and did not finish within %d s", SETTLE)})
end

--- Reads until the command has failed, by its own word, or has ended; {code, path, said}.
local function listen(streams)
    local outputs = {stdout = collector(), stderr = collector()}
    local function read_until(enough)
        while not enough() do
            local chunk, channel = streams:read()
            if not chunk then
                return chunk, channel
            end
            outputs[channel](chunk)
        end
        return true
    end
    local function verdict()
        return outputs.stdout():match("^failed (%d+) ?([^\n]*)\n")
    end
    local more, err = read_until(verdict)
    if err then
        return nil, err
    end
    local code, text = verdict()
    if code then
        if more and text == "" then
            task.timeout(LAST_WORDS, function()
                read_until(function()
                    return outputs.stderr() ~= ""
                end)
                return true
            end)
        end
        return {code = tonumber(code), path = text,
                said = text ~= "" and text or outputs.stderr()}
    end
    local ended, broken = streams:wait()
    if not ended then
        return nil, broken
    end
    local path = outputs.stdout():match("^done (.*)\n$")
    return {code = path and ended.code or ended.code > 0 and ended.code or 1, path = path,
            said = outputs.stderr()}
end

local function upload(client, pod, local_path, remote_path, name, opts)
    local op = "k8s.upload"
    local temporary = string.format(".salvor-%016x.tmp", math.random(0))
    local packing <close>, size = transfers.pack({path = local_path, name = temporary,
                                                 marker = temporary .. ".end"})
    if not packing then
        return named(size, op)
    end
    local streams <close>, problem = client:open_exec(pod,
        {"sh", "-c", RECEIVE, "sh", tostring(size), remote_path, name, temporary,
         opts.replace and "yes" or ""},
        {namespace = opts.namespace, container = opts.container, stdin = true})
    if not streams then
        return not_run(op, problem)
    end
    local report = reporter(packing, opts.on_progress)
    local ended, broken = task.race({
        function()
            return listen(streams)
        end,
        function()
            return send(streams, packing, report)
        end,
    })
    if not ended then
        return not_run(op, broken)
    elseif ended.code == ALREADY_EXISTS then
        return nil, fail({code = "AlreadyExists", op = op,
                          message = ended.path .. " is there already",
                          hint = "remove it, choose another name, or let it be replaced"})
    elseif ended.code ~= 0 then
        return failure(op, ended.code, ended.said, "container " .. streams.container)
    end
    report(true)
    local summary = packing:summary()
    summary.path = ended.path
    return summary
end

function methods:upload(pod, local_path, remote_path, opts)
    opts = check.options(opts, upload_options, "k8s.upload")
    check.name(pod, "k8s.upload")
    check_path(local_path, "local_path", "k8s.upload")
    check_path(remote_path, "remote_path", "k8s.upload")
    local name = fs.basename(must(fs.absolute(local_path)))
    if name == ".." or name == "/" then
        error("k8s.upload: '" .. local_path .. "' does not end in a name", 2)
    end
    local trimmed = remote_path:gsub("(.)/+$", "%1")
    return self:_transfer({
        op = "k8s.upload", pod = pod, namespace = opts.namespace or self.namespace,
        remote_path = trimmed, local_path = local_path, timeout = opts.timeout,
        perform = function(client)
            return upload(client, pod, local_path, trimmed, name, opts)
        end,
    })
end

return methods
