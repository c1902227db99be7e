--- Where in Lua the cursor stands: behind a chain of names, in a string, or among the arguments or
--- options of a call.
local lexer = require("salvor.prompt.lexer")

local place = {}

local OPENING = {["("] = true, ["{"] = true, ["["] = true}
local CLOSING = {[")"] = "(", ["}"] = "{", ["]"] = "["}
local BLOCK_BEGINS = {["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true}
local BLOCK_ENDS = {["end"] = true, ["until"] = true}

--- The tokens that count, each with its text.
local function significant(tokens, text)
    local kept = {}
    for _, token in ipairs(tokens) do
        if token.kind ~= "blank" and token.kind ~= "comment" then
            kept[#kept + 1] = {kind = token.kind, open = token.open, from = token.from,
                               text = text:sub(token.from, token.to)}
        end
    end
    return kept
end

local function string_of(token)
    return token.kind == "string" and not token.open and token.text:match("^[\"'](.*)[\"']$") or nil
end

--- The key of an index that ends at token `at`, as in [1] or ["name"].
local function index_before(tokens, at)
    local token = tokens[at - 1]
    if tokens[at].text ~= "]" or not token or not tokens[at - 2] or tokens[at - 2].text ~= "[" then
        return nil
    end
    return token.kind == "number" and math.tointeger(tonumber(token.text)) or string_of(token)
end

--- The chain of names that ends at token `at`: {"c", ":", "list"}; of t[1].x it is
--- {"t", ".", 1, ".", "x"}.
local function chain_before(tokens, at)
    local chain = {}
    while tokens[at] do
        local key = index_before(tokens, at)
        if key then
            table.insert(chain, 1, key)
            table.insert(chain, 1, ".")
            at = at - 3
        elseif tokens[at].kind == "name" then
            table.insert(chain, 1, tokens[at].text)
            local separator = tokens[at - 1] and tokens[at - 1].text
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
local function open_brackets(tokens)
    local stack = {}
    for at, token in ipairs(tokens) do
        local content, top = token.text, stack[#stack]
        if OPENING[content] or token.kind == "keyword" and BLOCK_BEGINS[content] then
            stack[#stack + 1] = {open = content, at = at, number = 1, strings = {}}
        elseif CLOSING[content] then
            stack[#stack] = top and top.open ~= CLOSING[content] and top or nil
        elseif token.kind == "keyword" and BLOCK_ENDS[content] then
            stack[#stack] = top and OPENING[top.open] and top or nil
        elseif top and content == "," then
            top.number, top.option = top.number + 1, nil
        elseif top and content == "=" then
            top.option = top.open == "{" and tokens[at - 1].kind == "name" and tokens[at - 1].text
                or nil
        elseif top and string_of(token) then
            top.strings[top.number] = string_of(token)
        end
    end
    return stack
end

--- The call that the end of the tokens is in, as find() tells it.
local function enclosing_call(tokens, is_begun)
    local stack = open_brackets(tokens)
    local top, last = stack[#stack], tokens[#tokens]
    if not top or not OPENING[top.open] then
        return nil
    end
    is_begun = is_begun
        or last ~= tokens[top.at] and last.text ~= "," and not (top.option and last.text == "=")
    if top.open == "(" then
        return {chain = chain_before(tokens, top.at - 1), number = top.number,
                strings = top.strings, is_begun = is_begun}
    end
    local call = {chain = chain_before(tokens, top.at - 1), number = 1, strings = {},
                  option = top.option or true, is_begun = is_begun}
    local around = stack[#stack - 1]
    if not call.chain[1] and around and around.open == "(" then
        call.chain = chain_before(tokens, around.at - 1)
        call.number, call.strings = around.number, around.strings
    end
    return top.open == "{" and call or nil
end

--- The call whose only argument is the text that begins behind the tokens, as in require "x".
local function call_of_text(tokens)
    local last = tokens[#tokens]
    if last and last.kind == "name" then
        return {chain = chain_before(tokens, #tokens), number = 1, strings = {}, is_begun = true}
    end
end

--- The call, when what is called has a name.
local function named(call)
    return call and call.chain[1] and call or nil
end

--- find(text) -> the place at the end of the text:
---
---     {kind = "name", chain, prefix, from, call}   behind the chain {"c", ":"}; empty: any name
---     {kind = "value", prefix, from, quote, call}  in a string that is open
---     {kind = "none", prefix, from, call}          where nothing can be completed
---
--- `call`, nil outside of any, is {chain, number (of the argument), strings (the arguments before
--- it that are texts, by number), is_begun (there is something of the argument), option}; option
--- is the name of an option whose value is meant, or true where an option's name is.
function place.find(text)
    local tokens = lexer.tokens(text)
    local last = tokens[#tokens]
    local kept = significant(tokens, text)
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
