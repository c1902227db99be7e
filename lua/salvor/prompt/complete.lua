--- What could stand at the cursor. What the cluster or a store has to be asked for is asked in the
--- background: until the answer is there nothing is offered, and then the line is completed anew.
local commands = require("salvor.prompt.commands")
local lexer = require("salvor.prompt.lexer")
local names = require("salvor.prompt.complete.names")
local place = require("salvor.prompt.complete.place")
local values = require("salvor.prompt.complete.values")

local MOST = 500 -- items

--- Those that begin with the prefix; when there is none, those that hold it.
local function select_items(items, prefix)
    local found = {}
    for _, item in ipairs(items) do
        if item.text:sub(1, #prefix) == prefix then
            found[#found + 1] = item
        end
        if #found == MOST then
            break
        end
    end
    return found
end

local function answer(from, to, items, prefix)
    items = select_items(items, prefix)
    return items[1] and {from = from, to = to, items = items} or nil
end

local function command_names()
    local items = {}
    for _, name in ipairs(commands.names()) do
        items[#items + 1] = {text = ":" .. name, suffix = " ",
                             detail = require("salvor.prompt.commands." .. name).summary}
    end
    return items
end

--- Of a command's line: its name, or what its own `complete` offers for its last word.
local function complete_command(prompt, text, cursor)
    local before = text:sub(1, cursor - 1)
    local name, rest = before:match("^%s*:(%a+)%s+(.*)$")
    if not name then
        return answer(before:find(":", 1, true), cursor, command_names(), before:match(":.*$"))
    end
    local ok, command = pcall(commands.find, name)
    if not ok or not command.complete then
        return nil
    elseif command.complete == "lua" then
        return false, #before - #rest
    end
    local from = rest:find("%S*$")
    local items = command.complete(prompt, rest:sub(1, from - 1))
    return answer(cursor - #rest + from - 1, cursor, items, rest:sub(from))
end

local function complete_lua(prompt, text, cursor, offset)
    local where = place.find(lexer.words(text:sub(offset + 1, cursor - 1)),
        text:sub(offset + 1, cursor - 1))
    local items = where.kind == "value" and values.items(prompt, where)
        or where.kind ~= "value" and names.items(prompt, where) or {}
    return answer(offset + where.from, cursor, items, where.prefix)
end

--- complete(prompt, text, cursor) -> {from, to, items} | nil, as salvor.prompt.editor wants it
return function(prompt, text, cursor)
    local offset = 0
    if text:find("^%s*:") then
        local found, lua_from = complete_command(prompt, text, cursor)
        if found ~= false then
            return found
        end
        offset = lua_from
    end
    return complete_lua(prompt, text, cursor, offset)
end
