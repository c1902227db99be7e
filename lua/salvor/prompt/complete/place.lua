--- Where in Lua the cursor stands: behind a chain of names, in a string or among the options of a
--- call.
local place = {}

local OPENING, CLOSING = {["("] = true, ["{"] = true, ["["] = true},
    {[")"] = true, ["}"] = true, ["]"] = true}

--- The words that count.
local function without_blanks(words)
    local kept = {}
    for _, word in ipairs(words) do
        if word.kind ~= "blank" and word.kind ~= "comment" then
            kept[#kept + 1] = word
        end
    end
    return kept
end

--- The chain of names that ends at word `at`: {"c", ":", "list"}, and where it begins.
local function chain_before(words, text, at)
    local chain = {}
    local expects_name = true
    while at >= 1 do
        local word = words[at]
        local content = text:sub(word.from, word.to)
        if expects_name and word.kind == "name" then
            table.insert(chain, 1, content)
        elseif not expects_name and (content == "." or content == ":") then
            table.insert(chain, 1, content)
        else
            break
        end
        expects_name = not expects_name
        at = at - 1
    end
    if expects_name and chain[1] then
        table.remove(chain, 1) -- a dot behind what is no name
    end
    return chain
end

--- The call whose arguments the end of the words is in: its chain, the number of the argument, and
--- the option whose value is there, or true in the place of an option's name.
local function enclosing_call(words, text)
    local depth, number, option, in_table = 0, 1, nil, false
    for at = #words, 1, -1 do
        local content = text:sub(words[at].from, words[at].to)
        if CLOSING[content] then
            depth = depth + 1
        elseif OPENING[content] and depth > 0 then
            depth = depth - 1
        elseif content == "," and depth == 0 then
            number = number + 1
        elseif content == "{" then
            if in_table then
                return nil
            end
            local assigned = number == 1 and at or nil
            in_table, option = true, assigned and true or true
            local last = words[#words]
            local last_text = last and text:sub(last.from, last.to)
            local name = words[#words - 1]
            if last_text == "=" and name and name.kind == "name" then
                option = text:sub(name.from, name.to)
            end
            number = 1
            -- Lua's calls with a table alone have no parenthesis.
            local chain = chain_before(words, text, at - 1)
            if chain[1] then
                return {chain = chain, number = 1, option = option}
            end
        elseif content == "(" then
            local chain = chain_before(words, text, at - 1)
            return chain[1] and {chain = chain, number = number, option = option} or nil
        elseif content == "[" then
            return nil
        end
    end
end

--- The strings that are arguments already: {[1] = "pods"} of c:get("pods", "|
local function strings_before(words, text)
    local strings, depth, number = {}, 0, 1
    local from = 1
    for at = #words, 1, -1 do
        local content = text:sub(words[at].from, words[at].to)
        if CLOSING[content] then
            depth = depth + 1
        elseif OPENING[content] then
            depth = depth - 1
            if depth < 0 and content == "(" then
                from = at + 1
                break
            end
        end
    end
    depth = 0
    for at = from, #words do
        local content = text:sub(words[at].from, words[at].to)
        if OPENING[content] then
            depth = depth + 1
        elseif CLOSING[content] then
            depth = depth - 1
        elseif content == "," and depth == 0 then
            number = number + 1
        elseif depth == 0 and words[at].kind == "string" and not words[at].open then
            strings[number] = content:match("^[\"'](.*)[\"']$")
        end
    end
    return strings
end

--- find(words, text) -> the place at the end of the text:
---
---     {kind = "name", chain, prefix, from, call}     behind the chain {"c", ":"}, empty: any name
---     {kind = "value", prefix, from, call, strings}  in a string that is open
---
--- `call` is {chain, number, option} or nil; option is the name of an option whose value is meant,
--- or true where an option's name is.
function place.find(words, text)
    local last = words[#words]
    if last and last.kind == "string" and last.open and text:find("^[\"']", last.from) then
        local before = without_blanks({table.unpack(words, 1, #words - 1)})
        return {kind = "value", prefix = text:sub(last.from + 1), from = last.from + 1,
                call = enclosing_call(before, text), strings = strings_before(before, text)}
    elseif last and (last.open or last.kind == "number" or last.kind == "comment") then
        return {kind = "none", prefix = "", from = #text + 1}
    end
    local prefix, from = "", #text + 1
    local kept = without_blanks(words)
    if last and (last.kind == "name" or last.kind == "keyword") then
        prefix, from = text:sub(last.from, last.to), last.from
        table.remove(kept)
    end
    local chain = {}
    local separator = kept[#kept] and text:sub(kept[#kept].from, kept[#kept].to)
    if separator == "." or separator == ":" then
        chain = chain_before(kept, text, #kept - 1)
        if not chain[1] then
            return {kind = "none", prefix = "", from = from}
        end
        chain[#chain + 1] = separator
    end
    return {kind = "name", chain = chain, prefix = prefix, from = from,
            call = not chain[1] and enclosing_call(kept, text) or nil}
end

return place
