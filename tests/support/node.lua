--- The cluster with a node that specs run pods in: the one of SALVOR_NODE_DIR, otherwise a lab that
--- is started on first use and stopped when the process ends. Its images are `node.IMAGE`, a shell
--- with busybox's programs, and `node.BARE_IMAGE`, which holds neither shell nor tar.
local assert = require("luassert")
local k8s = require("salvor.k8s")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")

local node = {IMAGE = "localhost/busybox:1", BARE_IMAGE = "localhost/pause:1"}

-- The exit status of `lab start --node` where there can be none.
local CANNOT = 77

-- Keeps the finaliser until the state is closed.
local own -- luacheck: ignore 231
local folder, reason

--- Starts a lab with a node in `where`. nil and a reason where that cannot be; raises when it can
--- be and fails.
function node.start(where)
    local argv = {"tests/lab/lab", "start", where, "--node", "--parent", tostring(proc.pid())}
    local result = must(proc.run(argv, {timeout = 900}))
    if result.code == CANNOT then
        return nil, (result.stderr:gsub("^lab: ", ""):gsub("%s+$", ""))
    end
    if result.code ~= 0 then
        error(result.stderr)
    end
    return where
end

--- Stops what start() has started, and removes its folder.
function node.stop(where)
    local result = must(proc.run({"tests/lab/lab", "stop", where}, {timeout = 300}))
    if result.code ~= 0 then
        error(result.stderr)
    end
    must(fs.remove_tree(where))
end

local function start_own()
    local made = must(fs.temporary_folder())
    local started, why = node.start(made)
    if not started then
        must(fs.remove_tree(made))
        return nil, why
    end
    own = setmetatable({}, {__gc = function()
        os.execute(string.format("tests/lab/lab stop '%s'; rm -rf '%s'", made, made))
    end})
    return made
end

--- The folder of the lab; nil and a reason when there is none.
function node.folder()
    local named = os.getenv("SALVOR_NODE_DIR")
    if not folder and not reason then
        if named == "none" then
            reason = os.getenv("SALVOR_NODE_REASON") or "no node was started for this run"
        elseif named and named ~= "" then
            folder = named
        else
            folder, reason = start_own()
        end
    end
    return folder, reason
end

--- A describe() that becomes one skipped test, with the reason, when there is no node.
function node.describe(title, body)
    local busted = require("busted") -- which is not there for who only starts a node
    local found, why = node.folder()
    busted.describe(title, found and body or function()
        busted.it("needs a node # SKIP " .. why, function()
            busted.pending(why)
        end)
    end)
end

--- The path of the administrator's kubeconfig.
function node.kubeconfig()
    return assert(node.folder()) .. "/kubeconfig"
end

--- A client of the administrator; `opts` as for k8s.connect.
function node.client(opts)
    local all = {kubeconfig = node.kubeconfig()}
    for key, value in pairs(opts or {}) do
        all[key] = value
    end
    return must(k8s.connect(all))
end

--- The name of a new namespace in which pods can be created.
function node.namespace()
    local client = node.client()
    local made = must(client:create({
        apiVersion = "v1",
        kind = "Namespace",
        metadata = {generateName = "spec-"},
    }))
    local name = made.metadata.name
    -- Pods are refused before their account has a token.
    must(client:wait("serviceaccounts", "default", {
        namespace = name,
        create = true,
        ready = function(account)
            return account.secrets ~= nil
        end,
    }))
    return name
end

-- What may be said of a container beside its image and command.
local FIELDS = {"args", "env", "stdin", "stdinOnce", "tty", "ports", "volumeMounts",
                "readinessProbe", "lifecycle"}

--- A container for a pod's spec. Without a command one of node.IMAGE does nothing, for ever.
--- `opts`: name ("main"), image, command, and whatever FIELDS names.
function node.container(opts)
    local image = opts.image or node.IMAGE
    local container = {
        name = opts.name or "main",
        image = image,
        imagePullPolicy = "Never",
        command = opts.command or image == node.IMAGE and {"sleep", "86400"} or nil,
    }
    for _, field in ipairs(FIELDS) do
        container[field] = opts[field]
    end
    return container
end

local function containers(list, name)
    local all = {}
    for index, opts in ipairs(list) do
        all[index] = node.container(opts)
        all[index].name = name or all[index].name
    end
    return all
end

--- The object of a pod that ends at once when it is deleted. `opts`: name, namespace, labels,
--- annotations, restart ("Never"), volumes, init_containers, and either containers (a list for
--- node.container) or the fields of the only one.
function node.pod_object(opts)
    return {
        apiVersion = "v1",
        kind = "Pod",
        metadata = {
            name = opts.name,
            generateName = not opts.name and "pod-" or nil,
            namespace = opts.namespace,
            labels = opts.labels,
            annotations = opts.annotations,
        },
        spec = {
            containers = containers(opts.containers or {opts}, not opts.containers and "main"),
            initContainers = opts.init_containers and containers(opts.init_containers) or nil,
            volumes = opts.volumes,
            restartPolicy = opts.restart or "Never",
            terminationGracePeriodSeconds = 0,
        },
    }
end

local function is_in_phase(phase)
    return function(pod)
        return (pod.status or {}).phase == phase
    end
end

--- Creates the pod node.pod_object(opts) and waits until it is ready or has succeeded, or with
--- `opts.phase` until it is in that phase ("Failed", say). Gives the pod as it is then.
function node.pod(opts)
    local client = node.client()
    local made = must(client:create(node.pod_object(opts)))
    return must(client:wait("pods", made.metadata.name, {
        namespace = made.metadata.namespace,
        timeout = 120,
        ready = opts.phase and is_in_phase(opts.phase) or nil,
    }))
end

--- Asserts what read() gives of a container's log: a runtime writes the last lines a moment after
--- it has told that the container has ended.
function node.await_log(expected, read)
    local deadline = task.now() + 60
    while not pcall(assert.are.same, expected, read()) and task.now() < deadline do
        task.sleep(0.05)
    end
    assert.are.same(expected, read())
end

return node
