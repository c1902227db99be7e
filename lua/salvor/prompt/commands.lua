--- The commands of the prompt, which begin with a colon: one file each, found by its name. A
--- command is a table of `summary`, `usage` (what follows its name, in brackets when it may be left
--- out) and run(prompt, text), whose results are shown as those of Lua; `complete` is in
--- salvor.prompt.complete.command_line, and source(text) gives Lua that does the same in a script.
local refuse = require("salvor.prompt.refuse")
local value = require("salvor.value")

local commands = {}

--- name_of(text) -> the name of a command, "" for a colon alone, and the place behind it; nil when
--- the text is Lua, which may begin with a label.
function commands.name_of(text)
    return text:match("^%s*:%f[^:](%a*)()")
end

--- The names, sorted.
function commands.names()
    local names = {}
    for _, path in ipairs(value.embedded_paths("lua/salvor/prompt/commands/")) do
        names[#names + 1] = path:match("([^/]+)%.lua$")
    end
    return names
end

--- The command of that name, or one whose name alone begins so, and its name; raises when there is
--- none.
function commands.find(name)
    local found = {}
    for _, each in ipairs(commands.names()) do
        if each == name then
            found = {each}
            break
        elseif each:sub(1, #name) == name then
            found[#found + 1] = each
        end
    end
    if found[2] then
        refuse(":" .. name .. " may be :" .. table.concat(found, ", :"))
    end
    local whole = found[1] or refuse("there is no command :" .. name, ":help lists the commands")
    return require("salvor.prompt.commands." .. whole), whole
end

--- chunk(prompt, name, text) -> the command as a function, and Lua that does the same in a script,
--- if there is some; raises when there is no such command, it lacks what it needs, or takes nothing
--- and was given something.
function commands.chunk(prompt, name, text)
    local command, whole = commands.find(name)
    if text == "" and command.usage and not command.usage:find("^%[") then
        refuse(":" .. whole .. " needs " .. command.usage)
    elseif text ~= "" and not command.usage then
        refuse(":" .. whole .. " takes nothing, and was given " .. text)
    end
    return function()
        return command.run(prompt, text)
    end, command.source and command.source(text)
end

return commands
