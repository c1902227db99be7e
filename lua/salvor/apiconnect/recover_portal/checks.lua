--- What must be so before a portal is recovered, beside salvor.apiconnect.recover: the checks of
--- apic-v10/recover-portal.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local dates = require("salvor.dates")
local find = require("salvor.k8s.find")
local fs = require("salvor.fs")
local management_restore = require("salvor.apiconnect.management_restore")
local restores = require("salvor.apiconnect.restores")
local sites = require("salvor.apiconnect.portal_sites")

local checks = {}

function checks.time(ctx)
    local time, management = ctx.params.timestamp, ctx.params.management_time
    local seconds = backup.seconds(time)
    if time ~= "now" and not seconds then
        ctx:problem("'" .. time .. "' is no time to restore to",
            "say -p timestamp=now, or YYYYMMDD.HHMMSS as the ids of backups have it")
    elseif seconds and seconds > os.time() then
        ctx:warn(time .. " is in the future: the newest backups are taken")
    end
    if management and not dates.compact(management) then
        ctx:problem("'" .. management .. "' is not the id of a management backup",
            "say -p management_time=YYYYMMDD-HHMMSS, with which such an id begins")
    end
end

function checks.sites(ctx)
    for _, site in ipairs(ctx.params.sites or {}) do
        if not sites.address(site) then
            ctx:problem("-p sites: '" .. site .. "' is not the address of a site",
                "give them as portal.example.org/organisation/catalog")
        end
    end
    local file = ctx.params.ca
    if file and not must(fs.read(file)):find("-----BEGIN CERTIFICATE-----", 1, true) then
        ctx:problem("-p ca: " .. file .. " holds no certificate", "it is a file in PEM form")
    end
end

-- The management subsystem

local FIRST = "the management subsystem is restored first, the portal immediately afterwards"

--- How many restores of it are complete; a problem where it is not up, and for each in flight.
local function check_management(ctx, object)
    local name = object.metadata.name
    local is_up, text = apiconnect.ready(object)
    if not is_up then
        ctx:problem("ManagementCluster " .. name .. " is not up: " .. text, FIRST)
    end
    local found = restores.all(ctx.k8s, management_restore, name)
    for _, restore in ipairs(found.in_flight) do
        ctx:problem(restore, FIRST)
    end
    return #found.done
end

function checks.management(ctx)
    local found = find.has_kind(ctx.k8s, apiconnect.MANAGEMENT)
        and must(ctx.k8s:list(apiconnect.MANAGEMENT)) or {}
    local restored = 0
    for _, object in ipairs(found) do
        restored = restored + check_management(ctx, object)
    end
    if not found[1] then
        ctx:warn("there is no management subsystem in namespace " .. ctx.namespace, FIRST)
    elseif restored == 0 then
        ctx:warn("no ManagementRestore is complete in namespace " .. ctx.namespace, FIRST)
    end
end

return checks
