--- Which backup of API Connect v2018's management database is restored, and whether its files can
--- be.
local known = require("salvor.apiconnect.v2018.known")
local programs = require("salvor.apiconnect.v2018.programs")
local store = require("salvor.store")
local tools = require("salvor.apiconnect.v2018.tools")

local backups = {}

--- store.verify of the backup server, with the credentials of its Secret.
local function verify(ctx, options)
    local place <close> = ctx:store(ctx.params.backups, {secret = ctx.params.backups_secret})
    options.kind = "v2018"
    return must(store.verify(place, options))
end

--- "2020-04-22 09:54:44 UTC"
function backups.time(id)
    return os.date("!%Y-%m-%d %H:%M:%S UTC", tools.seconds(id))
end

-- By list-backups

local function listed(ctx)
    local words = {"subsys", "exec", known(ctx, "subsystem"), "list-backups"}
    local result = programs.apicup(ctx, words, {timeout = ctx.params.job_timeout, read_only = true})
    local rows, strange = tools.backups(result.stdout)
    for _, line in ipairs(strange) do
        ctx:warn("list-backups: this line is not understood: " .. line)
    end
    return rows
end

--- A list of another system's backups means that apicup speaks to another one.
local function check_origin(ctx, rows)
    for _, row in ipairs(rows) do
        if row.cluster ~= known(ctx, "cluster") or row.namespace ~= ctx.namespace then
            ctx:problem(string.format("apicup lists backups of %s in namespace %s, not of %s in %s",
                row.cluster, row.namespace, known(ctx, "cluster"), ctx.namespace),
                "the project is another system's; give the one of this system")
            return false
        end
    end
    return true
end

local function find(rows, id)
    for _, row in ipairs(rows) do
        if row.id == id then
            return row
        end
    end
end

local function check_row(ctx, row)
    if row.status ~= "Complete" then
        ctx:problem("backup " .. row.id .. " is not complete: " .. row.status,
            "choose another one with -p backup=…")
    elseif not row.is_plausible then
        ctx:problem(string.format("backup %s is listed with the time %s, which its id is not",
            row.id, row.timestamp), "the list was not understood: name the backup by its files")
    end
end

--- By the list, when there is one: nil when it has nothing to say.
local function from_list(ctx)
    local ok, rows = pcall(listed, ctx)
    if not ok then
        return ctx:warn("the backups cannot be listed: " .. tostring(rows.message or rows),
            "they are looked for in storage")
    elseif not rows[1] then
        return ctx:note("list-backups has no backups; they are looked for in storage")
    elseif not check_origin(ctx, rows) then
        return nil
    end
    local wanted = ctx.params.backup
    local row = wanted and find(rows, wanted) or tools.newest(rows)
    if wanted and (not row or row.id ~= wanted) then
        return ctx:warn("list-backups does not know backup " .. wanted,
            "it is restored all the same when its files are whole")
    elseif not row then
        return ctx:problem("none of the " .. #rows .. " backups that are listed is complete",
            "name one with -p backup=…")
    end
    check_row(ctx, row)
    return row.id
end

-- By the files

local function from_storage(ctx)
    local newest
    for _, backup in ipairs(verify(ctx, {}).backups) do
        if backup.restorable and tools.is_id(backup.name)
            and (not newest or tonumber(backup.name) > tonumber(newest)) then
            newest = backup.name
        end
    end
    if not newest then
        ctx:problem("there is no whole backup at " .. store.mask(ctx.params.backups),
            "a backup has one file for each Cassandra pod, <id>-<pod>-<pods>.tar.gz: fetch them"
            .. " from the backup host, or give the folder they are in")
    end
    return newest
end

--- choose(ctx): the backup that is restored, kept in facts.backup.
function backups.choose(ctx)
    local wanted = ctx.params.backup
    if wanted and not tools.is_id(wanted) then
        return ctx:problem("'" .. wanted .. "' is no id of a backup", "it is the number at the"
            .. " beginning of the names of its files")
    end
    local count = #ctx.findings
    local id = not ctx.params.disaster and from_list(ctx) or nil
    for position = count + 1, #ctx.findings do
        if ctx.findings[position].level == "problem" then
            return
        end
    end
    ctx.facts.backup = id or wanted or from_storage(ctx)
    if ctx.facts.backup then
        local age = (os.time() - tools.seconds(ctx.facts.backup)) / 3600
        ctx:note(string.format("backup %s, of %s, %.1f hours ago", ctx.facts.backup,
            backups.time(ctx.facts.backup), age))
    end
end

--- Tells what was found, as a problem where it is an error or `is_problem`.
local function tell(ctx, finding, prefix, is_problem)
    local words = prefix .. (finding.object ~= "" and finding.object .. ": " or "")
        .. finding.message
    if is_problem or finding.level == "error" then
        ctx:problem(words, finding.hint)
    elseif finding.level == "warning" then
        ctx:warn(words, finding.hint)
    end
end

--- check_files(ctx, options): one file for each pod, whole. options: full, pods (their number),
--- space ({[index] = {available, database}}). facts.count is the number of files.
function backups.check_files(ctx, options)
    options.backup = known(ctx, "backup")
    local report = verify(ctx, options)
    if not report.backups[1] then
        return ctx:problem(string.format("%s has no files of backup %s",
            store.mask(ctx.params.backups), ctx.facts.backup),
            "they are named " .. ctx.facts.backup .. "-<pod>-<pods>.tar.gz")
    end
    for _, finding in ipairs(report.findings) do
        tell(ctx, finding, "")
    end
    ctx.facts.count = report.backups[1].files
end

--- check_portal(ctx): there are backups of the portal of the same time.
function backups.check_portal(ctx)
    local place <close> = ctx:store(ctx.params.portal_backups)
    local seconds = tools.seconds(known(ctx, "backup"))
    local report = must(store.verify(place, {
        kind = "portal",
        time = os.date("!%Y%m%d.%H%M%S", seconds + ctx.params.portal_tolerance),
        management_time = tostring(seconds),
        tolerance = ctx.params.portal_tolerance,
    }))
    for _, finding in ipairs(report.findings) do
        tell(ctx, finding, "portal: ", finding.rule == "times")
    end
end

return backups
