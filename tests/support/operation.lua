--- An operator at work on one procedure: a home, a cluster, and the commands that are given.
---
---     local operation <close> = operation.start{id = "apic-v10/backup", kubeconfig = file,
---         namespace = "apic", params = {...}, world = world}
---     local result = operation:run({timeout = "10m"})
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local luassert = require("luassert")
local merge = require("salvor.copy").merge
local salvor = require("support.salvor")

local operation = {}

local Operation = {}
Operation.__index = Operation

--- start{id, kubeconfig, namespace, params (of every command), env, world, folders (that it works
--- with beside its home)} -> operation. The world, when there is one, is closed with it, and the
--- namespace removed.
function operation.start(options)
    local started = setmetatable({home = must(fs.temporary_folder())}, Operation)
    for name, value in pairs(options) do
        started[name] = value
    end
    return started
end

--- A command line with the cluster of this operation. options: those of support.salvor.run.
function Operation:salvor(words, options)
    words = table.move(words, 1, #words, 1, {})
    for _, word in ipairs({"--kubeconfig", self.kubeconfig, "--namespace", self.namespace}) do
        words[#words + 1] = word
    end
    return salvor.run(words, merge({home = self.home, env = self.env}, options))
end

--- The parameters of every command.
function Operation:common_params()
    return self.params or {}
end

--- The words of `command` on the procedure, with these parameters beside those of every command; a
--- parameter that is false is left out.
function Operation:words(command, params)
    local words = {command, self.id}
    for name, value in pairs(merge(self:common_params(), params)) do
        if value then
            words[#words + 1] = "-p"
            words[#words + 1] = name .. "=" .. value
        end
    end
    return words
end

--- The words of a run with a yes to what is destructive.
function Operation:agreed_words(params)
    local words = self:words("run", params)
    words[#words + 1] = "--yes"
    return words
end

--- Runs it with that yes and without steps and checks: their ids, in one text.
function Operation:run_without(ids, params)
    local words = self:agreed_words(params)
    for id in ids:gmatch("%S+") do
        table.move({"--skip", id}, 1, 2, #words + 1, words)
    end
    return self:salvor(words)
end

function Operation:run(params, options)
    return self:salvor(self:words("run", params), options)
end

function Operation:plan(params, options)
    return self:salvor(self:words("plan", params), options)
end

--- The plan as JSON, and the result of the command.
function Operation:plan_json(params, options)
    local words = self:words("plan", params)
    table.move({"--output", "json"}, 1, 2, #words + 1, words)
    local result = self:salvor(words, options)
    return must(json.decode(result.stdout)), result
end

function Operation:resume(run, options)
    return self:salvor({"run", "--resume", run}, options)
end

--- A run that a check refuses: it says these things, and has changed nothing. Its result.
function Operation:expect_refused(params, ...)
    local before = self.world:snapshot()
    local result = self:run(params)
    salvor.expect_code(4, result)
    salvor.expect(result.stdout, "a check failed: nothing was changed", ...)
    luassert.same(before, self.world:snapshot())
    return result
end

--- The ids of the runs of this home, and their folder.
function Operation:runs()
    local folder, ids = fs.join(self.home, "state/salvor/runs"), {}
    for _, entry in ipairs(fs.list(folder) or {}) do
        ids[#ids + 1] = entry.name
    end
    return ids, folder
end

--- The only run so far.
function Operation:only_run()
    local ids = self:runs()
    assert(#ids == 1, "one run expected, there are " .. #ids)
    return ids[1]
end

function Operation:journal_path(run)
    local _, folder = self:runs()
    return fs.join(folder, run, "journal.jsonl")
end

--- The records of that run's journal, of the only run's when none is named.
function Operation:journal(run)
    return must(journal.read(self:journal_path(run or self:only_run())))
end

function Operation:close()
    if self.world then
        self.world:close()
    end
    local client <close> = must(k8s.connect({kubeconfig = self.kubeconfig}))
    client:delete("namespaces", self.namespace)
    must(fs.remove_tree(self.home))
end

function Operation:__close()
    self:close()
end

--- Another home for the same procedure on the same world, with fields of its own: another operator,
--- or a run that shall not see those before. Closing it leaves the world.
function Operation:another(fields)
    local other = merge(fields, {home = must(fs.temporary_folder())})
    function other.close()
        must(fs.remove_tree(other.home))
    end
    return setmetatable(other, {__index = self, __close = other.close})
end

--- Everything that a plan could have changed. What is in the cache is nothing but remembered.
function Operation:everything()
    local home = salvor.tree(self.home)
    for path in pairs(home) do
        home[path] = not path:find("^cache/") and home[path] or nil
    end
    local all = {objects = self.world:snapshot(), home = home}
    for number, folder in ipairs(self.folders or {}) do
        all[number] = fs.stat(folder) and salvor.tree(folder)
    end
    return all
end

--- The run id that a run's output names.
function operation.run_id(result)
    return result.stdout:match("run (%d+%-%d+%-%x+) of")
end

--- A class of operations with methods of its own.
function operation.new_class()
    local class = {}
    for name, method in pairs(Operation) do
        class[name] = method
    end
    class.__index = class
    return class
end

return operation
