--- pgBackRest repositories: archive/<stanza>/ and backup/<stanza>/.
local archive = require("salvor.verify.pgbackrest_archive")
local backups = require("salvor.verify.pgbackrest_backup")
local info = require("salvor.verify.pgbackrest_info")
local salvor = require("salvor")

local pgbackrest = {name = "pgbackrest", title = "pgBackRest repository",
                    looks_at = {"names", "sizes", "info files", "manifests"},
                    options = {backup = true}}

--- A folder archive or backup with a stanza in it.
function pgbackrest.detect(source, folders)
    for _, name in ipairs(folders) do
        if name == "archive" or name == "backup" then
            for _, stanza in ipairs((source:level(name .. "/"))) do
                local _, items = source:level(name .. "/" .. stanza .. "/")
                for _, item in ipairs(items) do
                    if item.path:match("/" .. name .. "%.info$")
                        or item.path:match("/" .. name .. "%.info%.copy$") then
                        return true
                    end
                end
            end
        end
    end
    return false
end

local function stanzas_of(source)
    local found = {}
    for _, kind in ipairs({"archive", "backup"}) do
        for _, name in ipairs((source:level(kind .. "/"))) do
            found[name] = found[name] or {name = name}
            found[name][kind] = true
        end
    end
    local list = {}
    for _, name in ipairs(salvor.keys(found)) do
        list[#list + 1] = found[name]
    end
    return list
end

local function keep_all()
    return true
end

local function is_usable(loaded)
    return loaded.file ~= nil or loaded.encrypted
end

--- Loads archive.info or backup.info and tells of what is wrong with it and its copy.
local function load_info(context, stanza, kind)
    local path = kind .. "/" .. stanza.name .. "/" .. kind .. ".info"
    local loaded = info.load(context.source, path, keep_all)
    local usable = is_usable(loaded)
    for _, fault in ipairs(loaded.faults) do
        context.findings:add({
            level = usable and "warning" or "error",
            rule = fault.missing and "info-missing" or "info-damaged",
            object = fault.path,
            message = fault.fault,
            hint = usable and "pgBackRest uses the other one of the file and its copy"
                or "without the file and its copy pgBackRest reads nothing here: fetch one from "
                .. "another copy of the repository",
        })
    end
    if loaded.differ then
        context.findings:add({level = "warning", rule = "info-differs", object = path,
            message = "the file and its copy are not the same: writing them was interrupted",
            hint = "pgBackRest uses the file itself"})
    end
    return loaded
end

--- What both info files say of the database, as one text to compare.
local function database_of(file)
    local db = file.sections.db or {}
    return db["db-id"], db["db-system-id"], db["db-version"]
end

local function compare(context, stanza, archive_file, backup_file)
    local id, system, version = database_of(archive_file)
    local other_id, other_system, other_version = database_of(backup_file)
    if id ~= other_id or system ~= other_system or version ~= other_version then
        context.findings:add({level = "error", rule = "info-disagree",
            object = "backup/" .. stanza.name .. "/backup.info",
            message = string.format("archive.info is of database %s (system %s, PostgreSQL %s), "
                .. "backup.info of %s (system %s, PostgreSQL %s)", tostring(id), tostring(system),
                tostring(version), tostring(other_id), tostring(other_system),
                tostring(other_version)),
            hint = "the two are of different repositories, or a stanza-upgrade was interrupted"})
    end
end

--- Without the key only names can be looked at.
local function check_encrypted(context, stanza)
    context.encrypted = true
    context.findings:add({level = "note", rule = "encrypted", object = "backup/" .. stanza.name,
        message = "the repository is encrypted, so only names were looked at",
        hint = "pgbackrest verify reads the rest, with the key"})
    backups.check_names(context, stanza)
    archive.check_names(context, stanza)
end

local function check_stanza(context, stanza)
    local archive_info = load_info(context, stanza, "archive")
    local backup_info = load_info(context, stanza, "backup")
    if archive_info.file and backup_info.file then
        compare(context, stanza, archive_info.file, backup_info.file)
    end
    if archive_info.encrypted or backup_info.encrypted then
        check_encrypted(context, stanza)
    elseif backup_info.file then
        local checked = backups.check(context, stanza, backup_info.file)
        archive.check(context, stanza, backup_info.file, checked)
    end
    if not is_usable(archive_info) or not is_usable(backup_info) then
        for _, backup in ipairs(context.backups) do
            if backup.stanza == stanza.name then
                backup.restorable = false
            end
        end
    end
end

--- context: source, options, findings, content, backups (to be filled).
function pgbackrest.verify(context)
    for _, stanza in ipairs(stanzas_of(context.source)) do
        check_stanza(context, stanza)
    end
    context.content:finish()
    backups.follow_references(context)
end

return pgbackrest
