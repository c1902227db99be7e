--- A file or folder from a container: tar's output, unpacked.
local command = require("salvor.k8s.files.command")
local fail = require("salvor.error").new
local fs = require("salvor.fs")
local transfers = require("salvor.transfer")

local OP = "k8s.download"
local LIMIT = 1 << 40 -- bytes

local download = {}

--- Where a download goes: into a folder that is there, under its own name, or to `path` itself.
function download.place(path, name)
    local status = fs.stat(path)
    if not status or status.type ~= "folder" then
        return path
    elseif name ~= "." then
        return fs.join(path, name)
    end
    return nil, fail({code = "AlreadyExists", op = OP,
                      message = path .. " is there already",
                      hint = "what is copied has no name of its own: choose a new one for it"})
end

--- Moves the command's output into the transfer; its exit code and what it said.
local function receive(streams, unpacking, report)
    local errors = command.collector()
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

--- remote: {folder, name}; target: as place() gives it. What was done (k8s.Transfer), or nil and an
--- error.
function download.run(client, pod, remote, target, opts)
    local unpacking <close>, err = transfers.unpack({path = target, top = remote.name,
                                                    limit = opts.limit or LIMIT,
                                                    replace = opts.replace})
    if not unpacking then
        return command.named(err, OP)
    end
    local streams <close>, problem = client:_open_exec(pod,
        {"tar", "-cf", "-", "-C", remote.folder, "--", remote.name},
        {namespace = opts.namespace, container = opts.container})
    if not streams then
        return command.not_run(OP, problem)
    end
    local report = command.reporter(unpacking, opts.on_progress)
    local ended, broken = receive(streams, unpacking, report)
    if not ended then
        return command.not_run(OP, broken)
    elseif ended.code ~= 0 then
        return command.failure(OP, ended.code, ended.said, "tar in container " .. streams.container)
    end
    local summary, refused = unpacking:finish()
    if not summary then
        return command.named(refused, OP)
    end
    local done, conflict = unpacking:commit()
    if not done then
        return command.named(conflict, OP)
    end
    report(true)
    summary.path = target
    return summary
end

return download
