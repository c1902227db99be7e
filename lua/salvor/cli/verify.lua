--- salvor verify URL: which kind of backup set this is, and whether it can be restored.
local cli = require("salvor.cli")
local command = require("salvor.store.command")
local report = require("salvor.verify.report")
local terminal = require("salvor.terminal")
local ui = require("salvor.ui")
local usage = require("salvor.usage")
local verify = require("salvor.verify")

local function too_large(word)
    usage("--space: a number in '" .. word .. "' is too large")
end

--- "0=1000,2000" -> pod 0 has 1000 KiB available and its database takes 2000.
local function read_space(words)
    local space = {}
    for _, word in ipairs(words or {}) do
        local pod, available, database = word:match("^(%d+)=(%d+),(%d+)$")
        if not pod then
            usage("--space is POD=AVAILABLE,DATABASE in KiB, not '" .. word .. "'")
        end
        space[math.tointeger(tonumber(pod)) or too_large(word)] = {
            available = math.tointeger(tonumber(available)) or too_large(word),
            database = math.tointeger(tonumber(database)) or too_large(word),
        }
    end
    return next(space) and space or nil
end

local function show_progress()
    if not terminal.is_terminal("stderr") then
        return nil
    end
    local status = ui.status()
    return function(checked)
        status:update(string.format("%d objects, %d of them read (%s)", checked.objects,
            checked.contents, ui.bytes(checked.bytes)))
    end, status
end

local function options_of(given, open)
    if given.full and given.sample then
        usage("--full and --sample exclude each other")
    end
    return {
        open = open,
        kind = given.kind,
        full = given.full,
        sample = command.integer(given, "sample", 1),
        backup = given.backup,
        pods = command.integer(given, "pods", 1),
        space = read_space(given.space),
        time = given.time,
        management_time = given.management_time,
        tolerance = command.integer(given, "tolerance", 1),
        workers = command.integer(given, "workers", 1),
    }
end

local EXIT = {restorable = cli.exit.done, unknown = cli.exit.unknown}

return {
    summary = "which kind of backup set lies at a URL, and whether it can be restored",
    details = "Looks at names, sizes and manifests; with --sample and --full at the content, too."
        .. " Ends with 1 when the set cannot be restored, with 7 when nobody can tell.",
    usage = "salvor verify [--full | --sample N] [--kind KIND] [--backup NAME] URL",
    arguments = {"URL"},
    options = {
        {name = "full", help = "read every object: checksums, archives walked to their end"},
        {name = "sample", argument = "N", help = "read that many objects"},
        {name = "kind", argument = table.concat(verify.kinds, "|"), help = "which one is meant"},
        {name = "backup", argument = "NAME", help = "this backup alone"},
        {name = "pods", argument = "N", help = "v2018: Cassandra pods of the cluster to restore"},
        {name = "space", argument = "POD=AVAILABLE,DATABASE", repeated = true,
         help = "v2018: KiB as df /var/db and du -s /var/db/data say"},
        {name = "time", argument = "T", help = "portal: now, or YYYYMMDD.HHMMSS to restore to"},
        {name = "management-time", argument = "T",
         help = "portal: when the management database was backed up"},
        {name = "tolerance", argument = "SECONDS", help = "portal: how far apart the two may be"},
        {name = "workers", argument = "N", help = "objects read at a time (4; 8 from a server)"},
        command.OUTPUT, command.secret_option("secret", "the store"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        local format = command.output(given)
        local url, open = command.locate(words[1], given, given.secret)
        local options = options_of(given, open)
        local progress, status <close> = show_progress()
        options.progress = progress
        local made, err = verify.run(url, options)
        if status then
            status:finish()
        end
        if not made then
            error(err, 0)
        elseif format == "json" then
            print(report.json(made))
        else
            report.print(made)
        end
        return EXIT[made.verdict] or cli.exit.failed
    end,
}
