--- The commands of the prompt, which begin with a colon: one file each, found by its name. A
--- command is a table of `summary`, `usage` (what follows its name) and run(prompt, text), whose
--- results are shown as those of Lua; `complete` is in salvor.prompt.complete.command_line, and
--- source(text) gives Lua that does the same in a script.
local errors = require("salvor.error")
local value = require("salvor.value")

local commands = {}

--- The names, sorted.
function commands.names()
    local names = {}
    for _, path in ipairs(value.embedded_paths("lua/salvor/prompt/commands/")) do
        names[#names + 1] = path:match("([^/]+)%.lua$")
    end
    return names
end

--- The command of that name, or one whose name alone begins so; raises when there is none.
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
    if #found == 1 then
        return require("salvor.prompt.commands." .. found[1]), found[1]
    end
    local near = found[1] and ":" .. table.concat(found, ", :")
    error(errors.new({code = "Invalid",
        message = found[1] and ":" .. name .. " may be " .. near or "there is no command :" .. name,
        hint = not found[1] and ":help lists the commands" or nil}), 0)
end

return commands
