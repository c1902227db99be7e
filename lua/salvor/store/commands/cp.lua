local cli = require("salvor.cli")
local command = require("salvor.store.command")
local progress = require("salvor.store.progress")
local store = require("salvor.store")
local ui = require("salvor.ui")

local SHOWN = 20 -- failures that are told one by one

local function plural(count, word)
    return string.format("%d %s%s", count, word, count == 1 and "" or "s")
end

local function print_text(summary)
    local parts = {string.format("%s copied (%s)", plural(summary.copied, "file"),
        ui.bytes(summary.bytes))}
    if summary.skipped > 0 then
        parts[#parts + 1] = plural(summary.skipped, "file") .. " there already"
    end
    if summary.resumed > 0 then
        parts[#parts + 1] = ui.bytes(summary.resumed) .. " from an earlier run"
    end
    if summary.removed > 0 then
        parts[#parts + 1] = plural(summary.removed, "file") .. " removed"
    end
    if summary.failures > 0 then
        parts[#parts + 1] = plural(summary.failures, "failure")
    end
    print(table.concat(parts, ", ") .. " in " .. progress.duration(summary.seconds))
end

local function tell_problems(summary)
    for index, failure in ipairs(summary.failed) do
        if index > SHOWN then
            cli.complain("and ", plural(summary.failures - SHOWN, "other failure"))
            break
        end
        cli.report(failure.err)
    end
    if #summary.left_out > 0 then
        cli.complain(plural(#summary.left_out, "link or special file"), " not copied, such as ",
            command.escape(summary.left_out[1]))
    end
end

--- For scripts: error objects as their fields.
local function print_json(summary)
    local failed = require("salvor").list({})
    for index, failure in ipairs(summary.failed) do
        failed[index] = {path = command.text(failure.path), code = failure.err.code,
                         message = command.text(failure.err.message)}
    end
    for index, path in ipairs(summary.left_out) do
        summary.left_out[index] = command.text(path)
    end
    summary.failed, summary.left_out = failed, require("salvor").list(summary.left_out)
    command.print_json(summary)
end

return {
    summary = "a tree or an object from one store to another",
    details = "A copy that was interrupted, even killed, goes on when it is begun again.",
    usage = "salvor store cp [options] FROM TO",
    arguments = {"FROM", "TO"},
    options = {
        {name = "workers", argument = "N", help = "how many at the same time; 8"},
        {name = "delete", help = "remove at TO what is not at FROM, after all has arrived"},
        {name = "skip", argument = "checksum|size|never",
         help = "what is there already, told by that; checksum"},
        {name = "verify", argument = "checksum|content",
         help = "what arrived; checksum, or also by reading it back"},
        {name = "quiet", short = "q", help = "no progress"},
        command.OUTPUT, command.secret_option("from-secret", "FROM"),
        command.secret_option("to-secret", "TO"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        local format = command.output(given)
        local workers = command.integer(given, "workers", 1)
        local from, from_options = command.locate(words[1], given, given.from_secret)
        local to, to_options = command.locate(words[2], given, given.to_secret)
        local summary = must(store.copy(from, to, {
            workers = workers and math.min(workers, 256),
            delete = given.delete,
            skip = given.skip,
            verify = given.verify,
            progress = not given.quiet or nil,
            from = from_options,
            to = to_options,
        }))
        tell_problems(summary)
        local code = summary.failures > 0 and cli.exit.failed or cli.exit.done
        if format == "json" then
            print_json(summary)
        else
            print_text(summary)
        end
        return code
    end,
}
