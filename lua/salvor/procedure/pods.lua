--- What a procedure does in containers: commands, and files to and from them. A plan lists each and
--- does it not, a run journals it as one effect. What only reads (`read_only`) is done in both.
local errors = require("salvor.error")
local words_of = require("salvor.procedure.words")

local pods = {}

local function pod_of(request)
    return "Pod " .. request.namespace .. "/" .. request.pod
end

--- The pod may be one that an earlier step of the plan would have brought about.
local function presence(client, request)
    local found, err = client:get("v1/Pod", request.pod, {namespace = request.namespace})
    if found or err.code == "NotFound" then
        return found and "" or " (which is not there yet)"
    end
    error(err, 0)
end

local TRANSFERS = {
    ["k8s.upload"] = {verb = "upload to", arrow = "%s -> %s"},
    ["k8s.download"] = {verb = "download from", arrow = "%s <- %s"},
}

--- Streams that stay open show neither what will be done nor what was.
local function refuse(request)
    error(errors.new({
        code = "InvalidScript",
        op = request.op,
        message = "a procedure opens no streams to containers and forwards no ports",
        hint = "use exec, upload or download",
    }), 0)
end

--- methods(connection, performer) -> what a procedure's client has in the place of its own.
function pods.methods(connection, performer)
    local wrapped = {_remote = function(_, request) refuse(request) end}
    wrapped._forward = wrapped._remote

    function wrapped._command(self, command)
        if command.opts.read_only then
            return connection:_command(command)
        elseif not command.argv then
            refuse(command)
        end
        local there = performer.planning and presence(self, command) or ""
        return performer:perform({
            verb = "run in",
            target = pod_of(command) .. there .. ": " .. words_of(command.argv),
            preview = function()
                return {code = 0, stdout = "", stderr = ""}, {}
            end,
            run = function()
                return connection:_command(command)
            end,
            summary = function(result)
                return {code = result.code}
            end,
        })
    end

    function wrapped._transfer(self, transfer)
        local how = TRANSFERS[transfer.op]
        local there = performer.planning and presence(self, transfer) or ""
        return performer:perform({
            verb = how.verb,
            target = pod_of(transfer) .. there .. ": "
                .. how.arrow:format(transfer.local_path, transfer.remote_path),
            preview = function()
                return {bytes = 0, entries = 0, skipped = {}, path = transfer.remote_path}, {}
            end,
            run = function()
                return connection:_transfer(transfer)
            end,
            summary = function(result)
                return {bytes = result.bytes, entries = result.entries}
            end,
        })
    end

    return wrapped
end

return pods
