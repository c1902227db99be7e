--- The start of the program, YAML and JSON, beside lua5.4, kubectl, libyaml and jansson.
local fs = require("salvor.fs")
local proc = require("salvor.proc")

local function repeat_to_size(text, size)
    return text:rep(size // #text + 1)
end

-- Many documents of the shape that clusters have: nested maps, lists, strings, a block scalar.
local function write_yaml(path, size)
    local document = [[
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: portal-www-7f9c
  namespace: apic
  labels:
    app.kubernetes.io/instance: portal
    app.kubernetes.io/managed-by: ibm-apiconnect
  annotations:
    description: "serves the developer portal: pages, forms"
spec:
  replicas: 3
  paused: false
  template:
    spec:
      containers:
      - name: admin
        image: registry.local/portal/admin:10.0.5.3
        args: ["--port", "8443", "--verbose"]
        env:
        - name: PORTAL_HOST
          value: portal.example.com
        - name: RETRIES
          value: "3"
        resources:
          limits: {cpu: "2", memory: 4Gi}
  script: |
    set -e
    for site in $(list_sites); do
      backup "$site"
    done
]]
    must(fs.write(path, repeat_to_size(document, size)))
end

local function write_json(path, size)
    local item = [[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm-%d","namespace":]]
        .. [["default","uid":"447ea4b3-9514-4a84-a34b-ce0b349838da","resourceVersion":"%d",]]
        .. [["creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"bench","tier":"back"}},]]
        .. [["data":{"key":"%s","count":"17","text":"line one\nline two \"quoted\""}}]]
    local items, used, number = {}, 0, 0
    while used < size do
        number = number + 1
        items[number] = item:format(number, number * 7, ("x"):rep(600))
        used = used + #items[number]
    end
    must(fs.write(path, '{"kind":"List","items":[' .. table.concat(items, ",") .. "]}"))
end

local function bench_start(bench, salvor)
    local empty = {name = "salvor -e ''", argv = {salvor, "-e", ""}}
    bench:pair("start", empty, {name = "lua5.4 -e ''", argv = {"lua5.4", "-e", ""}})
    if proc.which("kubectl") then
        bench:pair("start", empty, {name = "kubectl version",
                                    argv = {"kubectl", "version", "--client"}}, {time = 0.17})
    end
end

return function(bench, build)
    local salvor = fs.join(build, "salvor")
    local yaml_file = fs.join(bench.scratch, "bench.yaml")
    local json_file = fs.join(bench.scratch, "bench.json")
    local walk = {name = "libyaml events", argv = {fs.join(build, "bench/yaml_walk"), yaml_file}}
    local loads = {name = "json_loads", argv = {fs.join(build, "bench/json_loads"), json_file}}

    local function ours(name, file, code)
        local path = bench:script(name, [[
            local fs, json = require("salvor.fs"), require("salvor.json")
            local yaml = require("salvor.yaml")
            local text = assert(fs.read(arg[1]))
        ]] .. code)
        return {name = name, argv = {salvor, path, file}}
    end

    write_yaml(yaml_file, 10 << 20)
    write_json(json_file, 16 << 20)
    bench_start(bench, salvor)
    bench:pair("YAML load 10 MiB", ours("yaml.load_all", yaml_file,
        "assert(yaml.load_all(text))"), walk, {time = 2})
    bench:pair("YAML load and dump", ours("load_all, dump_all", yaml_file,
        "assert(yaml.dump_all(assert(yaml.load_all(text))))"), walk, {time = 2})
    bench:pair("JSON decode 16 MiB", ours("json.decode", json_file,
        "assert(json.decode(text))"), loads, {time = 1})
    bench:pair("JSON decode and encode", ours("decode, encode", json_file,
        "assert(json.encode(assert(json.decode(text))))"), loads, {time = 1})
end
