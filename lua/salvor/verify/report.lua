--- What a verification tells, as a table for scripts and as text for people.
local json = require("salvor.json")
local salvor = require("salvor")
local ui = require("salvor.ui")

local report = {}

-- What is told of a backup; the rest is the checks' own.
local PUBLIC = {"name", "stanza", "type", "status", "started", "finished", "files", "bytes",
                "nodes", "references", "encrypted", "restorable"}

local function public(backup)
    local told = {}
    for _, key in ipairs(PUBLIC) do
        told[key] = backup[key]
    end
    told.references = backup.references and #backup.references > 0
        and salvor.list(backup.references) or nil
    return told
end

local function plural(count, word)
    return string.format("%d %s%s", count, word, count == 1 and "" or "s")
end

local function summary_of(made, counts, good)
    local of = #made.backups == 1 and "the backup" or plural(#made.backups, "backup")
    if #made.backups == 0 then
        return "there is no backup"
    elseif made.restorable then
        return of .. (#made.backups == 1 and " can be restored" or ", all can be restored")
            .. (made.encrypted and " as far as names tell" or "")
            .. (counts.warning > 0 and "; " .. plural(counts.warning, "warning") or "")
    end
    return string.format("%d of %s can be restored; %s", good, plural(#made.backups, "backup"),
        plural(counts.error, "error"))
end

--- The answer of store.verify().
function report.make(kind, context)
    local made = {
        kind = kind.name,
        title = kind.title,
        url = context.source.url,
        mode = context.mode,
        checked = context.checked,
        encrypted = context.encrypted or nil,
        backups = salvor.list({}),
    }
    local good = 0
    for _, backup in ipairs(context.backups) do
        good = good + (backup.restorable and 1 or 0)
        table.insert(made.backups, public(backup))
    end
    if context.options.backup and #made.backups == 0 then
        context.findings:add({level = "error", rule = "no-backup",
            message = "there is no backup '" .. context.options.backup .. "'"})
    elseif #made.backups == 0 and context.findings.counts.error == 0 then
        context.findings:add({level = "error", rule = "no-backup", message = "there is no backup"})
    end
    made.restorable = context.findings.counts.error == 0 and good > 0 and good == #made.backups
    made.findings = salvor.list(context.findings:all())
    made.counts = {errors = context.findings.counts.error,
                   warnings = context.findings.counts.warning}
    made.summary = summary_of(made, context.findings.counts, good)
    return made
end

--- The same value, where texts that are no UTF-8 (names are any bytes) have these bytes shown.
local function printable(value)
    if type(value) == "string" then
        return utf8.len(value) and value or ui.escape(value)
    elseif type(value) ~= "table" then
        return value
    end
    local copied = {}
    for key, child in pairs(value) do
        copied[key] = printable(child)
    end
    return setmetatable(copied, getmetatable(value))
end

--- As JSON text.
function report.json(made)
    return must(json.encode(printable(made), {indent = 2}))
end

local MODES = {
    quick = "names, sizes and manifests",
    sample = "names, sizes, manifests and the content of some objects",
    full = "names, sizes, manifests and all content",
}

local function time_of(seconds)
    return seconds and os.date("!%Y-%m-%d %H:%M:%S", seconds) or ""
end

local COLOUR = {error = "red", warning = "yellow", note = "dim"}

local function print_backups(made)
    local columns = {{title = "BACKUP", key = "name"}, {title = "TYPE", key = "type"},
                     {title = "TIME", key = "time"},
                     {title = "SIZE", key = "size", align = "right"},
                     {title = "RESTORABLE", key = "can"}}
    local rows = {}
    for index, backup in ipairs(made.backups) do
        rows[index] = {
            name = backup.name,
            type = backup.type,
            time = time_of(backup.finished or backup.started),
            size = backup.bytes and ui.bytes(backup.bytes),
            can = backup.restorable and "yes" or "no",
        }
    end
    ui.print_table(columns, rows)
end

local function print_finding(finding)
    local where = finding.object ~= "" and finding.object or finding.backup
    ui.print(string.format("%s %s%s: %s", ui.colour(COLOUR[finding.level], finding.level),
        finding.rule, where and ui.escape(" " .. where) or "", ui.escape(finding.message)))
    if finding.more then
        ui.print(string.format("    and %d more of this rule", finding.more))
    end
    if finding.hint then
        ui.print("    " .. ui.escape(finding.hint))
    end
end

--- Prints it for people.
function report.print(made)
    ui.print(string.format("%s %s", made.title, ui.escape(made.url)))
    if #made.backups > 0 then
        print_backups(made)
    end
    for _, finding in ipairs(made.findings) do
        print_finding(finding)
    end
    local looked = string.format("looked at: %s; %s", MODES[made.mode],
        plural(made.checked.objects, "object"))
    if made.checked.contents > 0 then
        looked = looked .. string.format(", %d of them read (%s)", made.checked.contents,
            ui.bytes(made.checked.bytes))
    end
    ui.print(looked)
    ui.print((made.restorable and ui.colour("green", "restorable") or ui.colour("red",
        "not restorable")) .. ": " .. made.summary)
end

return report
