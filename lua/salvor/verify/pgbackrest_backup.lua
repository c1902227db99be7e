--- The backups of a stanza of pgBackRest: what backup.info says, and what lies there.
local dates = require("salvor.dates")
local manifest = require("salvor.verify.pgbackrest_manifest")
local salvor = require("salvor")

local backups = {}

local STAMP = "%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d"

local FORMS = {
    full = "^" .. STAMP .. "F$",
    diff = "^" .. STAMP .. "F_" .. STAMP .. "D$",
    incr = "^" .. STAMP .. "F_" .. STAMP .. "I$",
}

local TYPES = {F = "full", D = "diff", I = "incr"}

local function is_label(name)
    return name:find(FORMS.full) or name:find(FORMS.diff) or name:find(FORMS.incr)
end

local function text(value)
    return type(value) == "string" and value or nil
end

--- A line of [backup:current] as a backup of the report.
local function read_line(stanza, label, line)
    line = type(line) == "table" and line or {}
    local references = {}
    for _, reference in ipairs(type(line["backup-reference"]) == "table"
        and line["backup-reference"] or {}) do
        references[#references + 1] = tostring(reference)
    end
    return {
        name = label,
        stanza = stanza.name,
        restorable = true,
        type = text(line["backup-type"]),
        prior = text(line["backup-prior"]),
        references = references,
        started = dates.seconds(line["backup-timestamp-start"]),
        finished = dates.seconds(line["backup-timestamp-stop"]),
        bytes = math.tointeger(line["backup-info-size"]),
        wal_start = text(line["backup-archive-start"]),
        wal_stop = text(line["backup-archive-stop"]),
        database = math.tointeger(line["db-id"]),
        page_errors = line["backup-error"] == true,
    }
end

local function check_line(context, backup, folder, by_name)
    local function add(finding)
        finding.object = finding.object or folder
        context.findings:add(finding, backup)
    end
    local form = FORMS[backup.type or ""]
    if not form or not backup.name:find(form) then
        add({level = "error", rule = "label", message = string.format(
            "'%s' is no label of a backup of type '%s'", backup.name, tostring(backup.type)),
            hint = "backup.info was edited by hand"})
    end
    if backup.page_errors then
        add({level = "warning", rule = "page-checksums",
            message = "PostgreSQL's own page checksums were wrong when the backup was made",
            hint = "the database was damaged before: prefer an earlier backup"})
    end
    if backup.type ~= "full" and not backup.prior then
        add({level = "error", rule = "reference-missing",
            message = "it does not say which backup it is based on"})
    end
    local needed = table.move(backup.references, 1, #backup.references, 1, {backup.prior})
    local known = {}
    for _, name in ipairs(needed) do
        if not by_name[name] and not known[name] then
            known[name] = true
            add({level = "error", rule = "reference-missing",
                message = "it is based on " .. name .. ", which is not there",
                hint = "bring that backup back, or restore from another full backup"})
        end
    end
end

--- Folders of labels that backup.info does not know.
local function check_folders(context, root, folders, by_name)
    for _, name in ipairs(folders) do
        if is_label(name) and not by_name[name] then
            local _, items = context.source:level(root .. name .. "/")
            local finished = false
            for _, item in ipairs(items) do
                finished = finished or item.path == root .. name .. "/backup.manifest"
            end
            context.findings:add({level = "warning", rule = "partial-backup", object = root .. name,
                message = finished and "a whole backup that backup.info does not know"
                    or "no manifest: a backup is running, or was interrupted",
                hint = finished and "pgBackRest will not restore it; is backup.info the latest one?"
                    or "pgBackRest goes on with it, or removes it, at the next backup"})
        end
    end
end

local function check_latest(context, root, links)
    for _, path in ipairs(links) do
        if path == root .. "latest" and not context.source:stat(path) then
            context.findings:add({level = "warning", rule = "latest", object = path,
                message = "this link leads to a backup that is not there",
                hint = "pgBackRest itself does not use it"})
        end
    end
end

local function wanted(context, backup)
    return not context.options.backup or context.options.backup == backup.name
end

--- The backups of the stanza, each checked; they are added to those of the context.
function backups.check(context, stanza, file)
    local root = "backup/" .. stanza.name .. "/"
    local current = file.sections["backup:current"] or {}
    local folders, _, links = context.source:level(root)
    local by_name, checked = {}, {}
    for _, label in ipairs(salvor.keys(current)) do
        by_name[label] = read_line(stanza, label, current[label])
    end
    for _, label in ipairs(salvor.keys(by_name)) do
        local backup = by_name[label]
        if wanted(context, backup) then
            checked[#checked + 1] = backup
            context.backups[#context.backups + 1] = backup
            check_line(context, backup, root .. label, by_name)
            manifest.check(context, backup, root, file.sections["db:history"] or {}, by_name)
        end
    end
    check_folders(context, root, folders, by_name)
    check_latest(context, root, links)
    if not next(current) and not context.options.backup then
        context.findings:add({level = "error", rule = "no-backup", object = root,
            message = "there is no backup in this stanza"})
    end
    return checked
end

--- A backup with files in one whose files are damaged cannot be restored either. Once, when
--- everything was looked at.
function backups.follow_references(context)
    local by_name = {}
    for _, backup in ipairs(context.backups) do
        by_name[(backup.stanza or "") .. "/" .. backup.name] = backup
    end
    for _, backup in ipairs(context.backups) do
        for _, name in ipairs(backup.references or {}) do
            local other = by_name[(backup.stanza or "") .. "/" .. name]
            if other and other.damaged and other ~= backup and backup.restorable then
                context.findings:add({level = "error", rule = "reference-damaged",
                    object = "backup/" .. backup.stanza .. "/" .. backup.name,
                    message = "it needs files of " .. name .. ", which is damaged"}, backup)
            end
        end
    end
end

--- Of an encrypted repository: the folders, by their names.
function backups.check_names(context, stanza)
    local root = "backup/" .. stanza.name .. "/"
    local by_name = {}
    local folders = context.source:level(root)
    for _, name in ipairs(folders) do
        by_name[name] = is_label(name) and true or nil
    end
    for _, name in ipairs(salvor.keys(by_name)) do
        local backup = {name = name, stanza = stanza.name, type = TYPES[name:sub(-1)],
                        restorable = true, encrypted = true}
        if wanted(context, backup) then
            context.backups[#context.backups + 1] = backup
            manifest.check_names(context, backup, root)
            local full = name:match("^(" .. STAMP .. "F)_")
            if full and not by_name[full] then
                context.findings:add({level = "error", rule = "reference-missing",
                    object = root .. name,
                    message = "it is based on " .. full .. ", which is not there"}, backup)
            end
        end
    end
end

return backups
