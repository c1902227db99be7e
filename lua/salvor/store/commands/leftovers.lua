local command = require("salvor.store.command")
local store = require("salvor.store")

local function print_rows(found)
    for _, entry in ipairs(found) do
        io.stdout:write(string.format("%-20s %-8s %s\n", command.time(entry.begun),
            entry.removed and "removed" or "", command.escape(entry.path)))
    end
end

return {
    summary = "what interrupted uploads have left at S3 and SFTP servers, and no list shows",
    usage = "salvor store leftovers [--older-than HOURS] [--remove] URL",
    arguments = {"URL"},
    options = {
        {name = "older-than", argument = "HOURS", help = "since they were begun; 24. 0 for all"},
        {name = "remove", help = "remove it: an upload that still runs fails then"},
        command.OUTPUT, command.secret_option("secret", "the store"), command.CONTEXT, command.SITE,
    },
    run = function(given, words)
        local hours = command.integer({["older-than"] = given.older_than}, "older-than", 0) or 24
        local opened <close> = must(store.open(command.locate(words[1], given, given.secret)))
        local found = must(opened:leftovers("", {older_than = hours * 3600,
                                                 remove = given.remove}))
        if command.output(given) == "json" then
            command.print_json(require("salvor").list(found))
        else
            print_rows(found)
        end
        return 0
    end,
}
