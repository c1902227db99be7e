--- The Job by which the simulated operator of API Connect v10 makes the stanza of its backups, and
--- how it tells that it has ended. `self` is a world with a client and a database_cluster.
local merge = require("salvor.copy").merge
local salvor = require("salvor")

local stanza_job = {}

local JOBS = "jobs.batch"

local function labels(self)
    return {vendor = "crunchydata", ["pgo-backrest"] = "true", ["pgo-backrest-job"] = "true",
            ["backrest-command"] = "stanza-create", ["pg-cluster"] = self.database_cluster}
end

--- object(world, spec of the pod, without restartPolicy) -> the Job.
function stanza_job.object(self, spec)
    return {
        apiVersion = "batch/v1", kind = "Job",
        metadata = {name = self.database_cluster .. "-stanza-create", labels = labels(self)},
        spec = {backoffLimit = 0, template = {
            metadata = {labels = labels(self)},
            spec = merge({restartPolicy = "Never"}, spec),
        }},
    }
end

local function time()
    return os.date("!%Y-%m-%dT%H:%M:%SZ")
end

--- The pod of a Job that ended, as a kubelet would tell of it.
local function ended_pod(self, job, code)
    local made = must(self.client:create({
        apiVersion = "v1", kind = "Pod",
        metadata = {generateName = job.metadata.name .. "-",
                    labels = merge(labels(self), {["job-name"] = job.metadata.name})},
        spec = {restartPolicy = "Never", containers = {{name = "backrest", image = "pgbackrest"}}},
    }))
    must(self.client:patch("pods", made.metadata.name, {status = {
        phase = code == 0 and "Succeeded" or "Failed",
        containerStatuses = {{name = "backrest", image = "pgbackrest", imageID = "", ready = false,
                              restartCount = 0, state = {terminated = {exitCode = code}}}},
    }}, {subresource = "status"}))
end

--- The Job has ended with that exit status.
function stanza_job.finish(self, job, code)
    ended_pod(self, job, code)
    local status = {startTime = time()}
    if code == 0 then
        status.succeeded, status.completionTime = 1, time()
        status.conditions = salvor.list({{type = "Complete", status = "True",
            lastProbeTime = time(), lastTransitionTime = time()}})
    else
        status.failed = 1
        status.conditions = salvor.list({{type = "Failed", status = "True",
            reason = "BackoffLimitExceeded",
            message = "Job has reached the specified backoff limit",
            lastProbeTime = time(), lastTransitionTime = time()}})
    end
    must(self.client:patch(JOBS, job.metadata.name, {status = status}, {subresource = "status"}))
end

--- Creates the Job where no pods run: finish() tells how it ends.
function stanza_job.create(self)
    return must(self.client:create(stanza_job.object(self,
        {containers = {{name = "backrest", image = "pgbackrest"}}})))
end

return stanza_job
