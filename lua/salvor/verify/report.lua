--- What a verification tells, as a table for scripts and as text for people.
local json = require("salvor.json")
local salvor = require("salvor")
local ui = require("salvor.ui")

local report = {}

-- What is told of a backup; the rest is the checks' own.
local PUBLIC = {"name", "stanza", "type", "status", "started", "finished", "files", "bytes",
                "nodes", "objects", "references", "encrypted", "restorable"}

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

--- "a, b and c"
local function enumerate(words)
    local last = words[#words]
    return #words == 1 and last or table.concat(words, ", ", 1, #words - 1) .. " and " .. last
end

--- What was really looked at, which may be less than what was asked for.
local function looked_at(looks_at, context)
    local encrypted = 0
    for _, backup in ipairs(context.backups) do
        encrypted = encrypted + (backup.encrypted and 1 or 0)
    end
    if encrypted > 0 and encrypted == #context.backups then
        return salvor.list({"names"})
    end
    local words = table.move(looks_at, 1, #looks_at, 1, {})
    local read, unseen = context.checked.contents, context.content.unseen
    if context.mode == "sample" then
        words[#words + 1] = "the content of " .. plural(read, "object")
    elseif context.mode == "full" then
        words[#words + 1] = unseen > 0 and "all content but that of " .. plural(unseen, "file")
            or "all content"
    end
    if encrypted > 0 then
        words[#words + 1] = "the names of encrypted backups"
    end
    return salvor.list(words)
end

--- Anything but a full look leaves something open.
local function limits_of(made)
    return (made.mode ~= "full" or made.unseen)
        and ", as far as " .. enumerate(made.looked_at) .. " tell" or ""
end

local function summary_of(made, counts, good, hidden)
    local all = #made.backups
    local warnings = counts.warning > 0 and "; " .. plural(counts.warning, "warning") or ""
    if all == 0 then
        return "there is no backup"
    elseif made.verdict == "restorable" then
        return (all == 1 and "the backup can be restored" or all .. " backups, all can be restored")
            .. limits_of(made) .. warnings
    elseif made.verdict == "unknown" then
        return string.format("nothing is wrong with the names, and %s %s encrypted%s",
            hidden == all and (all == 1 and "the backup" or "all " .. all .. " backups")
                or string.format("%d of %d backups", hidden, all),
            hidden == 1 and "is" or "are", warnings)
    end
    return string.format("%d of %s can be restored; %s", good, plural(all, "backup"),
        plural(counts.error, "error"))
end

--- How many backups can be restored, and of how many nobody can tell.
local function count(backups)
    local good, hidden = 0, 0
    for _, backup in ipairs(backups) do
        -- What is encrypted can be found to be incomplete, and never to be whole.
        if backup.restorable and backup.encrypted then
            backup.restorable = nil
        end
        good = good + (backup.restorable and 1 or 0)
        hidden = hidden + (backup.restorable == nil and 1 or 0)
    end
    return good, hidden
end

--- An error is what keeps something from being restored, that there is no backup too.
local function verdict_of(counts, hidden)
    if counts.error > 0 then
        return "not restorable"
    end
    return hidden > 0 and "unknown" or "restorable"
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
        unseen = context.content.unseen > 0 and context.content.unseen or nil,
        backups = salvor.list({}),
    }
    local good, hidden = count(context.backups)
    for index, backup in ipairs(context.backups) do
        made.backups[index] = public(backup)
    end
    if context.options.backup and #made.backups == 0 then
        context.findings:add({level = "error", rule = "no-backup",
            message = "there is no backup '" .. context.options.backup .. "'"})
    elseif #made.backups == 0 and context.findings.counts.error == 0 then
        context.findings:add({level = "error", rule = "no-backup", message = "there is no backup"})
    end
    made.verdict = verdict_of(context.findings.counts, hidden)
    if made.verdict ~= "unknown" then
        made.restorable = made.verdict == "restorable"
    end
    made.looked_at = looked_at(context.looks_at or kind.looks_at, context)
    made.findings = salvor.list(context.findings:all())
    made.counts = {errors = context.findings.counts.error,
                   warnings = context.findings.counts.warning}
    made.summary = summary_of(made, context.findings.counts, good, hidden)
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

local function time_of(seconds)
    return seconds and os.date("!%Y-%m-%d %H:%M:%S", seconds) or ""
end

local COLOUR = {error = "red", warning = "yellow", note = "dim", restorable = "green",
                unknown = "yellow", ["not restorable"] = "red"}

local CAN = {[true] = "yes", [false] = "no"}

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
            can = CAN[backup.restorable] or "unknown",
        }
    end
    ui.print_table(columns, rows)
    for _, backup in ipairs(made.backups) do
        for _, object in ipairs(backup.objects or {}) do
            ui.print("    of it: " .. ui.escape(object))
        end
    end
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
    local looked = string.format("looked at: %s; %s", enumerate(made.looked_at),
        plural(made.checked.objects, "object"))
    if made.checked.contents > 0 then
        looked = looked .. string.format(", %d of them read (%s)", made.checked.contents,
            ui.bytes(made.checked.bytes))
    end
    ui.print(looked)
    ui.print(ui.colour(COLOUR[made.verdict], made.verdict) .. ": " .. made.summary)
end

return report
