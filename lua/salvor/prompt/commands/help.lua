local commands = require("salvor.prompt.commands")
local help_pages = require("salvor.prompt.help_pages")
local refuse = require("salvor.prompt.refuse")
local values = require("salvor.prompt.complete.values")

local help = {summary = "what can be done here, or what a function or command does",
              usage = "[NAME]"}

local function line_of(name, command)
    return ":" .. name .. (command.usage and " " .. command.usage or "")
end

local function list_commands(prompt)
    local rows = {}
    for _, name in ipairs(commands.names()) do
        local command = commands.find(name)
        rows[#rows + 1] = {line_of(name, command), command.summary}
    end
    prompt:page(require("salvor.ui").format_table({"COMMAND", "WHAT IT DOES"}, rows) .. [[
Anything else is Lua. c is a client of the cluster: c:list("pods"). The
modules are there by name: k8s, store, yaml, ... Tab completes; :help k8s or
:help c:list tells more. _ is the last result, _1, _2, ... are all of them.
^R searches what was entered before.]])
end

function help.complete()
    local names = help_pages.names()
    for _, name in ipairs(commands.names()) do
        names[#names + 1] = ":" .. name
    end
    return values.items(names)
end

function help.run(prompt, name)
    if name == "" then
        return list_commands(prompt)
    elseif name:find("^:") then
        local command, whole = commands.find(name:sub(2))
        return prompt:print(line_of(whole, command) .. "\n\n" .. command.summary)
    end
    prompt:page(help_pages.of(name) or refuse("there is nothing about " .. name,
        ":apropos " .. name .. " searches all texts"))
end

return help
