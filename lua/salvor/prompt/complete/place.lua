--- Where in Lua the cursor stands: behind a chain of names, in a string, or among the arguments or
--- options of a call.
local place = {}

local OPENING = {["("] = true, ["{"] = true, ["["] = true}
local CLOSING = {[")"] = "(", ["}"] = "{", ["]"] = "["}
local BLOCK_BEGINS = {["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true}
local BLOCK_ENDS = {["end"] = true, ["until"] = true}

--- The words that count, each with its text.
local function significant(words, text)
    local kept = {}
    for _, word in ipairs(words) do
        if word.kind ~= "blank" and word.kind ~= "comment" then
            kept[#kept + 1] = {kind = word.kind, open = word.open, from = word.from,
                               text = text:sub(word.from, word.to)}
        end
    end
    return kept
end

local function string_of(word)
    return word.kind == "string" and not word.open and word.text:match("^[\"'](.*)[\"']$") or nil
end

--- The key of an index that ends at word `at`, as in [1] or ["name"].
local function index_before(words, at)
    local word = words[at - 1]
    if words[at].text ~= "]" or not word or not words[at - 2] or words[at - 2].text ~= "[" then
        return nil
    end
    return word.kind == "number" and math.tointeger(tonumber(word.text)) or string_of(word)
end

--- The chain of names that ends at word `at`: {"c", ":", "list"}, {"t", ".", 1, ".", "x"} of t[1].x
local function chain_before(words, at)
    local chain = {}
    while words[at] do
        local key = index_before(words, at)
        if key then
            table.insert(chain, 1, key)
            table.insert(chain, 1, ".")
            at = at - 3
        elseif words[at].kind == "name" then
            table.insert(chain, 1, words[at].text)
            local separator = words[at - 1] and words[at - 1].text
            if separator ~= "." and separator ~= ":" then
                return chain
            end
            table.insert(chain, 1, separator)
            at = at - 2
        else
            break
        end
    end
    return {} -- it begins with what is no name
end

--- The brackets and blocks that are open at the end, innermost last: {open, at, number (of the
--- argument or entry), strings (arguments that are texts, by number), option (the name in front of
--- "=", in a table)}.
local function open_brackets(words)
    local stack = {}
    for at, word in ipairs(words) do
        local content, top = word.text, stack[#stack]
        if OPENING[content] or word.kind == "keyword" and BLOCK_BEGINS[content] then
            stack[#stack + 1] = {open = content, at = at, number = 1, strings = {}}
        elseif CLOSING[content] then
            stack[#stack] = top and top.open ~= CLOSING[content] and top or nil
        elseif word.kind == "keyword" and BLOCK_ENDS[content] then
            stack[#stack] = top and OPENING[top.open] and top or nil
        elseif top and content == "," then
            top.number, top.option = top.number + 1, nil
        elseif top and content == "=" then
            top.option = top.open == "{" and words[at - 1].kind == "name" and words[at - 1].text
                or nil
        elseif top and string_of(word) then
            top.strings[top.number] = string_of(word)
        end
    end
    return stack
end

--- The call that the end of the words is in, as find() tells it.
local function enclosing_call(words, is_begun)
    local stack = open_brackets(words)
    local top, last = stack[#stack], words[#words]
    if not top or not OPENING[top.open] then
        return nil
    end
    is_begun = is_begun
        or last ~= words[top.at] and last.text ~= "," and not (top.option and last.text == "=")
    if top.open == "(" then
        return {chain = chain_before(words, top.at - 1), number = top.number,
                strings = top.strings, is_begun = is_begun}
    end
    local call = {chain = chain_before(words, top.at - 1), number = 1, strings = {},
                  option = top.option or true, is_begun = is_begun}
    local around = stack[#stack - 1]
    if not call.chain[1] and around and around.open == "(" then
        call.chain = chain_before(words, around.at - 1)
        call.number, call.strings = around.number, around.strings
    end
    return top.open == "{" and call or nil
end

--- The call whose only argument is the text that begins behind the words, as in require "x".
local function call_of_text(words)
    local last = words[#words]
    if last and last.kind == "name" then
        return {chain = chain_before(words, #words), number = 1, strings = {}, is_begun = true}
    end
end

--- The call, when what is called has a name.
local function named(call)
    return call and call.chain[1] and call or nil
end

--- find(words, text) -> the place at the end of the text, which has these words:
---
---     {kind = "name", chain, prefix, from, call}   behind the chain {"c", ":"}; empty: any name
---     {kind = "value", prefix, from, quote, call}  in a string that is open
---     {kind = "none", prefix, from, call}          where nothing can be completed
---
--- `call`, nil outside of any, is {chain, number (of the argument), strings (the arguments before
--- it that are texts, by number), is_begun (there is something of the argument), option}; option
--- is the name of an option whose value is meant, or true where an option's name is.
function place.find(words, text)
    local last = words[#words]
    local kept = significant(words, text)
    if last and last.kind == "string" and last.open and text:find("^[\"']", last.from) then
        table.remove(kept)
        return {kind = "value", prefix = text:sub(last.from + 1), from = last.from + 1,
                quote = text:sub(last.from, last.from),
                call = named(call_of_text(kept) or enclosing_call(kept, true))}
    elseif last and (last.open or last.kind == "comment") then
        return {kind = "none", prefix = "", from = #text + 1}
    elseif last and last.kind == "number" then
        return {kind = "none", prefix = "", from = #text + 1,
                call = named(enclosing_call(kept, true))}
    end
    local prefix, from = "", #text + 1
    if last and (last.kind == "name" or last.kind == "keyword" or last.kind == "constant") then
        prefix, from = text:sub(last.from), last.from
        table.remove(kept)
    end
    local chain, kind = {}, "name"
    local separator = kept[#kept] and kept[#kept].text
    if separator == "." or separator == ":" then
        chain = chain_before(kept, #kept - 1)
        kind = chain[1] and "name" or "none"
        chain[#chain + 1] = separator
    end
    return {kind = kind, chain = chain, prefix = prefix, from = from,
            call = named(enclosing_call(kept, prefix ~= ""))}
end

return place
