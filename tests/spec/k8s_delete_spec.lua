--- What a delete and an eviction ask of the server, by what it does then.
local lab = require("support.lab")
local salvor = require("salvor")

lab.describe("a delete", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "default"}}))
    end)
    teardown(function()
        for _, pod in ipairs(must(client:list("pods"))) do
            client:delete("pod", pod.metadata.name, {grace_period = 0})
        end
        client:delete("ns", namespace)
    end)

    --- On a node that does not exist a pod waits for its end as long as it is given.
    local function placed_pod(name)
        return must(client:create({
            apiVersion = "v1", kind = "Pod", metadata = {name = name},
            spec = {nodeName = "nowhere", containers = {{name = "c", image = "none"}}},
        }))
    end

    local function metadata(kind, name)
        return must(client:get(kind, name)).metadata
    end

    -- Left to itself a server makes orphans of a Job's pods.
    it("takes what belongs to the object with it, unless told otherwise", function()
        must(client:create({apiVersion = "batch/v1", kind = "Job", metadata = {name = "job"},
            spec = {template = {spec = {restartPolicy = "Never",
                                        containers = {{name = "c", image = "none"}}}}}}))
        must(client:delete("job", "job"))
        local job, err = client:get("job", "job")
        assert.is_nil(job)
        assert.are.equal("NotFound", err.code)
    end)

    it("gives a pod the time that is asked for", function()
        placed_pod("usual")
        must(client:delete("pod", "usual"))
        assert.are.equal(30, metadata("pod", "usual").deletionGracePeriodSeconds)
        placed_pod("asked")
        must(client:delete("pod", "asked", {grace_period = 7}))
        assert.are.equal(7, metadata("pod", "asked").deletionGracePeriodSeconds)
        must(client:delete("pod", "asked", {grace_period = 0}))
        local _, err = client:get("pod", "asked")
        assert.are.equal("NotFound", err.code)
    end)

    it("of a collection asks for the same", function()
        placed_pod("all")
        must(client:delete_all("pod", {field_selector = {["metadata.name"] = "all"},
                                       grace_period = 9}))
        assert.are.equal(9, metadata("pod", "all").deletionGracePeriodSeconds)
        must(client:create({apiVersion = "v1", kind = "ConfigMap",
                            metadata = {name = "all", finalizers = {"salvor.example/hold"}}}))
        must(client:delete_all("cm", {field_selector = {["metadata.name"] = "all"},
                                      propagation = "orphan"}))
        local finalizers = metadata("cm", "all").finalizers
        assert.are.equal("orphan", finalizers[#finalizers])
        must(client:patch("cm", "all", {metadata = {finalizers = salvor.null}}))
    end)

    it("as an eviction asks for the same, and for the pod that is meant", function()
        local uid = placed_pod("evicted").metadata.uid
        local done, err = client:evict("evicted", {preconditions = {resourceVersion = "1"}})
        assert.is_nil(done)
        assert.are.equal("Conflict", err.code)
        assert.is_nil(metadata("pod", "evicted").deletionTimestamp)
        must(client:evict("evicted", {grace_period = 8, preconditions = {uid = uid}}))
        assert.are.equal(8, metadata("pod", "evicted").deletionGracePeriodSeconds)
    end)
end)
