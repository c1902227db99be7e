--- A simulated API Connect v10 with a kit's folder and a home of its own, and the commands that a
--- test of apic-v10/prepare-management gives.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10")

local apic = {ID = "apic-v10/prepare-management"}

local Fixture = {}
Fixture.__index = Fixture

--- start(options of the world) -> fixture {world, namespace, home, kit}
function apic.start(options)
    local given = {}
    for name, value in pairs(options or {}) do
        given[name] = value
    end
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local home = must(fs.temporary_folder())
    return setmetatable({
        world = world.start(given),
        kubeconfig = given.kubeconfig,
        namespace = given.namespace,
        home = home,
        kit = fs.join(home, "kit"),
    }, Fixture)
end

--- A command line with the cluster of this fixture.
function Fixture:salvor(words, options)
    words = table.move(words, 1, #words, 1, {})
    for _, word in ipairs({"--kubeconfig", self.kubeconfig, "--namespace", self.namespace}) do
        words[#words + 1] = word
    end
    local all = {home = self.home}
    for name, value in pairs(options or {}) do
        all[name] = value
    end
    return salvor.run(words, all)
end

local function with_params(words, params)
    for name, value in pairs(params) do
        words[#words + 1] = "-p"
        words[#words + 1] = name .. "=" .. value
    end
    return words
end

local function procedure(self, command, params)
    local all = {kit = self.kit}
    for name, value in pairs(params or {}) do
        all[name] = value
    end
    return with_params({command, apic.ID}, all)
end

--- salvor run apic-v10/prepare-management with these parameters
function Fixture:run(params, options)
    return self:salvor(procedure(self, "run", params), options)
end

function Fixture:plan(params, options)
    return self:salvor(procedure(self, "plan", params), options)
end

function Fixture:plan_json(params)
    local words = procedure(self, "plan", params)
    table.move({"--output", "json"}, 1, 2, #words + 1, words)
    local result = self:salvor(words)
    return must(json.decode(result.stdout)), result
end

function Fixture:resume(run, options)
    return self:salvor({"run", "--resume", run}, options)
end

--- The folder of this home's runs, and the ids of the runs in it.
function Fixture:runs()
    local folder, ids = fs.join(self.home, "state/salvor/runs"), {}
    for _, entry in ipairs(fs.list(folder) or {}) do
        ids[#ids + 1] = entry.name
    end
    return ids, folder
end

--- The only run so far.
function Fixture:only_run()
    local ids = self:runs()
    assert(#ids == 1, "one run expected, there are " .. #ids)
    return ids[1]
end

function Fixture:journal_path(run)
    local _, folder = self:runs()
    return fs.join(folder, run, "journal.jsonl")
end

--- The folder of the latest generation of the kit in the folder `kit`, this fixture's when nil.
function Fixture:latest(kit)
    kit = kit or self.kit
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

function Fixture:manifest()
    return must(json.decode(must(fs.read(fs.join(self:latest(), "manifest.json")))))
end

--- What the latest generation holds: {path = data}
function Fixture:files()
    return salvor.tree(self:latest())
end

function Fixture:close()
    self.world:close()
    local client <close> = must(k8s.connect({kubeconfig = self.kubeconfig}))
    client:delete("namespaces", self.namespace)
    must(fs.remove_tree(self.home))
end

Fixture.__close = Fixture.close

--- The run id that a run's output names.
function apic.run_id(result)
    return result.stdout:match("run (%d+%-%d+%-%x+) of")
end

return apic
