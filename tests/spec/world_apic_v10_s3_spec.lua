-- The simulated operator takes S3 settings as the real one does.
local apiconnect = require("salvor.apiconnect")
local base64 = require("salvor.digest").base64
local dig = require("salvor").dig
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local operator = require("worlds.operator")
local store_lab = require("support.store_lab")
local world = require("worlds.apic_v10_s3")

local function define(at)
    local here, bucket

    local function start(options)
        options = options or {}
        options.kubeconfig, options.namespace = lab.kubeconfig(), lab.namespace()
        here = world.start(options)
        bucket = store_lab.bucket()
        for name, data in pairs({
            s3 = {key = base64(at.access_key), keysecret = base64(at.secret_key)},
            ca = {["ca.crt"] = base64(must(fs.read(at.ca)))},
        }) do
            must(here.client:create({apiVersion = "v1", kind = "Secret", metadata = {name = name},
                                     data = data}))
        end
    end

    after_each(function()
        here.client:delete("namespaces", here.namespace)
        here:close()
    end)

    local function settings(more)
        local wanted = {protocol = "objstore", s3provider = "custom", credentials = "s3",
                        host = at.tls_host_endpoint:match("//(.*)$") .. "/" .. at.region,
                        path = bucket .. "/x", backupCerts = "ca", backups3URIStyle = "path",
                        schedule = "0 3 * * *", port = null, restartDB = {accept = true}}
        for name, value in pairs(more or {}) do
            wanted[name] = value
        end
        return {spec = {databaseBackup = wanted}}
    end

    local function job()
        return here.client:get("jobs.batch", world.JOB)
    end

    local function ended(kind)
        return operator.eventually("the Job's " .. kind, function()
            local found = job()
            for _, condition in ipairs(dig(found, "status", "conditions") or {}) do
                if condition.type == kind and condition.status == "True" then
                    return found
                end
            end
        end)
    end

    it("makes a Job and a pod, Complete when the bucket's path is empty", function()
        start()
        here:patch(settings())
        assert.equal(1, ended("Complete").status.succeeded)
        local pods = must(here.client:list("pods", {label_selector = {["job-name"] = world.JOB}}))
        assert.same({1, "Succeeded"}, {#pods, pods[1].status.phase})
        operator.eventually("the subsystem", function()
            return apiconnect.ready(here:management())
        end)
    end)

    it("and Failed when there are files of another system", function()
        start()
        local s <close> = must(require("salvor.store").open("s3://" .. bucket, {
            endpoint = at.endpoint, access_key = at.access_key, secret_key = at.secret_key,
            region = at.region}))
        must(s:write("x/archive/db/other", "x"))
        here:patch(settings())
        ended("Failed")
        local pods = must(here.client:list("pods", {label_selector = {["job-name"] = world.JOB}}))
        assert.same({"Failed", 40}, {pods[1].status.phase,
            pods[1].status.containerStatuses[1].state.terminated.exitCode})
    end)

    it("makes a new Job in the place of the old for other settings", function()
        start()
        here:patch(settings())
        local first = ended("Complete").metadata.uid
        here:patch(settings({schedule = "0 4 * * *"}))
        operator.eventually("another Job", function()
            local found = job()
            return found and found.metadata.uid ~= first
        end)
        ended("Complete")
    end)

    it("does nothing without consent to a restart, nor in one of two data centres", function()
        start()
        here:patch(settings({restartDB = null}))
        operator.eventually("its word", function()
            return here:management().status.message == "restartDB.accept is not true"
        end)
        assert.is_nil((job()))
        here:close()
        start({mode = "active"})
        here:patch(settings())
        here:patch({metadata = {annotations = {seen = "twice"}}})
        assert.is_nil((job()))
        here:patch({spec = {multiSiteHA = null}})
        ended("Complete")
        assert.same({"none " .. here.namespace}, here.history)
    end)

    it("gives the ManagementCluster what its APIConnectCluster has, whatever it had", function()
        start({top = "apic"})
        here:patch(settings())
        must(here.client:patch("apiconnectclusters.apiconnect.ibm.com", "apic",
            {spec = {management = {databaseBackup = {schedule = "0 5 * * *"}}}}))
        operator.eventually("the settings of above", function()
            return here:management().spec.databaseBackup.schedule == "0 5 * * *"
        end)
        assert.equal("sftp", here:management().spec.databaseBackup.protocol)
    end)
end

lab.describe("the simulated API Connect v10 with S3", function()
    store_lab.describe("and a bucket", "s3 pgbackrest", define)
end)
