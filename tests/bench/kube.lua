--- Reads of a Kubernetes API server, beside kubectl and, as the limit, a bare fetch by curl.
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("lab")
local task = require("salvor.task")

local OBJECTS = 10000
local MORE = 40000 -- so that 50,000 are walked
local WRITERS = 32

-- What each script begins with; `arg[1]` is the kubeconfig.
local HEAD = [[
local json, k8s = require("salvor.json"), require("salvor.k8s")
local c = must(k8s.connect({kubeconfig = arg[1], namespace = "bench", timeout = 120}))
]]

local SCRIPTS = {
    get = [[print(must(json.encode(must(c:get("configmaps", "cm-00001")), {indent = 4})))]],
    list = [[print(must(json.encode(must(c:list("configmaps", {full = true})), {indent = 4})))]],
    write = [[
        must(json.write(io.stdout, must(c:list("configmaps", {full = true})), {indent = 4}))
    ]],
    table = [[must(c:print_table("configmaps"))]],
    walk = [[
        local count = 0
        for _ in c:each("configmaps", {all_namespaces = true}) do
            count = count + 1
        end
        assert(count >= tonumber(arg[2]), count)
    ]],
    watch = [[
        local left, seen = tonumber(arg[2]), {}
        local ready = assert(io.open(arg[3], "w"))
        ready:close()
        for event in c:watch("configmaps", {timeout = 120}) do
            local name = event.object.metadata.name
            assert(event.type == "ADDED" and not seen[name], name)
            seen[name] = true
            left = left - 1
            if left == 0 then
                return
            end
        end
        error(left .. " events are missing")
    ]],
}

--- ConfigMaps of 1.6 kB as the server sends them.
local function fill(client, namespace, count)
    local numbers = {}
    for number = 1, count do
        numbers[number] = number
    end
    task.map(numbers, function(number)
        must(client:create({
            apiVersion = "v1",
            kind = "ConfigMap",
            metadata = {name = string.format("cm-%05d", number), namespace = namespace,
                        labels = {app = "bench", tier = "back"}},
            data = {key = ("x"):rep(600), count = "17",
                    text = ('line one\nline "two" '):rep(24)},
        }))
    end, {workers = WRITERS})
end

local function make_namespace(client, name)
    must(client:apply({apiVersion = "v1", kind = "Namespace", metadata = {name = name}}))
end

--- Fills `namespace` while a watch of it runs in a process of its own.
local function bench_watch(bench, watch, client, started)
    task.all({
        function()
            bench:single("watch 10,000 events", watch, 32)
        end,
        function()
            while not fs.stat(started) do
                task.sleep(0.01)
            end
            fill(client, "bench", OBJECTS)
        end,
    })
end

return function(bench, build)
    local at <close>, why = lab.start(bench)
    if not at then
        return bench:leave_out("kube", why)
    end
    local client = must(k8s.connect({kubeconfig = at.kubeconfig, timeout = 60}))
    make_namespace(client, "bench")
    make_namespace(client, "more")

    local function ours(name, ...)
        local path = bench:script(name, HEAD .. SCRIPTS[name])
        return {name = "salvor", argv = {fs.join(build, "salvor"), path, at.kubeconfig, ...}}
    end

    local function kubectl(...)
        return at:kubectl("get", "-n", "bench", ...)
    end

    local started = fs.join(bench.scratch, "started")
    bench_watch(bench, ours("watch", tostring(OBJECTS), started), client, started)

    local path = "/api/v1/namespaces/bench/configmaps"
    bench:pair("get one object", ours("get"), kubectl("configmaps", "cm-00001", "-o", "json"),
        {time = 0.25, memory = 0.33, bare = at:curl(path .. "/cm-00001")})
    -- kubectl leaves the managed fields out unless it is asked for them.
    local whole = kubectl("configmaps", "-o", "json", "--show-managed-fields")
    local limits = {time = 0.2, memory = 0.33, bare = at:curl(path), runs = 7}
    bench:pair("list 10,000, print(json.encode)", ours("list"), whole, limits)
    bench:pair("list 10,000, json.write", ours("write"), whole, limits)
    bench:pair("list 10,000 as a table", ours("table"), kubectl("configmaps"),
        {time = 0.33, bare = at:curl(path), runs = 7})
    fill(client, "more", MORE)
    bench:single("walk 50,000 with each", ours("walk", tostring(OBJECTS + MORE)), 40)
end
