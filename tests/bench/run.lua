-- Paired benchmarks: salvor tests/bench/run.lua BUILD-FOLDER
--
-- Each pair is run in turn, A B A B ..., as whole processes; printed are the medians, the ratio of
-- each pair's medians, and the peak memory of one more run of each. Nothing here passes or fails:
-- the figures are for people, on one machine, in one run.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")
local ui = require("salvor.ui")

local BUILD = assert(arg[1], "the build folder is missing")
local SALVOR = fs.join(BUILD, "salvor")
local RUNS = 9

local scratch = must(fs.temporary_folder())
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    must(fs.remove_tree(scratch))
end})

local function seconds(argv)
    local began = task.now()
    local result = must(proc.run(argv, {timeout = 120, limit = 1 << 30}))
    assert(result.code == 0, argv[1] .. " failed: " .. result.stderr)
    return task.now() - began
end

local function median(numbers)
    table.sort(numbers)
    return numbers[(#numbers + 1) // 2]
end

-- MiB, by GNU time: a process started from here would count our own memory as its own.
local function peak(argv)
    local timed = {"/usr/bin/time", "-f", "%M"}
    table.move(argv, 1, #argv, #timed + 1, timed)
    local result = must(proc.run(timed, {timeout = 120, limit = 1 << 30}))
    return tonumber(result.stderr:match("(%d+)%s*$")) / 1024
end

local function measure_pair(a, b)
    seconds(a)
    seconds(b)
    local times_a, times_b = {}, {}
    for run = 1, RUNS do
        times_a[run] = seconds(a)
        times_b[run] = seconds(b)
    end
    return median(times_a), median(times_b)
end

local rows = {}

local function pair(name, a, b, limit)
    local time_a, time_b = measure_pair(a.argv, b.argv)
    rows[#rows + 1] = {
        name,
        string.format("%.1f ms", time_a * 1000), a.name,
        string.format("%.1f ms", time_b * 1000), b.name,
        string.format("%.2f", time_a / time_b), limit or "",
        string.format("%.1f MiB", peak(a.argv)), string.format("%.1f MiB", peak(b.argv)),
    }
end

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

local function script(name, code)
    local path = fs.join(scratch, name)
    must(fs.write(path, code))
    return path
end

local empty = {name = "salvor -e ''", argv = {SALVOR, "-e", ""}}
pair("start", empty, {name = "lua5.4 -e ''", argv = {"lua5.4", "-e", ""}})
if proc.which("kubectl") then
    local kubectl = {name = "kubectl version", argv = {"kubectl", "version", "--client"}}
    pair("start", empty, kubectl, "0.17")
end

local yaml_file, json_file = fs.join(scratch, "bench.yaml"), fs.join(scratch, "bench.json")
write_yaml(yaml_file, 10 << 20)
write_json(json_file, 16 << 20)
local walk = {name = "libyaml events", argv = {fs.join(BUILD, "bench/yaml_walk"), yaml_file}}
local load_yaml = script("load.lua", [[
    local fs, yaml = require("salvor.fs"), require("salvor.yaml")
    assert(yaml.load_all(assert(fs.read(arg[1]))))
]])
local round_trip = script("round.lua", [[
    local fs, yaml = require("salvor.fs"), require("salvor.yaml")
    assert(yaml.dump_all(assert(yaml.load_all(assert(fs.read(arg[1]))))))
]])
local decode = script("decode.lua", [[
    local fs, json = require("salvor.fs"), require("salvor.json")
    assert(json.decode(assert(fs.read(arg[1]))))
]])
local loads = {name = "json_loads", argv = {fs.join(BUILD, "bench/json_loads"), json_file}}

local function ours(name, path, input)
    return {name = name, argv = {SALVOR, path, input}}
end

pair("YAML load 10 MiB", ours("yaml.load_all", load_yaml, yaml_file), walk, "2.0")
pair("YAML load and dump", ours("load_all, dump_all", round_trip, yaml_file), walk, "2.0")
pair("JSON decode 16 MiB", ours("json.decode", decode, json_file), loads, "2.0")

ui.print_table({"WHAT", "A", "", "B", "", "A/B", "AT MOST", "PEAK A", "PEAK B"}, rows)
