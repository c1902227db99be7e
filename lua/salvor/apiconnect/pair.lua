--- Backups of the management database and the portal that belong together, as apic-v10/backup notes
--- them: pairs/TIME.json in a store, one file for each pair.
local dates = require("salvor.dates")
local fields = require("salvor.k8s.fields")
local json = require("salvor.json")

local pair = {FOLDER = "pairs"}

local FORMAT = 1
local LIMIT = 1 << 20

--- path(time) -> where the pair of that time stands.
function pair.path(time)
    return pair.FOLDER .. "/" .. os.date("!%Y%m%dT%H%M%SZ", time) .. ".json"
end

--- encode(known) -> text. known: run, namespace, management {cluster, uid, version, name, id,
--- server, time}, portal {cluster, uid, version, name, time, ended}; times in seconds since 1970.
function pair.encode(known)
    local function described(half)
        local text = {at = dates.text(half.time)}
        for key, value in pairs(half) do
            text[key] = value
        end
        return text
    end
    return must(json.encode({
        format = FORMAT,
        run = known.run,
        namespace = known.namespace,
        management = described(known.management),
        portal = described(known.portal),
        apart = pair.apart(known),
    }, {indent = 2})) .. "\n"
end

--- apart(known) -> how many seconds the two are apart.
function pair.apart(known)
    return math.abs(known.management.time - known.portal.time)
end

--- Whether that is what encode() writes of a half.
local function is_half(half)
    return dates.seconds(fields.integer(half, "time")) ~= nil
        and (half.ended == nil or dates.seconds(fields.integer(half, "ended")) ~= nil)
        and fields.text(half, "uid") ~= nil and fields.text(half, "name") ~= nil
        and (half.server == nil or fields.text(half, "server") ~= nil)
end

--- What a file says, or nil when it is no pair: anybody may have written into it.
local function decode(text)
    local known = text and json.decode(text)
    local is_pair = fields.integer(known, "format") == FORMAT
        and is_half(fields.map(known, "management")) and is_half(fields.map(known, "portal"))
        and fields.text(known, "management", "id")
    return is_pair and known or nil
end

--- all(store) -> list of what encode() was given, newest first, and of the paths that are no pairs;
--- raises what fails.
function pair.all(store)
    local found, others = {}, {}
    local items, err = store:list(pair.FOLDER)
    if not items and err.code ~= "NotFound" then
        error(err, 0)
    end
    for _, item in ipairs(items or {}) do
        if item.path:find("%.json$") then
            local known = decode(must(store:read(item.path, {limit = LIMIT})))
            if known then
                known.path = item.path
                found[#found + 1] = known
            else
                others[#others + 1] = item.path
            end
        end
    end
    table.sort(found, function(a, b)
        return a.management.time > b.management.time
    end)
    return found, others
end

return pair
