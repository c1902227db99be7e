local commands = require("salvor.prompt.commands")

local help = {summary = "what can be done here, or what a function does", usage = "[NAME]"}

function help.run(prompt)
    local rows = {}
    for _, name in ipairs(commands.names()) do
        local command = require("salvor.prompt.commands." .. name)
        rows[#rows + 1] = {":" .. name .. (command.usage and " " .. command.usage or ""),
                           command.summary}
    end
    prompt:print(require("salvor.ui").format_table({"COMMAND", "WHAT IT DOES"}, rows))
end

return help
