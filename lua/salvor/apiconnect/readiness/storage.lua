--- Whether the storage of API Connect v10's backups holds what the cluster believes: it is opened
--- with the credentials that the subsystems use, and what lies there is verified.
local readiness = require("salvor.apiconnect.readiness")
local place = require("salvor.apiconnect.s3_place")
local store = require("salvor.store")
local subsystems = require("salvor.apiconnect.readiness.subsystems")
local urls = require("salvor.store.url")

local storage = {}

local PATIENCE = 30 -- seconds without a byte
local DAY = 86400
local TAKE_NEW = "look whether something removes backups there; then take a new one"

--- What says something of the way from here, not of the storage.
local AWAY = {Unreachable = true, Timeout = true, Disconnected = true, SlowDown = true,
              Untrusted = true}

-- Opening it

local function secret_named(own, name)
    return must(own.k8s:get("secrets", name))
end

--- The portal calls the access key and its secret username and password.
local function bucket_secret(name, object)
    if name == "management" then
        return object
    end
    local data = object.data or {}
    return {data = {key = data.username, keysecret = data.password}}
end

local function with_bucket(own, name, settings, fn)
    local has_own = (settings.backupCerts or "") ~= ""
    return place.with(settings, has_own and secret_named(own, settings.backupCerts) or nil, {
        secret = bucket_secret(name, secret_named(own, settings.credentials)),
        retries = 1, connect_timeout = PATIENCE, timeout = PATIENCE,
    }, fn)
end

local function sftp_url(settings)
    local host = settings.host:find(":", 1, true) and "[" .. settings.host .. "]" or settings.host
    local path = settings.path:sub(1, 1) == "/" and settings.path or "/~/" .. settings.path
    return string.format("sftp://%s:%d%s", host, settings.port or 22, urls.escape(path))
end

local function with_server(own, name, settings, fn)
    return fn(sftp_url(settings), {
        secret = secret_named(own, settings.credentials),
        host_key = own.params[name .. "_host_key"],
        retries = 1, timeout = PATIENCE,
    })
end

-- Judging it

local function kind_of(own, name, settings)
    if name == "portal" then
        return "portal"
    end
    local is_pgbackrest = settings.protocol == "objstore" and own.facts.owner.database == "crunchy"
    return is_pgbackrest and "pgbackrest" or "management_sftp"
end

--- Whether it is the one that the cluster believes to be newest, as verify names it.
local function is_newest(name, id)
    return name == id or name:sub(-#id - 1) == "/" .. id
end

--- What keeps a backup from being restored, of what was found.
local function reason(report, backup)
    for _, finding in ipairs(report.findings) do
        if finding.level == "error" and (not finding.backup or finding.backup == backup.name) then
            return finding.message .. (finding.object ~= "" and " (" .. tostring(finding.object)
                .. ")" or ""), finding.hint
        end
    end
    return report.summary
end

local function judge_backup(own, report, backup)
    if backup.restorable == false then
        local text, cure = reason(report, backup)
        return own:problem("what is stored of backup " .. backup.name .. " cannot be restored: "
            .. text, cure or "take a new backup")
    elseif backup.restorable == nil then
        own:warn("backup " .. backup.name .. " is encrypted: only names were looked at")
    end
    own:note("stored in " .. report.url .. ": backup " .. backup.name)
    if report.counts.errors > 0 then
        own:warn(string.format("older backups there cannot be restored (%s)", report.summary),
            "salvor verify " .. report.url .. " names each finding")
    end
end

local function judge_management(own, report)
    local id = own.facts.backup.id
    if not id then
        return own:warn("backup " .. own.facts.backup.name .. " does not tell its id: it was not"
            .. " looked for in " .. report.url)
    end
    for _, backup in ipairs(report.backups) do
        if is_newest(backup.name, id) then
            return judge_backup(own, report, backup)
        end
    end
    own:problem("the newest backup, " .. id .. ", is not in " .. report.url, TAKE_NEW)
end

local function judge_portal(own, report)
    local newest, set = own.facts.backup, report.backups[1]
    local id, finished = newest.id, set and set.finished
    local is_older = finished and (id and os.date("!%Y%m%d.%H%M%S", finished) < id
        -- Without an id its time is that of the cluster's clock.
        or not id and newest.time - finished > DAY)
    if is_older then
        return own:problem("the newest backup, " .. (id or newest.name) .. ", is not in "
            .. report.url, TAKE_NEW)
    elseif not set then
        return own:problem("there is no backup in " .. report.url, "take a new one")
    end
    judge_backup(own, report, set)
end

local JUDGE = {management = judge_management, portal = judge_portal}

local function verify(own, name, settings)
    local open = settings.protocol == "objstore" and with_bucket or with_server
    return open(own, name, settings, function(url, options)
        return store.verify(url, {kind = kind_of(own, name, settings), open = options,
                                  time = name == "portal" and "now" or nil})
    end)
end

local function away(own, settings, err)
    local is_key = err.code == "Untrusted" and settings.protocol == "sftp"
    local cure = is_key and "accept the server's key by"
        .. " ~/.ssh/known_hosts or -p " .. own.subsystem .. "_host_key=SHA256:…" or err.hint
    own:warn("its storage could not be looked into from here: " .. err.message, cure)
end

local function check(own, name)
    local subject = subsystems.kind(name)
    local settings = subject:backup_settings(subject:get(own))
    local report, err = readiness.try(verify, own, name, settings)
    if report then
        JUDGE[name](own, report)
    elseif AWAY[err.code] then
        away(own, settings, err)
    else
        own:problem("its storage: " .. err.message, err.hint
            or "look at " .. subject.backup_field .. " and the secret it names")
    end
end

--- Check: the newest backups are there and can be restored. A storage that cannot be reached from
--- here says nothing, and is a warning.
function storage.check(look)
    if not readiness.was_done(look, "backup-settings") or not readiness.was_done(look, "backups")
    then
        return
    end
    readiness.each(look, "storage", function(own, name)
        if own.facts.has_place and own.facts.backup then
            check(own, name)
        end
    end)
end

return storage
