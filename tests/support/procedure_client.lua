--- A procedure's client as a plan and as a run give it to steps.
local client = require("salvor.procedure.client")
local effects = require("salvor.procedure.effects")
local json = require("salvor.json")

local procedure_client = {}

--- A journal in memory.
local function journal()
    local records = {}
    return {records = records, append = function(_, record)
        record.number = #records + 1
        must(json.encode(record)) -- what a file could not hold has no place in it
        records[record.number] = record
        return record
    end}
end

--- The performer of a plan, and the list of what it plans.
function procedure_client.plan()
    local plan = effects.plan()
    return plan, plan.list
end

--- The performer of a run, and the records of its journal.
function procedure_client.run()
    local kept = journal()
    return effects.run(kept), kept.records
end

--- The client that a performer gives to steps.
function procedure_client.wrap(connection, performer)
    return client.wrap(connection, {performer = performer, run = "r1"})
end

--- The client of a plan, and the list of what it plans.
function procedure_client.planning(connection)
    local plan, list = procedure_client.plan()
    return procedure_client.wrap(connection, plan), list
end

--- The client of a run, and the records of its journal.
function procedure_client.running(connection)
    local run, records = procedure_client.run()
    return procedure_client.wrap(connection, run), records
end

function procedure_client.config_map(name, data, labels)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name, labels = labels},
            data = data}
end

function procedure_client.deployment(name, replicas)
    return {
        apiVersion = "apps/v1", kind = "Deployment", metadata = {name = name},
        spec = {
            replicas = replicas, selector = {matchLabels = {app = name}},
            template = {metadata = {labels = {app = name}},
                        spec = {containers = {{name = "c", image = "none"}}}},
        },
    }
end

--- "op path: before -> after" of what a planned effect asks for, without what the server adds.
function procedure_client.changes_of(effect)
    local lines = {}
    for _, change in ipairs(effect.changes) do
        if change.by ~= "server" then
            lines[#lines + 1] = string.format("%s %s: %s -> %s", change.op, change.path,
                change.before or "", change.after or "")
        end
    end
    return lines
end

return procedure_client
