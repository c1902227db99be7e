-- fortanix-ccm/backup inside a cluster: a Job of the CronJob that `salvor deploy --schedule`
-- prints, in a pod of the salvor under test, with the rights that are printed and no others.
local container = require("support.container")
local node = require("support.node")
local salvor = require("support.salvor")
local support = require("support.fortanix")
local yaml = require("salvor.yaml")

local NAME = "salvor-fortanix-ccm-backup"

--- Creates what `salvor deploy` prints, and returns the CronJob.
local function deploy(fixture, client)
    local words = fixture:words("deploy", {kit = "/var/lib/salvor/kit"})
    table.move({"--image", container.IMAGE, "--schedule", "30 3 * * *"}, 1, 4, #words + 1, words)
    local printed = fixture:salvor(words)
    salvor.expect_code(0, printed)
    local cron_job
    for _, object in ipairs(must(yaml.load_all(printed.stdout))) do
        if object.kind == "CronJob" then
            -- Before Kubernetes 1.21 that is what CronJobs were called.
            object.apiVersion = client:kind("batch/v1/CronJob") and "batch/v1" or "batch/v1beta1"
            object.spec.suspend = true
            cron_job = object
        end
        must(client:create(object))
    end
    return cron_job
end

node.describe("fortanix-ccm/backup, deployed with a schedule,", function()
    it("backs up a platform, with its own account", function()
        container.load()
        local fixture <close> = support.start("fortanix-ccm/backup", {},
            {kubeconfig = node.kubeconfig(), namespace = node.namespace()})
        local client = fixture.world.client
        local cron_job = deploy(fixture, client)
        must(client:create({apiVersion = "batch/v1", kind = "Job", metadata = {name = NAME},
                            spec = cron_job.spec.jobTemplate.spec}))
        local done, err = client:wait("jobs.batch", NAME, {timeout = 120})
        assert(done, tostring(err))
        local taken = must(client:list("medusabackupjobs"))
        assert.equal(1, #taken)
        must(client:get("medusabackups", taken[1].metadata.name))
    end)
end)
