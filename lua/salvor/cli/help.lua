local cli = require("salvor.cli")

return {
    summary = "the commands, or what one of them does",
    usage = "salvor help [COMMAND...]",
    arguments = {"[COMMAND...]"},
    run = function(_, words)
        if not words[1] then
            cli.print_help()
            return cli.exit.done
        end
        local arguments = table.move(words, 2, #words, 1, {})
        arguments[#arguments + 1] = "--help"
        return cli.call_command(words[1], arguments)
    end,
}
