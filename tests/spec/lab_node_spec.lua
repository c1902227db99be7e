-- The lab's node itself: what specs that run pods may rely on.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local node = require("support.node")
local proc = require("salvor.proc")

local function deployment(name, replicas)
    local labels = {app = name}
    return {
        apiVersion = "apps/v1",
        kind = "Deployment",
        metadata = {name = name},
        spec = {
            replicas = replicas,
            selector = {matchLabels = labels},
            template = {
                metadata = {labels = labels},
                spec = {containers = {node.container({})}, terminationGracePeriodSeconds = 0},
            },
        },
    }
end

local function job(name, command)
    return {
        apiVersion = "batch/v1",
        kind = "Job",
        metadata = {name = name},
        spec = {
            backoffLimit = 0,
            template = {spec = {
                containers = {node.container({command = command})},
                restartPolicy = "Never",
            }},
        },
    }
end

node.describe("a node", function()
    local client, namespace

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)

    local function log(pod)
        return must(client:request({
            path = string.format("/api/v1/namespaces/%s/pods/%s/log", namespace, pod),
            raw = true,
        })).body
    end

    local function expect_log(expected, pod)
        node.await_log(expected, function()
            return log(pod)
        end)
    end

    it("runs a pod", function()
        local pod = node.pod({namespace = namespace, name = "runs"})
        assert.are.equal("Running", pod.status.phase)
        assert.are.equal("node1", pod.spec.nodeName)
    end)

    it("keeps what a container says", function()
        node.pod({
            namespace = namespace,
            name = "says",
            command = {"sh", "-c", "echo one; printf two"},
            phase = "Succeeded",
        })
        expect_log("one\ntwo", "says")
    end)

    it("has an image with neither shell nor tar", function()
        local pod = node.pod({namespace = namespace, name = "bare", image = node.BARE_IMAGE})
        assert.are.equal("Running", pod.status.phase)
        assert.are.equal("", log("bare"))
    end)

    it("tells the exit code of a container", function()
        local pod = node.pod({
            namespace = namespace, name = "fails", command = {"sh", "-c", "exit 7"},
            phase = "Failed",
        })
        assert.are.equal(7, pod.status.containerStatuses[1].state.terminated.exitCode)
    end)

    it("lets pods reach the API server, by the address that they are told", function()
        local pod = node.pod({
            namespace = namespace, name = "asks-server", phase = "Succeeded",
            command = {"sh", "-c", "wget -q -O - --no-check-certificate --header \"Authorization:"
                .. " Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\""
                .. " https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version"},
        })
        eventually("the version", function()
            return log(pod.metadata.name):find('"gitVersion"', 1, true)
        end)
    end)

    it("lets pods reach each other", function()
        local server = node.pod({
            namespace = namespace, name = "server",
            command = {"sh", "-c", "echo found > /lab/page; exec httpd -f -p 8080 -h /lab"},
            readinessProbe = {
                exec = {command = {"wget", "-q", "-O", "-", "http://127.0.0.1:8080/page"}},
                periodSeconds = 1,
            },
        })
        node.pod({
            namespace = namespace, name = "asks", phase = "Succeeded",
            command = {"wget", "-q", "-O", "-", "http://" .. server.status.podIP .. ":8080/page"},
        })
        expect_log("found\n", "asks")
    end)

    it("gives a pod its account's token", function()
        node.pod({
            namespace = namespace, name = "account", phase = "Succeeded",
            command = {"cat", "/var/run/secrets/kubernetes.io/serviceaccount/namespace"},
        })
        expect_log(namespace, "account")
    end)

    it("mounts a ConfigMap", function()
        must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "settings"},
                            data = {greeting = "hello"}}))
        node.pod({
            namespace = namespace, name = "mounts", phase = "Succeeded",
            command = {"cat", "/settings/greeting"},
            volumes = {{name = "settings", configMap = {name = "settings"}}},
            volumeMounts = {{name = "settings", mountPath = "/settings"}},
        })
        expect_log("hello", "mounts")
    end)

    it("brings a Deployment up and replaces a pod of it", function()
        must(client:create(deployment("web", 2)))
        must(client:wait("deployments", "web", {timeout = 60}))
        local pods = must(client:list("pods", {label_selector = {app = "web"}}))
        assert.are.equal(2, #pods)
        must(client:delete("pods", pods[1].metadata.name))
        must(client:wait("pods", pods[1].metadata.name, {deleted = true, timeout = 60}))
        must(client:wait("deployments", "web", {timeout = 60}))
    end)

    it("completes a Job, and says when one has failed", function()
        must(client:create(job("works", {"true"})))
        must(client:create(job("breaks", {"false"})))
        must(client:wait("jobs", "works", {timeout = 60}))
        local done, err = client:wait("jobs", "breaks", {timeout = 60})
        assert.is_nil(done)
        assert.are.equal("Failed", err.code)
    end)

    it("deletes a namespace with all that runs in it", function()
        local doomed = node.namespace()
        node.pod({namespace = doomed, name = "inside"})
        must(client:delete("namespaces", doomed))
        must(client:wait("namespaces", doomed, {deleted = true, timeout = 60}))
        local pod, err = client:get("pods", "inside", {namespace = doomed})
        assert.is_nil(pod)
        assert.are.equal("NotFound", err.code)
    end)
end)

-- What a lab of our own leaves behind, and what it does when parts of it are killed.
node.describe("the end of a node", function()
    local folder

    local function lab(...)
        return must(proc.run({"tests/lab/lab", ...}, {timeout = 90}))
    end

    local function started(parent)
        folder = must(fs.temporary_folder())
        local result = lab("start", folder, "--node", "--parent", tostring(parent))
        assert.are.equal(0, result.code, result.stderr)
        local pod = must(node.client({kubeconfig = folder .. "/kubeconfig"}):create(
            node.pod_object({name = "left", namespace = "default"})))
        must(node.client({kubeconfig = folder .. "/kubeconfig"}):wait("pods", pod.metadata.name, {
            namespace = "default", timeout = 60,
        }))
        return (must(fs.read(folder .. "/cgroup")):gsub("%s+$", ""))
    end

    --- The processes whose command line or cgroup names the lab.
    local function processes(cgroup)
        local found = {}
        for _, entry in ipairs(must(fs.list("/proc"))) do
            local where = "/proc/" .. entry.name
            local commands = entry.name:match("^%d+$") and fs.read(where .. "/cmdline") or ""
            local groups = entry.name:match("^%d+$") and fs.read(where .. "/cgroup") or ""
            if commands:find(folder, 1, true) or groups:find(cgroup, 1, true) then
                found[#found + 1] = (commands:gsub("%z", " "))
            end
        end
        return found
    end

    local function mentions(command, text)
        local result = must(proc.run(command))
        assert.are.equal(0, result.code, result.stderr)
        return result.stdout:find(text, 1, true) ~= nil
    end

    local function assert_nothing_is_left(cgroup)
        assert.are.same({}, processes(cgroup))
        assert.is_false(mentions({"cat", "/proc/mounts"}, folder), "a mount")
        assert.is_false(mentions({"find", "/sys/fs/cgroup", "-maxdepth", "2", "-type", "d"},
            cgroup), "a cgroup")
        assert.is_false(mentions({"ip", "-o", "link"}, "pods"), "a bridge")
        must(fs.remove_tree(folder))
    end

    after_each(function()
        if folder and fs.stat(folder) then
            lab("stop", folder)
            must(fs.remove_tree(folder))
        end
    end)

    --- What of the machine a node could change while it runs.
    local function machine()
        return must(proc.run({"sh", "-c", [[
            ip -br link
            cat /proc/sys/vm/overcommit_memory /proc/sys/kernel/panic /proc/sys/net/ipv4/ip_forward
            ls -d /run/containerd /run/netns /var/lib/kubelet /var/log/pods /etc/cni 2>/dev/null
        ]]})).stdout
    end

    it("leaves no process, mount, cgroup or interface", function()
        local before = machine()
        local cgroup = started(proc.pid())
        assert.truthy(#processes(cgroup) > 5)
        assert.are.equal(before, machine())
        assert.are.equal(0, lab("stop", folder).code)
        assert_nothing_is_left(cgroup)
    end)

    it("is complete when the parent is killed, even without containerd", function()
        local sleeper <close> = assert(io.popen("sleep 600 & echo $!; exec cat >/dev/null"))
        local parent = sleeper:read("n")
        local cgroup = started(parent)
        local init = must(fs.read(folder .. "/init.pid")):match("%d+")
        local containerd = must(fs.read(folder .. "/node/containerd.pid")):match("%d+")
        must(proc.run({"nsenter", "--target", init, "--pid", "--mount", "kill", "-9", containerd}))
        must(proc.run({"kill", "-9", tostring(parent)}))
        eventually("the end of the lab", function()
            return not fs.stat(folder .. "/env") and #processes(cgroup) == 0
        end)
        assert_nothing_is_left(cgroup)
    end)
end)
