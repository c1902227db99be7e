--- What makes one recovery of two: which backups of management and portal belong together. Steps of
--- apic-v10/recover.
---
--- ctx.facts: management and portal, of the parts; pair {id, server, time, ended}, when one is
--- recorded.
local dates = require("salvor.dates")
local dig = require("salvor").dig
local errors = require("salvor.error")
local management_kit = require("salvor.apiconnect.management_kit")
local pair = require("salvor.apiconnect.pair")
local portal_backup = require("salvor.apiconnect.portal_backup")
local portal_kit = require("salvor.apiconnect.portal_kit")

local recover_pair = {}

local function time_text(time)
    return os.date("!%Y%m%d.%H%M%S", time)
end

-- What the parts are given

--- The parameters of the management part: which backup.
function recover_pair.of_management(ctx, param)
    local known = ctx.facts.pair
    if param == "backup" then
        return known and known.id or "newest"
    elseif param == "server_name" then
        return known and known.server or nil
    end
end

--- The time until which portal backups count: the end of the recorded one, otherwise as long after
--- the management backup as the two may be apart, though not after the run has begun: what is newer
--- is of the new, still empty portal. A plan has no such moment: it would never be the same again.
local function portal_time(ctx)
    local known, chosen = ctx.facts.pair, dig(ctx.facts, "management", "backup", "time")
    if known then
        return time_text(known.ended)
    end
    if not chosen then
        return "now"
    end
    local limit = chosen + ctx.params.max_skew
    return time_text(math.min(limit, dates.compact(ctx.run) or limit))
end

--- The parameters of the portal part.
function recover_pair.of_portal(ctx, param)
    if param == "timestamp" then
        return portal_time(ctx)
    elseif param == "management_time" then
        local backup = dig(ctx.facts, "management", "backup")
        return backup and backup.time and backup.id or nil
    elseif param == "dry_run" then
        return false
    end
end

-- Steps

--- The newest recorded pair of these two systems, or the one that is named.
local function choose(ctx, management, portal)
    local store <close> = ctx:store(ctx.params.record)
    local wanted, count = ctx.params.pair, 0
    for _, known in ipairs(pair.all(store)) do
        if known.management.uid == management.uid and known.portal.uid == portal.uid then
            count = count + 1
            if wanted == "newest" or known.path:find("/" .. wanted .. ".json", 1, true) then
                return known
            end
        end
    end
    ctx:problem(count == 0 and "no pair of these two systems is recorded in " .. store.url
        or "none of the " .. count .. " recorded pairs of these systems is " .. wanted,
        "leave out -p record: then the newest management backup is taken, and the portal's that is"
            .. " nearest in time")
end

local function top_text(kit)
    return kit.top and "APIConnectCluster " .. kit.top or "no APIConnectCluster"
end

--- Check: the kits are of one installation, and which backups are to be restored.
function recover_pair.check(ctx)
    local management = management_kit.read(ctx:kit(ctx.params.management_kit))
    local portal = portal_kit.read(ctx:kit(ctx.params.portal_kit))
    if management.version ~= portal.version then
        ctx:warn("the kit of management is of version " .. management.version .. ", that of the"
            .. " portal of " .. portal.version, "make sure that they are of one installation")
    end
    if management.top ~= portal.top then
        ctx:problem("the kit of management is of " .. top_text(management) .. ", that of the portal"
            .. " of " .. top_text(portal), "give kits of one installation")
    end
    if not ctx.params.record then
        return ctx:warn("no record of pairs is given: the portal is restored to the newest backups"
            .. " until max_skew after that of management", "-p record=… names the place where"
            .. " apic-v10/backup has recorded them")
    end
    local known = choose(ctx, management, portal)
    if known then
        ctx.facts.pair = {id = known.management.id, server = known.management.server,
                          time = known.management.time,
                          ended = known.portal.ended or known.portal.time}
        ctx:note(string.format("pair of %s: management %s, portal %s", known.management.at,
            known.management.id, known.portal.name))
    end
end

--- The portal's backups that were chosen are of the time of the management database.
function recover_pair.compare(ctx)
    local portal = dig(ctx.facts, "portal", "set", "system", "id")
    local management = dig(ctx.facts, "management", "backup", "time")
    if ctx.planning or not portal or not management then
        return
    end
    local apart = math.abs(portal_backup.seconds(portal) - management)
    if apart > ctx.params.max_skew then
        error(errors.new({
            code = "Failed",
            message = string.format("the backup of the portal, %s, and that of the management"
                .. " database, %s, are %d seconds apart, %d are allowed", portal,
                ctx.facts.management.backup.id, apart, ctx.params.max_skew),
            hint = "sites would not fit the database: recover the portal by itself, with"
                .. " apic-v10/recover-portal, from backups that do",
        }), 0)
    end
    ctx:note(string.format("management and portal backup are %d seconds apart", apart))
end

return recover_pair
