--- The backups of an API Connect v10 management database on S3, copied to a path of their own: a
--- repository of pgBackRest up to 10.0.5, a tree of Barman's from 10.0.8 on.
---
--- `secrets` are those that databaseBackup names, by their role; `settings` is databaseBackup; `to`
--- is a new path like its own.
local errors = require("salvor.error")
local pgbackrest = require("salvor.pgbackrest")
local s3_place = require("salvor.apiconnect.s3_place")
local store = require("salvor.store")

local backup_copy = {}

--- fn(from, to, options) for both places, which are in one server and reached alike.
local function with_places(secrets, settings, to, fn)
    return s3_place.with(settings, secrets["databaseBackup.backupCerts"],
        {secret = secrets["databaseBackup.credentials"]}, function(from, options)
            return fn(from, s3_place.url(to), options)
        end)
end

local function check_tree(from, to, options)
    local empty, found = store.is_empty(from, {open = options})
    if empty == nil then
        return nil, found
    elseif empty then
        return nil, errors.new({code = "NotFound", message = "there is nothing in " .. from,
            hint = "databaseBackup.path of the kit must be where the old backups are"})
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

--- check_retention(ctx, secrets, settings, to): warns of what the server does by itself with what
--- is copied there. It hinders no restore.
function backup_copy.check_retention(ctx, secrets, settings, to)
    with_places(secrets, settings, to, function(_, target, options)
        local opened <close> = must(store.open(target, options))
        s3_place.check_retention(ctx, opened, ctx.warn, "databaseBackup.repoRetentionFull")
    end)
end

local function copy_tree(from, to, options)
    local summary, err = store.copy(from, to, {from = options, to = options})
    if summary and summary.failures > 0 then
        return nil, summary.failed[1].err
    end
    return summary, err
end

--- repository(from, to, options) -> summary of pgbackrest.copy, with its options | nil, err, also
--- when what has arrived cannot be restored. An interrupted copy is gone on with.
function backup_copy.repository(from, to, options)
    local summary, err = pgbackrest.copy(from, to, options)
    if summary and not summary.report.restorable then
        local place = store.mask(from)
        return nil, errors.new({code = "Corrupt", op = "pgbackrest.copy",
            message = place .. " holds nothing that can be restored: " .. summary.report.summary,
            hint = "salvor verify " .. place .. " names each finding"})
    end
    return summary, err
end

local function copy_repository(from, to, options)
    return backup_copy.repository(from, to, {from = options, to = options})
end

--- What a journal keeps of the summary of a copy.
function backup_copy.describe(summary)
    return {copied = summary.copied, skipped = summary.skipped, bytes = summary.bytes}
end

--- run(secrets, settings, to, database) -> summary of the copy | nil, err. An interrupted copy is
--- gone on with.
function backup_copy.run(secrets, settings, to, database)
    return with_places(secrets, settings, to,
        database == "edb" and copy_tree or copy_repository)
end

return backup_copy
