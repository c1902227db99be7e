local commands = require("salvor.prompt.commands")
local errors = require("salvor.error")
local page = require("salvor.prompt.page")
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
    prompt:print(require("salvor.ui").format_table({"COMMAND", "WHAT IT DOES"}, rows))
    prompt:print([[
Anything else is Lua. c is a client of the cluster: c:list("pods"). The modules are there by name:
k8s, store, yaml, ... Tab completes; :help k8s or :help c:list tells more. _ is the last result,
_1, _2, ... are all of them. ^R searches what was entered before.]])
end

function help.complete()
    local names = page.names()
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
    local text = page.of(name)
    if not text then
        error(errors.new({code = "NotFound", message = "there is nothing about " .. name,
                          hint = ":apropos " .. name .. " searches all texts"}), 0)
    end
    prompt:page(text)
end

return help
