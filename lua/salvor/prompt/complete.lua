--- What could stand at the cursor. What the cluster or a store has to be asked for is asked in the
--- background: until the answer is there nothing is offered, and then the line is completed anew.
local command_line = require("salvor.prompt.complete.command_line")
local copy = require("salvor.copy")
local names = require("salvor.prompt.complete.names")
local place = require("salvor.prompt.complete.place")
local terminal = require("salvor.terminal")
local values = require("salvor.prompt.complete.values")

--- Whether a text may have to be written in another way than it stands. Items that are kept are
--- looked at again and again.
local function is_special(item)
    if item.is_special == nil then
        item.is_special = item.text:find("[^%w%-_./:@=]") ~= nil
    end
    return item.is_special
end

--- Those that begin with the prefix. encode(text) -> what is written for a text, nil when it cannot
--- be; `suffix` goes behind one that is whole. There may be thousands, so those that are written as
--- they stand are not copied.
local function answer(from, to, prefix, items, encode, suffix)
    local found, size = {}, #prefix
    for _, item in ipairs(items) do
        local text = item.text
        if is_special(item) then
            text = encode(text)
        end
        if text and text:sub(1, size) == prefix then
            found[#found + 1] = text == item.text and item
                or copy.merge(item, {text = text, label = item.label or item.text})
        end
    end
    return found[1] and {from = from, to = to, items = found, suffix = suffix} or nil
end

--- As it is.
local function plain(text)
    return text
end

--- What the text is inside of quotes: others have chosen it, and must not end the string.
local function quoted(text)
    return (terminal.escape((text:gsub("[\\\"']", "\\%0"))))
end

--- A word of a command; one with blanks cannot be written.
local function word(text)
    return not text:find("[%s\"'\\]") and terminal.escape(text) == text and text or nil
end

--- What a command takes as one word.
local function words(text)
    return terminal.escape(text) == text and text or nil
end

local function complete_lua(prompt, text, offset)
    local lua = text:sub(offset + 1)
    local where = place.find(lua)
    local from, to = offset + where.from, #text + 1
    if where.kind == "value" then
        return answer(from, to, where.prefix, values.in_call(prompt, where), quoted, where.quote)
    elseif where.kind == "name" then
        return answer(from, to, where.prefix, names.items(where), plain)
    end
end

--- complete(prompt, text, cursor) -> {from, to, items = list of {text, label, suffix, detail}} |
--- nil, as salvor.prompt.editor wants it
return function(prompt, text, cursor)
    local before = text:sub(1, cursor - 1)
    local command = command_line.read(before)
    if not command then
        return complete_lua(prompt, before, 0)
    elseif command.lua then
        return complete_lua(prompt, before, command.lua - 1)
    end
    local is_one_word = command.command and command.command.is_one_word
    return answer(command.from, cursor, before:sub(command.from),
        command_line.items(prompt, command), is_one_word and words or word,
        not is_one_word and " " or nil)
end
