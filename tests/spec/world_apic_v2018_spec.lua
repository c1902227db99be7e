-- The simulated API Connect v2018 moves its objects as the real one does.
local lab = require("support.lab")
local task = require("salvor.task")
local world = require("worlds.apic_v2018")

local PATIENCE = 60 -- seconds

--- Watches in a task of its own what `read` makes of the kind's objects; gives a function that
--- waits for the last one, and returns all that was seen, with the moment of each.
local function watch(namespace, kind, read)
    local client = lab.client({namespace = namespace})
    local seen = {}
    local running = task.spawn(function()
        for event in client:watch(kind) do
            local text = read(event.object)
            if text and (not seen[1] or seen[#seen].text ~= text) then
                seen[#seen + 1] = {text = text, at = task.now()}
            end
        end
    end)
    return function(last)
        local deadline = task.now() + PATIENCE
        while task.now() < deadline and (seen[#seen] or {}).text ~= last do
            task.sleep(0.02)
        end
        running:cancel()
        pcall(running.join, running)
        getmetatable(client).__close(client)
        return seen
    end
end

local function texts(seen)
    local list = {}
    for index, each in ipairs(seen) do
        list[index] = each.text
    end
    return list
end

local function pod_status(pod)
    if not pod.metadata.name:find("^restore%-") or not pod.status.initContainerStatuses then
        return nil
    end
    local ended = 0
    for _, status in ipairs(pod.status.initContainerStatuses) do
        ended = ended + (status.state.terminated and 1 or 0)
    end
    return pod.status.phase == "Succeeded" and "Completed" or "Init:" .. ended .. "/2"
end

local function job_status(job)
    local condition = ((job.status or {}).conditions or {})[1]
    return condition and condition.type
end

lab.describe("the simulated API Connect v2018", function()
    local namespace, simulated

    local function start(options)
        options.kubeconfig, options.namespace = lab.kubeconfig(), namespace
        simulated = world.start(options)
        return simulated
    end

    before_each(function()
        namespace = lab.namespace()
    end)

    after_each(function()
        simulated:close()
        lab.client():delete("namespaces", namespace)
    end)

    it("runs as many Cassandra pods as it is to", function()
        start({pods = 2})
        for index = 0, 1 do
            assert.equal("Running",
                must(simulated.client:get("pods", simulated:pod(index))).status.phase)
        end
        assert.equal("daemonset", simulated:cassandra().status.ConfiguredMode)
    end)

    it("restores: the pod, the status of the database, and the job before it", function()
        start({pods = 2, delays = {late = 0.3}})
        local pods = watch(namespace, "pods", pod_status)
        local jobs = watch(namespace, "jobs", job_status)
        local statuses = watch(namespace, world.KIND, function(cluster)
            return (cluster.status or {}).ClusterRestoreStatus
        end)
        simulated:start_restore("1587549284406812631")
        local of_database = statuses("completed")
        local of_job = jobs("Complete")
        assert.same({"Init:0/2", "Init:1/2", "Completed"}, texts(pods("Completed")))
        assert.same({
            "Running Retrieve checks on backup file 1587549284406812631-0-2.tar.gz  for pod "
                .. simulated:pod(0),
            "Restore prelim checks passed for " .. simulated:pod(0),
            "Running Retrieve checks on backup file 1587549284406812631-1-2.tar.gz  for pod "
                .. simulated:pod(1),
            "Restore prelim checks passed for " .. simulated:pod(1),
            "Running Restore of keyspaces",
            "completed",
        }, texts(of_database))
        assert.is_true(of_job[1].at < of_database[#of_database].at)
    end)

    it("fails when it is to", function()
        start({pods = 1, faults = {restore = "job"}})
        local jobs = watch(namespace, "jobs", job_status)
        simulated:start_restore("1587549284406812631")
        assert.same({"Failed"}, texts(jobs("Failed")))
    end)
end)
