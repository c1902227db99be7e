--- A procedure's client as a plan and as a run give it to steps.
local client = require("salvor.procedure.client")
local effects = require("salvor.procedure.effects")

local procedure_client = {}

--- A journal in memory.
local function journal()
    local records = {}
    return {records = records, append = function(_, record)
        record.number = #records + 1
        records[record.number] = record
        return record
    end}
end

--- The client of a plan, and the list of what it plans.
function procedure_client.planning(connection)
    local plan = effects.plan()
    return client.wrap(connection, {performer = plan, run = "r1"}), plan.list
end

--- The client of a run, and the records of its journal.
function procedure_client.running(connection)
    local kept = journal()
    return client.wrap(connection, {performer = effects.run(kept), run = "r1"}), kept.records
end

return procedure_client
