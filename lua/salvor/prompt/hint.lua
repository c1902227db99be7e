--- What could follow the text, in dim letters behind the cursor: the parameters of the call that is
--- being written, the type of an option's value, what a command is given. It is never taken over by
--- a key: what was entered before is found by ^R, and completed by Tab is only what there is.
local command_line = require("salvor.prompt.complete.command_line")
local lexer = require("salvor.prompt.lexer")
local objects = require("salvor.prompt.complete.objects")
local place = require("salvor.prompt.complete.place")
local reference = require("salvor.reference")

local hint = {}

--- The parameters from that number on.
local function parameters(entry, number)
    local names = {}
    for index = number, #entry.params do
        names[#names + 1] = entry.params[index].name .. (entry.params[index].optional and "?" or "")
    end
    return table.concat(names, ", ") .. ")"
end

local function in_arguments(entry, where)
    local number = where.call.number
    local is_more = entry.params[#entry.params] and entry.params[#entry.params].name == "..."
    if number > #entry.params and not (is_more or number == 1) then
        return nil
    elseif not where.call.is_begun then
        return parameters(entry, number)
    end
    return (where.quote or "") .. (number < #entry.params and ", " or "")
        .. parameters(entry, number + 1)
end

--- The type of an option's value, until that is begun.
local function option_type(entry, where)
    local param = not where.call.is_begun and entry.params[where.call.number]
    for _, field in ipairs(param and reference.fields(param.type) or {}) do
        if field.name == where.call.option then
            return field.type
        end
    end
end

local function of_lua(text)
    local where = place.find(text)
    local chain = where.chain or {}
    if chain[1] and where.prefix ~= "" then
        local entry = objects.entry(table.move({where.prefix}, 1, 1, #chain + 1,
            table.move(chain, 1, #chain, 1, {})))
        if entry then
            return "(" .. parameters(entry, 1)
        end
    end
    local entry = where.call and objects.entry(where.call.chain)
    if not entry then
        return nil
    elseif where.call.option then
        return option_type(entry, where)
    end
    return in_arguments(entry, where)
end

--- of(text) -> text | nil, for a cursor at the end
function hint.of(text)
    if #text > lexer.LONGEST or text == "" then
        return nil
    end
    local read = command_line.read(text)
    if not read then
        return of_lua(text)
    elseif read.lua and text:find("%S", read.lua) then
        return of_lua(text:sub(read.lua))
    elseif read.command and not read.rest:find("%S") then
        return read.command.usage
    end
end

return hint
