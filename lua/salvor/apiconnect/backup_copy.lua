--- The backups of an API Connect v10 management database on S3, copied to a path of their own: a
--- repository of pgBackRest up to 10.0.5, a tree of Barman's from 10.0.8 on.
---
--- `secrets` are those that databaseBackup names, by their role; `settings` is databaseBackup; `to`
--- is a new path like its own.
local dig = require("salvor").dig
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local pgbackrest = require("salvor.pgbackrest")
local store = require("salvor.store")

local backup_copy = {}

--- The options of salvor.store that reach the bucket; `ca` is a file.
local function options_for(settings, credentials, ca)
    local endpoint, region = tostring(settings.host):match("^(.+)/([^/]+)$")
    return {
        endpoint = endpoint and "https://" .. endpoint,
        region = region,
        secret = credentials,
        ca = ca,
        style = settings.backups3URIStyle,
    }
end

--- fn(from, to, options), with the certificate of the secret in a file while it is at work.
local function with_places(secrets, settings, to, fn)
    local encoded = dig(secrets, "databaseBackup.backupCerts", "data", "ca.crt")
    local folder = must(fs.temporary_folder())
    local removed <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        fs.remove_tree(folder)
    end})
    local ca = encoded and fs.join(folder, "ca.crt")
    if ca then
        must(fs.write(ca, digest.unbase64(encoded) or ""))
    end
    return fn("s3://" .. settings.path, "s3://" .. to,
        options_for(settings, secrets["databaseBackup.credentials"], ca))
end

local function check_tree(from, to, options)
    local empty, found = store.is_empty(from, {open = options})
    if empty == nil then
        return nil, found
    elseif empty then
        return nil, errors.new({code = "NotFound", message = "there is nothing in " .. from})
    end
    empty, found = store.is_empty(to, {open = options})
    if empty == false then
        return nil, errors.new({code = "AlreadyExists", message = to .. " is not empty: "
            .. table.concat(found, ", "), hint = "copy to a new path"})
    end
    return empty, found
end

--- check(secrets, settings, to, database) -> true | nil, err: whether run() could begin. Changes
--- nothing.
function backup_copy.check(secrets, settings, to, database)
    return with_places(secrets, settings, to, function(from, target, options)
        if database == "edb" then
            return check_tree(from, target, options)
        end
        return pgbackrest.can_copy(from, target, {from = options, to = options})
    end)
end

local function copy_tree(from, to, options)
    local summary, err = store.copy(from, to, {from = options, to = options})
    if summary and summary.failures > 0 then
        return nil, summary.failed[1].err
    end
    return summary, err
end

local function copy_repository(from, to, options)
    local summary, err = pgbackrest.copy(from, to, {from = options, to = options})
    if summary and not summary.report.restorable then
        return nil, errors.new({code = "Corrupt", op = "pgbackrest.copy",
            message = from .. " holds nothing that can be restored: " .. summary.report.summary,
            hint = "salvor verify " .. from .. " names each finding"})
    end
    return summary, err
end

--- run(secrets, settings, to, database) -> summary of the copy | nil, err. A repository is verified
--- afterwards; an interrupted copy is gone on with.
function backup_copy.run(secrets, settings, to, database)
    return with_places(secrets, settings, to,
        database == "edb" and copy_tree or copy_repository)
end

return backup_copy
