--- Why the Job that makes the stanza of a management database has failed, by what its pod has said.
local errors = require("salvor.error")
local stanza = require("salvor.apiconnect.stanza")

local stanza_job = {}

local LOG_LINES = 200

--- The log of the newest failed pod of a Job, the exit status it ended with, and its name.
local function what_failed(client, job)
    local pods = client:list("pods", {label_selector = {["job-name"] = job}}) or {}
    table.sort(pods, function(one, other)
        return (one.metadata.creationTimestamp or "") > (other.metadata.creationTimestamp or "")
    end)
    for _, pod in ipairs(pods) do
        local code = stanza.exit_code(pod)
        if code then
            return client:logs(pod.metadata.name, {tail = LOG_LINES}), code, pod.metadata.name
        end
    end
end

--- failure(client, job, reason, where) -> the error that a failed Job is. job: its name; reason:
--- what counts when neither log nor exit status is there; where: which one it is, for the message.
function stanza_job.failure(client, job, reason, where)
    local log, code, pod = what_failed(client, job)
    local message, hint = stanza.explain(log, code)
    local said = stanza.first_error(log) or code and "exit status " .. code or reason
    return errors.new({
        code = "Failed",
        message = "Job " .. job .. (where or "") .. " has failed: "
            .. (message and message .. " (" .. said .. ")" or tostring(said)),
        hint = (hint or pod and "the log of pod " .. pod .. " tells more" or "look at its pods")
            .. "; then delete the Job, so that the operator makes it again: kubectl"
            .. (client.context and " --context " .. client.context or "") .. " -n "
            .. client.namespace .. " delete job " .. job,
    })
end

return stanza_job
