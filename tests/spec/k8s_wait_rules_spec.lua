-- Waits by the rules of kinds, against a real server: what an operator would write is written here.
local lab = require("support.lab")
local list = require("salvor").list
local operator = require("worlds.operator")
local task = require("salvor.task")

lab.describe("a wait by a kind's own rule", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        operator.install(client, "tests/worlds/medusa/crds.yaml")
        operator.install(client, "tests/worlds/apic_v10_portal/crds.yaml")
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    --- An operator that moves the object through these states while it is waited for.
    local function run(kind, object, states, opts)
        local api_version, name = kind:match("^(.*)/(.-)$")
        object.apiVersion, object.kind = api_version, name
        object.metadata = {generateName = "case-"}
        local made = must(client:create(object))
        local moving = task.spawn(function()
            for _, state in ipairs(states) do
                task.sleep(0.1)
                must(client:patch(kind, made.metadata.name, {status = state},
                    {subresource = "status"}))
            end
        end)
        local result, err = client:wait(kind, made.metadata.name, opts or {timeout = 60})
        moving:join()
        return result, err
    end

    local RESTORE = "medusa.k8ssandra.io/v1alpha1/MedusaRestoreJob"
    local SPEC = {backup = "b", cassandraDatacenter = "dc1"}
    local START, STOP, FINISH = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z",
        "2026-01-01T00:05:00Z"

    it("ends when a Medusa restore has stopped the datacenter and finished", function()
        local job = must(run(RESTORE, {spec = SPEC}, {
            {startTime = START, restoreKey = "k"}, {restorePrepared = true},
            {datacenterStopped = STOP}, {finishTime = FINISH},
        }))
        assert.are.equal(FINISH, job.status.finishTime)
    end)

    it("fails when a Medusa restore is finished with a message", function()
        local _, err = run(RESTORE, {spec = SPEC}, {{startTime = START},
            {finishTime = FINISH, message = "node counts differ"}})
        assert.are.equal("Failed", err.code)
        assert.truthy(err.message:find("has failed: node counts differ", 1, true))
    end)

    it("says what a Medusa restore without its backup wants", function()
        local _, err = run(RESTORE, {spec = SPEC}, {}, {timeout = 0.5})
        assert.are.equal("Timeout", err.code)
        assert.truthy(err.message:find("MedusaTask with operation sync", 1, true))
    end)

    it("ends when a portal restore is Ready, and fails when it is Failed", function()
        local kind = "portal.apiconnect.ibm.com/v1beta1/PortalRestore"
        local function of(phase, message)
            return {backupId = "n/a", id = "t", conditions = list({}), commentLeft = "n/a",
                    fullBackupName = "n/a", phase = phase, message = message or "m"}
        end
        local spec = {type = "all"}
        must(run(kind, {spec = spec}, {of("Pending"),
            of("Running"), of("Ready")}))
        local _, err = run(kind, {spec = spec}, {of("Running"),
            of("Failed", "no such backup")})
        assert.are.equal("Failed", err.code)
        assert.truthy(err.message:find("no such backup", 1, true))
    end)

    it("ends when a Deployment is rolled out, and fails when it is given up", function()
        local function deployment()
            return {spec = {replicas = 2, selector = {matchLabels = {a = "b"}}, template = {
                metadata = {labels = {a = "b"}},
                spec = {containers = {{name = "c", image = "c"}}}}}}
        end
        must(run("apps/v1/Deployment", deployment(), {
            {observedGeneration = 1, replicas = 1, updatedReplicas = 1},
            {observedGeneration = 1, replicas = 2, updatedReplicas = 2, readyReplicas = 2,
             availableReplicas = 2},
        }))
        local _, err = run("apps/v1/Deployment", deployment(), {{
            observedGeneration = 1,
            conditions = {{type = "Progressing", status = "False",
                           reason = "ProgressDeadlineExceeded", message = "timed out progressing"}},
        }})
        assert.are.equal("Failed", err.code)
        assert.truthy(err.message:find("timed out progressing", 1, true))
    end)
end)
