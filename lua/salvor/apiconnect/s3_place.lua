--- The place in S3 that API Connect v10 keeps the backups of its management database in, as its
--- resources name it, and as Salvor reaches it.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local schedule = require("salvor.apiconnect.schedule")
local storage = require("salvor.apiconnect.storage")
local unbase64 = require("salvor.digest").unbase64

local place = {}

--- The key of the Secret that backupCerts names.
place.CA_KEY = "ca.crt"

--- split_path("bucket/folder") -> bucket, folder or nil; nil, what is wrong. A folder below a
--- folder is none that the vendor supports.
function place.split_path(path)
    local bucket, rest = tostring(path):match("^([^/]+)(.*)$")
    local folder = rest and rest:match("^/([^/]+)$")
    if not bucket then
        return nil, "it begins with the name of a bucket, not with /"
    elseif rest ~= "" and not folder then
        return nil, "it is a bucket, or a bucket and one folder in it; deeper folders and a / at"
            .. " the end are not supported"
    elseif not bucket:find("^[%l%d][%l%d.-]+[%l%d]$") then
        return nil, "'" .. bucket .. "' is not the name of a bucket"
    end
    return bucket, folder
end

--- The URL of such a path for salvor.store.
function place.url(path)
    return "s3://" .. path
end

--- The options of salvor.store for a databaseBackup; `more` are credentials and `ca`.
function place.options(settings, more)
    local endpoint, region = tostring(settings.host):match("^(.+)/([^/]+)$")
    return merge({
        endpoint = endpoint and "https://" .. endpoint,
        region = region,
        style = settings.backups3URIStyle or settings.s3provider == "custom" and "host" or nil,
    }, more)
end

--- with(settings, certificate, more, fn) -> what fn(url, options) gives. `certificate` is the
--- Secret that backupCerts names, whose certificate is in a file while fn is at work; nil when none
--- is.
function place.with(settings, certificate, more, fn)
    if not certificate then
        return fn(place.url(settings.path), place.options(settings, more))
    end
    local folder = must(fs.temporary_folder())
    local removed <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        fs.remove_tree(folder)
    end})
    local ca = fs.join(folder, place.CA_KEY)
    must(fs.write(ca, must(unbase64(dig(certificate, "data", place.CA_KEY) or ""))))
    return fn(place.url(settings.path), place.options(settings, merge(more, {ca = ca})))
end

--- check_retention(ctx, opened, complain, retain): says by complain(ctx, message, hint) what the
--- server does by itself with the objects of a store, and warns where that cannot be asked. retain:
--- what says how many backups are kept.
function place.check_retention(ctx, opened, complain, retain)
    local found, err = opened:retention()
    local off = "have that turned off: backups of which parts are gone cannot be restored; how many"
        .. " are kept is said by " .. retain
    if not found then
        return ctx:warn("whether the bucket of " .. opened.url .. " removes objects by itself"
            .. " cannot be asked: " .. err.message,
            "look at its lifecycle rules and its lock; " .. off)
    end
    for _, rule in ipairs(found.rules) do
        complain(ctx, "the bucket of " .. opened.url .. " has the lifecycle rule '" .. rule.id
            .. "', which " .. rule.does, off)
    end
    if found.lock then
        complain(ctx, "the bucket of " .. opened.url .. " locks every object (" .. found.lock
            .. ")", off)
    end
end

--- problems(settings, version) -> list of {message, hint}: what is wrong with settings that are to
--- be put in. What storage.problems finds in those that are in use is part of it.
function place.problems(settings, version)
    local problems = storage.problems("databaseBackup", settings, version)
    local bucket, wrong = place.split_path(settings.path)
    if not bucket then
        problems[#problems + 1] = {"the path '" .. tostring(settings.path) .. "' cannot be used",
                                   wrong}
    end
    if settings.repoRetentionFull and not apiconnect.at_least(version, "10.0.3.0") then
        problems[#problems + 1] = {"repoRetentionFull is set, which " .. version
            .. " does not know", "it came with 10.0.3.0: leave out -p retain"}
    end
    local problem, example = schedule.problem(settings.schedule, version)
    if problem then
        problems[#problems + 1] = {problem, example}
    end
    return problems
end

--- What is compared of two databaseBackups.
local function comparable(settings)
    local fields = {}
    for name, value in pairs(storage.lasting(type(settings) == "table" and settings or {})) do
        fields[name] = value ~= "" and value or nil
    end
    return fields
end

--- Whether the resource has these settings already.
function place.is_set(live, wanted)
    live, wanted = comparable(live), comparable(wanted)
    for name, value in pairs(live) do
        if wanted[name] ~= value then
            return false
        end
    end
    for name in pairs(wanted) do
        if live[name] == nil then
            return false
        end
    end
    return true
end

return place
