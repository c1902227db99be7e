--- Restores of API Connect v10 portals: PortalRestore objects.
local action = require("salvor.apiconnect.action")
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local ready = require("salvor.k8s.ready")

local restore = {}

local RESTORE = apiconnect.PORTAL_RESTORE

--- all(client, portal) -> {in_flight = names, done = names}; dry runs are none.
function restore.all(client, portal)
    local found = {in_flight = {}, done = {}}
    for object in client:each(RESTORE) do
        local is_real = dig(object, "spec", "dryRun") ~= true
        if is_real and (dig(object, "spec", "portalCluster") or portal) == portal then
            local state = ready.state(object)
            local list = state == "waiting" and found.in_flight or state == "ready" and found.done
            if list then
                list[#list + 1] = object.metadata.name
            end
        end
    end
    return found
end

--- run(client, name, {portal, timestamp, dry_run}, timeout) -> the object; see action.run(). Not
--- while another restore of that portal is in flight.
function restore.run(client, name, wanted, timeout)
    for _, other in ipairs(wanted.dry_run and {} or restore.all(client, wanted.portal).in_flight) do
        if other ~= name and other:sub(1, #name + 1) ~= name .. "-" then
            error(errors.new({code = "Conflict", op = "restore",
                              message = "PortalRestore " .. other .. " is in flight",
                              hint = "wait until it has ended"}), 0)
        end
    end
    return action.run(client, RESTORE, {
        apiVersion = "portal.apiconnect.ibm.com/v1beta1",
        kind = "PortalRestore",
        spec = {type = "all", dryRun = wanted.dry_run, portalCluster = wanted.portal,
                timestamp = wanted.timestamp},
    }, name, timeout)
end

--- is_done(client, name) -> boolean: the restore that run() began with that name has succeeded.
function restore.is_done(client, name)
    return action.is_done(client, RESTORE, name)
end

--- actions(object) -> the lines in which a dry run tells what would be done.
function restore.actions(object)
    local lines = {}
    for _, field in ipairs({"message", "state"}) do
        local text = dig(object, "status", field)
        for line in (type(text) == "string" and text or ""):gmatch("[^\r\n]+") do
            lines[#lines + 1] = line
        end
    end
    return lines
end

return restore
