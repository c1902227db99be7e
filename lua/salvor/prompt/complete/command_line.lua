--- The line of a command: its name, and behind that what the command itself knows. A command's
--- `complete` is "lua" for one that is given Lua, or a function (prompt, words, word) -> items for
--- the word that follows the words; `is_one_word`: all behind its name is one word, blanks too.
local commands = require("salvor.prompt.commands")

local command_line = {}

local function names()
    local items = {}
    for index, name in ipairs(commands.names()) do
        items[index] = {text = ":" .. name, detail = commands.find(name).summary}
    end
    return items
end

--- Where the last word begins. (A pattern that ends in $ would try each place of a long text.)
local function last_word(text)
    return #text - #text:reverse():match("^%S*") + 1
end

--- read(text) -> {name, command, rest, from, lua}, or nil when the text is no command's: `from` is
--- where the last word begins, `lua` where Lua does. An unknown name has no `command`.
function command_line.read(text)
    local name, behind = commands.name_of(text)
    if not name then
        return nil
    end
    local from = text:match("^%s+()", behind)
    if not from then
        return {name = name, from = behind - #name - 1}
    end
    local ok, command = pcall(commands.find, name)
    return {name = name, command = ok and command or nil, rest = text:sub(from),
            from = ok and command.is_one_word and from or last_word(text),
            lua = ok and command.complete == "lua" and from or nil}
end

--- items(prompt, read) -> list of {text, label, suffix, detail}
function command_line.items(prompt, read)
    if not read.rest then
        return names()
    elseif not read.command or not read.command.complete then
        return {}
    end
    local words, at = {}, read.command.is_one_word and 1 or last_word(read.rest)
    for word in read.rest:sub(1, at - 1):gmatch("%S+") do
        words[#words + 1] = word
    end
    return read.command.complete(prompt, words, read.rest:sub(at))
end

return command_line
