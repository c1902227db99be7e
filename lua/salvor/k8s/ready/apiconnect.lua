--- IBM API Connect v10 and v2018, by the vendor's CRDs, scripts and outputs.
---
--- How v10 spells a failure is documented only for portal backups and restores ("Failed"). For the
--- others a phase with "fail" or "error" in it is one: no known good phase has either. Kinds whose
--- phases nobody documents (analytics backups and restores, secret rotations) have no rule here.
local fields = require("salvor.k8s.fields")

local text = fields.text

local rules = {}

--- "phase Running, state 18/18, message ...", as salvor.k8s.status says it.
local function words_of(object)
    local words = {"phase " .. (text(object, "status", "phase") or "(none)")}
    for _, field in ipairs({"state", "message"}) do
        local said = text(object, "status", field)
        words[#words + 1] = said and field .. " " .. said
    end
    return table.concat(words, ", ")
end

--- `phases`: those in which all is well. "18/18": as many parts are up as there are.
local function subsystem(phases)
    return function(object)
        local phase, parts = text(object, "status", "phase"), text(object, "status", "state")
        local up, all = (parts or ""):match("^(%d+)/(%d+)$")
        local is_up = phases[phase or ""] and up ~= nil and up == all and tonumber(up) > 0
        return is_up and "ready" or "waiting", words_of(object)
    end
end

--- The health rule of the vendor's own scripts.
rules["management.apiconnect.ibm.com/ManagementCluster"] = subsystem({Running = true})
rules["portal.apiconnect.ibm.com/PortalCluster"] = subsystem({Running = true})

--- These show the same columns; their good phase is Running or Ready, by kind and release.
local either = subsystem({Running = true, Ready = true})
rules["apiconnect.ibm.com/APIConnectCluster"] = either
rules["analytics.apiconnect.ibm.com/AnalyticsCluster"] = either
rules["gateway.apiconnect.ibm.com/GatewayCluster"] = either

local function is_failure(phase)
    local word = phase:lower()
    return word:find("failed", 1, true) ~= nil or word:find("failure", 1, true) ~= nil
        or word:find("error", 1, true) ~= nil
end

--- An action that runs through phases to one of `good`. The reason stands in message or state.
local function action(good)
    return function(object)
        local phase = text(object, "status", "phase")
        if not phase then
            return "waiting", "its operator has not begun with it yet"
        end
        local words = words_of(object)
        if good[phase] then
            return "ready", words
        elseif is_failure(phase) then
            return "failed", fields.join(text(object, "status", "message"),
                text(object, "status", "state")) or words
        end
        return "waiting", words
    end
end

rules["management.apiconnect.ibm.com/ManagementBackup"] = action({Ready = true})
rules["management.apiconnect.ibm.com/ManagementRestore"] = action({Complete = true})
rules["management.apiconnect.ibm.com/ManagementDBUpgrade"] = action({Complete = true, Ready = true})
rules["portal.apiconnect.ibm.com/PortalBackup"] = action({Ready = true})
rules["portal.apiconnect.ibm.com/PortalRestore"] = action({Ready = true})

--- v2018: the database is restored when its cluster says so; the restore job ends before that. The
--- vendor names the field in two ways. No text of a failure is documented.
rules["apic.ibm.com/CassandraCluster"] = function(object)
    local begun, done = false, true
    for _, field in ipairs({"ClusterRestoreStatus", "CassandraRestoreStatus"}) do
        local restore = text(object, "status", field)
        if restore and is_failure(restore) then
            return "failed", "restore: " .. restore
        elseif restore then
            done = done and restore == "completed"
            begun = restore ~= "completed" and restore or begun or restore
        end
    end
    if begun and done then
        return "ready", "restore completed"
    end
    return "waiting", begun and "restore: " .. begun or "no restore has been started"
end

return rules
