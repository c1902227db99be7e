-- Waits for what real controllers and a kubelet do, and what they leave to be seen.
local neat = require("salvor.k8s").neat
local eventually = require("support.eventually")
local node = require("support.node")

node.describe("waiting for workloads", function()
    local client, namespace

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace})
    end)
    teardown(function()
        client:delete("ns", namespace)
    end)

    --- A pod's template, ended at once when it is deleted; `fields` of its container.
    local function template(name, fields, restart)
        return {
            metadata = {labels = {app = name}},
            spec = {containers = {node.container(fields or {})}, restartPolicy = restart,
                    terminationGracePeriodSeconds = 0},
        }
    end

    local function create(kind, name, spec)
        return must(client:create({apiVersion = kind:match("^(.*)/"), kind = kind:match("[^/]+$"),
                                   metadata = {name = name}, spec = spec}))
    end

    local function script(text)
        return {command = {"sh", "-c", text}}
    end

    local function replicated(name, fields, more)
        local spec = {replicas = 2, selector = {matchLabels = {app = name}},
                      template = template(name, fields)}
        for field, value in pairs(more or {}) do
            spec[field] = value
        end
        return spec
    end

    it("follows a Deployment through a change", function()
        create("apps/v1/Deployment", "web", replicated("web"))
        must(client:wait("deploy", "web", {timeout = 60}))
        must(client:patch("deploy", "web", {spec = {template = {metadata = {annotations =
            {changed = "yes"}}}}}))
        -- It is still available, so only a wait that knows its generations waits at all.
        must(client:wait("deploy", "web", {timeout = 60}))
        local pods = must(client:list("po", {label_selector = "app=web"}))
        for _, pod in ipairs(pods) do
            local is_new = pod.metadata.annotations and pod.metadata.annotations.changed == "yes"
            assert.is_true(is_new or pod.metadata.deletionTimestamp ~= nil)
        end
    end)

    it("sees who owns what, and what happened", function()
        local pod = must(client:list("po", {label_selector = "app=web"}))[1]
        local chain = must(client:owners(pod))
        assert.are.same({"ReplicaSet", "Deployment"}, {chain[1].kind, chain[2].kind})
        local tree = must(client:tree("deploy", "web"))
        local ready = 0
        for _, set in ipairs(tree.children) do
            assert.are.equal("ReplicaSet", set.kind)
            for _, child in ipairs(set.children) do
                ready = ready + (child.state == "ready" and 1 or 0)
            end
        end
        assert.are.equal(2, ready)
        -- Events are written a little later than what they tell of.
        local reasons = {}
        eventually("its events", function()
            for _, event in ipairs(must(client:events(pod))) do
                reasons[event.reason] = event
            end
            return reasons.Started and reasons.Scheduled
        end)
        -- The scheduler writes events.k8s.io, the kubelet core events.
        assert.is_table(reasons.Scheduled)
        assert.are.equal("kubelet, node1", reasons.Started.source)
    end)

    it("waits for StatefulSets, DaemonSets and Jobs at once", function()
        create("apps/v1/StatefulSet", "set", replicated("set", nil, {serviceName = "set"}))
        create("apps/v1/DaemonSet", "daemon", {selector = {matchLabels = {app = "daemon"}},
                                               template = template("daemon")})
        create("batch/v1/Job", "job", {template = template("job", script("true"), "Never")})
        must(client:wait_all({
            {kind = "sts", name = "set"}, {kind = "ds", name = "daemon"},
            {kind = "job", name = "job"}, {kind = "node", name = "node1"},
            -- Their controllers make the pods a moment later.
            {kind = "po", label_selector = "app in (set, daemon)", create = true},
        }, {timeout = 60}))
    end)

    it("says which line a crashing container ended with", function()
        create("apps/v1/StatefulSet", "crash", replicated("crash",
            script("echo starting; echo 'FATAL: no space'; exit 3"), {serviceName = "crash"}))
        must(client:wait("po", "crash-0", {create = true, timeout = 60, ready = function(pod)
            local container = ((pod.status or {}).containerStatuses or {})[1] or {}
            return container.restartCount and container.restartCount > 0
                and container.state.waiting ~= nil
        end}))
        local _, err = client:wait("sts", "crash", {timeout = 0.5})
        assert.are.equal("Timeout", err.code)
        assert.truthy(err.message:find("pod crash-0, container main: CrashLoopBackOff: exit code 3:"
            .. " last line: FATAL: no space", 1, true), err.message)
        assert.are.same({"starting", "FATAL: no space"}, err.details.why.pods[1].containers[1].log)
    end)

    it("fails with a Job, and says why its pod did", function()
        create("batch/v1/Job", "failing", {backoffLimit = 0, template = template("failing",
            script("echo 'ERROR: [028]: backup info does not match'; exit 28"), "Never")})
        local _, err = client:wait("job", "failing", {timeout = 60})
        assert.are.equal("Failed", err.code)
        assert.truthy(err.message:find("has failed: BackoffLimitExceeded", 1, true), err.message)
        assert.truthy(err.message:find("container main: Error: exit code 28: last line: "
            .. "ERROR: [028]: backup info does not match", 1, true), err.message)
    end)

    it("tells a missing image at once where it will never come", function()
        must(client:create(node.pod_object({name = "no-image", image = "localhost/none:1"})))
        local _, err = client:wait("po", "no-image", {timeout = 60})
        assert.are.equal("Failed", err.code)
        assert.truthy(err.message:find("ErrImageNeverPull", 1, true), err.message)
    end)

    it("says which container waits for what", function()
        must(client:create(node.pod_object({name = "no-map", volumes = {
            {name = "v", configMap = {name = "not-there"}}}, volumeMounts = {
            {name = "v", mountPath = "/v"}}})))
        local line = eventually("the reason", function()
            local _, err = client:wait("po", "no-map", {timeout = 1})
            return err.message:match("pod no%-map, .*FailedMount.*$")
        end)
        assert.truthy(line:find("pod no-map, container main: ContainerCreating: FailedMount: "
            .. "MountVolume.SetUp failed for volume", 1, true), line)
        assert.truthy(line:find('configmap "not-there" not found', 1, true), line)
    end)

    it("makes a pod anew that has run", function()
        local before = node.pod({name = "again", namespace = namespace})
        local saved = neat(before)
        assert.is_nil(saved.spec.volumes)
        assert.is_nil(saved.spec.containers[1].volumeMounts)
        must(client:delete("po", "again"))
        must(client:wait("po", "again", {deleted = true}))
        must(client:create(saved))
        local after = must(client:wait("po", "again", {timeout = 60}))
        assert.are.same(before.spec, after.spec)
    end)
end)
