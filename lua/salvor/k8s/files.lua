--- Files and folders to and from containers, as tar archives over exec.
---
--- Both directions are all or nothing: what arrives grows under a temporary name beside its place,
--- and takes the place when the archive is whole and the command in the container has succeeded.
local check = require("salvor.k8s.check")
local download = require("salvor.k8s.files.download")
local fail = require("salvor.error").new
local fs = require("salvor.fs")
local guard = require("salvor.guard")
local task = require("salvor.task")
local upload = require("salvor.k8s.files.upload")

local methods = {}

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

--- Within `seconds`, when there are any.
local function within(seconds, op, work)
    if not seconds then
        return work()
    end
    local result, err = task.timeout(seconds, work)
    if not result and err.op == "task.timeout" then
        return nil, fail({code = "Timeout", op = op, retryable = true,
                          message = string.format("not done within %g s", seconds),
                          hint = "raise timeout, or leave it out"})
    end
    return result, err
end

--- What comes from a container is read there, and written to a file of this machine.
local function allow(client, transfer)
    if transfer.op == "k8s.download" then
        return true
    end
    return guard.check({op = transfer.op, client = client, verb = "upload to",
                        target = string.format("Pod %s/%s: %s -> %s", transfer.namespace,
                            transfer.pod, transfer.local_path, transfer.remote_path)})
end

--- A download or upload, for plan mode to wrap: op, pod, namespace, remote_path, local_path,
--- timeout, perform (function(client): does it).
function methods:_transfer(transfer)
    local allowed, err = allow(self, transfer)
    if not allowed then
        return nil, err
    end
    return within(transfer.timeout, transfer.op, function()
        return transfer.perform(self)
    end)
end

local download_options = {namespace = "string", container = "string", replace = "boolean",
                          limit = "number", timeout = "number", on_progress = "function"}

function methods:download(pod, remote_path, local_path, opts)
    opts = check.options(opts, download_options, "k8s.download")
    check.name(pod, "k8s.download")
    check_path(remote_path, "remote_path", "k8s.download")
    check_path(local_path, "local_path", "k8s.download")
    check.counts(opts, {limit = 0}, "k8s.download")
    local folder, name = split(remote_path, "k8s.download")
    local target, err = download.place(local_path, name)
    if not target then
        return nil, err
    end
    return self:_transfer({
        op = "k8s.download", pod = pod, namespace = opts.namespace or self.namespace,
        remote_path = remote_path, local_path = target, timeout = opts.timeout,
        perform = function(client)
            return download.run(client, pod, {folder = folder, name = name}, target, opts)
        end,
    })
end

local upload_options = {namespace = "string", container = "string", replace = "boolean",
                        timeout = "number", on_progress = "function"}

function methods:upload(pod, local_path, remote_path, opts)
    opts = check.options(opts, upload_options, "k8s.upload")
    check.name(pod, "k8s.upload")
    check_path(local_path, "local_path", "k8s.upload")
    check_path(remote_path, "remote_path", "k8s.upload")
    local absolute, err = fs.absolute(local_path)
    if not absolute then
        err.op = "k8s.upload"
        return nil, err
    end
    local name = fs.basename(absolute)
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
