--- The database operators below API Connect v10: Crunchy's up to 10.0.5, EDB's from 10.0.8 on.
--- A Pgtask has no documented state, and so no rule.
local fields = require("salvor.k8s.fields")

local text = fields.text

local rules = {}

--- status.state is "pgcluster Created", then Processed, Bootstrapping, Bootstrapped, Restoring...
rules["crunchydata.com/Pgcluster"] = function(object)
    local state = text(object, "status", "state")
    if state == "pgcluster Initialized" then
        return "ready"
    end
    return "waiting", fields.join(state or "no state yet", text(object, "status", "message"))
end

local EDB = "postgresql.k8s.enterprisedb.io/"

rules[EDB .. "Cluster"] = function(object)
    local phase = text(object, "status", "phase")
    local wanted = fields.integer(object, "spec", "instances") or 1
    local ready = fields.count(object, "status", "readyInstances")
    if phase == "Cluster in healthy state" and ready >= wanted then
        return "ready"
    end
    return "waiting", fields.join(phase or "no phase yet", text(object, "status", "phaseReason"),
        string.format("%d of %d instances are ready", ready, wanted))
end

--- "walArchivingFailing" is no end: the operator goes on trying.
rules[EDB .. "Backup"] = function(object)
    local phase, why = text(object, "status", "phase"), text(object, "status", "error")
    if phase == "completed" then
        return "ready"
    elseif phase == "failed" then
        return "failed", why or "phase failed"
    end
    return "waiting", fields.join(phase and "phase " .. phase
        or "its operator has not begun with it yet", why)
end

return rules
