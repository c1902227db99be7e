--- A file or folder to a container: an archive for tar there, which a script puts into its place.
local command = require("salvor.k8s.files.command")
local fail = require("salvor.error").new
local task = require("salvor.task")
local transfers = require("salvor.transfer")

local OP = "k8s.upload"

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
    return nil, fail({code = "Timeout", op = OP, message = string.format(
        "the container has everything, and did not finish within %d s", SETTLE),
        hint = "look at the container: does its disk answer, or does what is replaced take long?"})
end

--- Reads until the command has failed, by its own word, or has ended; {code, path, said}.
local function listen(streams)
    local outputs = {stdout = command.collector(), stderr = command.collector()}
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

--- name: of local_path, for a remote folder that is there. What was done (k8s.Transfer), or nil and
--- an error.
return function(client, pod, local_path, remote_path, name, opts)
    local temporary = string.format(".salvor-%016x.tmp", math.random(0))
    local packing <close>, size = transfers.pack({path = local_path, name = temporary,
                                                 marker = temporary .. ".end"})
    if not packing then
        return command.named(size, OP)
    end
    local streams <close>, problem = client:_open_exec(pod,
        {"sh", "-c", RECEIVE, "sh", tostring(size), remote_path, name, temporary,
         opts.replace and "yes" or ""},
        {namespace = opts.namespace, container = opts.container, stdin = true})
    if not streams then
        return command.not_run(OP, problem)
    end
    local report = command.reporter(packing, opts.on_progress)
    local ended, broken = task.race({
        function()
            return listen(streams)
        end,
        function()
            return send(streams, packing, report)
        end,
    })
    if not ended then
        return command.not_run(OP, broken)
    elseif ended.code == ALREADY_EXISTS then
        return nil, fail({code = "AlreadyExists", op = OP,
                          message = ended.path .. " is there already",
                          hint = "remove it, choose another name, or let it be replaced"})
    elseif ended.code ~= 0 then
        return command.failure(OP, ended.code, ended.said, "container " .. streams.container)
    end
    report(true)
    local summary = packing:summary()
    summary.path = ended.path
    return summary
end
