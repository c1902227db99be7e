--- What must be so before a portal is recovered, beside salvor.apiconnect.recover: the checks of
--- apic-v10/recover-portal.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.portal_backup")
local dates = require("salvor.dates")
local find = require("salvor.k8s.find")
local fs = require("salvor.fs")
local ready = require("salvor.k8s.ready")
local sites = require("salvor.apiconnect.portal_sites")

local checks = {}

function checks.time(ctx)
    local time, management = ctx.params.timestamp, ctx.params.management_time
    local seconds = backup.seconds(time)
    if time ~= "now" and not seconds then
        ctx:problem("-p timestamp=" .. time .. " is no time",
            "now, or YYYYMMDD.HHMMSS as the ids of backups have it")
    elseif seconds and seconds > os.time() then
        ctx:warn("-p timestamp=" .. time .. " is in the future: the newest backups are taken")
    end
    if management and not dates.compact(management) then
        ctx:problem("-p management_time=" .. management .. " is no time",
            "it begins with YYYYMMDD-HHMMSS, as the ids of management backups do")
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

--- The objects of a kind in the namespace; none where the cluster does not know it.
local function list(ctx, plural)
    return find.has_kind(ctx.k8s, plural) and must(ctx.k8s:list(plural)) or {}
end

local FIRST = "the management subsystem is restored first, the portal immediately afterwards"

--- Management restores that are complete, and a problem for each in flight.
local function count_restored(ctx)
    local count = 0
    for _, object in ipairs(list(ctx, apiconnect.MANAGEMENT_RESTORE)) do
        local state = ready.state(object)
        count = count + (state == "ready" and 1 or 0)
        if state == "waiting" then
            ctx:problem("ManagementRestore " .. object.metadata.name .. " is in flight", FIRST)
        end
    end
    return count
end

function checks.management(ctx)
    local found = list(ctx, apiconnect.MANAGEMENT)
    for _, object in ipairs(found) do
        local is_up, text = apiconnect.ready(object)
        if not is_up then
            ctx:problem("ManagementCluster " .. object.metadata.name .. " is not up: " .. text,
                FIRST)
        end
    end
    if not found[1] then
        ctx:warn("there is no management subsystem in namespace " .. ctx.namespace, FIRST)
    elseif count_restored(ctx) == 0 then
        ctx:warn("no ManagementRestore is complete in namespace " .. ctx.namespace, FIRST)
    end
end

return checks
