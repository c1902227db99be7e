--- The tokens of Lua, in a text that may still be incomplete: for colours and for completion. Never
--- fails; what is none is "other".
local lexer = {}

--- Bytes of a text that is looked at with each key; a larger one has neither colours nor hints, so
--- that typing stays quick.
lexer.LONGEST = 8000

lexer.KEYWORDS = {"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto",
                  "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true",
                  "until", "while"}

local is_keyword = {}
for _, word in ipairs(lexer.KEYWORDS) do
    is_keyword[word] = true
end

function lexer.is_keyword(word)
    return is_keyword[word] or false
end

local CONSTANTS = {["nil"] = true, ["true"] = true, ["false"] = true}

--- The end of a long bracket that begins at `at`, of a string or a comment; nil when it is none.
local function long_bracket(text, at)
    local level = text:match("^%[(=*)%[", at)
    if not level then
        return nil
    end
    local _, last = text:find("]" .. level .. "]", at + #level + 2, true)
    return last or #text, last ~= nil
end

local function quoted(text, at)
    local quote = text:sub(at, at)
    local from = at + 1
    while true do
        local found = text:find("[\\\n" .. quote .. "]", from)
        local character = found and text:sub(found, found)
        if character == quote then
            return found, true
        elseif not found or character == "\n" then
            return (found or #text + 1) - 1, false
        end
        from = found + 2
    end
end

local function comment(text, at)
    local last, closed = long_bracket(text, at + 2)
    if last then
        return last, closed
    end
    return (text:find("\n", at, true) or #text + 1) - 1, true
end

-- The tokens by the byte that they begin with: each gives a kind, the last byte, and for strings
-- and comments whether they have ended; nil when the byte begins something else.
local by_byte = {}

local function set(first, last, read)
    for byte = first:byte(), last:byte() do
        by_byte[byte] = read
    end
end

local function name(text, at)
    local last = text:match("^[%w_]+()", at) - 1
    local word = text:sub(at, last)
    return CONSTANTS[word] and "constant" or is_keyword[word] and "keyword" or "name", last
end

set("a", "z", name)
set("A", "Z", name)
set("_", "_", name)

local function number(text, at)
    local behind = text:match("^0[xX][%x.]*[pP]?[%x]*()", at)
        or text:match("^%.?%d[%d.]*[eE]?[+-]?%d*()", at)
    return behind and "number", behind and behind - 1
end

set("0", "9", number)
set(".", ".", number)

local function blank(text, at)
    return "blank", text:match("^%s+()", at) - 1
end

set("\t", "\r", blank)
set(" ", " ", blank)

local function string(text, at)
    return "string", quoted(text, at)
end

set("\"", "\"", string)
set("'", "'", string)

by_byte[("["):byte()] = function(text, at)
    local last, closed = long_bracket(text, at)
    return last and "string", last, closed
end

by_byte[("-"):byte()] = function(text, at)
    if text:byte(at + 1) == 45 then
        return "comment", comment(text, at)
    end
end

local function other(text, at)
    local last = text:match("^%.%.%.?()", at) or text:match("^[=~<>]=()", at)
        or text:match("^[<>/:][<>/:]()", at)
        or utf8.len(text, at, at) and utf8.offset(text, 2, at) or at + 1
    return text:find("^%p", at) and "operator" or "other", last - 1
end

--- The token at `at`.
local function next_token(text, at)
    local read = by_byte[text:byte(at)]
    if read then
        local kind, last, closed = read(text, at)
        if kind then
            return kind, last, closed
        end
    end
    return other(text, at)
end

-- What was asked for last: at each key the colours, the hint and completion ask for the same.
local last_text, last_tokens

--- tokens(text) -> list of {kind, from, to, open (a string or comment that has not ended)}, which
--- cover the text; not to be changed. Kinds: blank, comment, string, number, name, keyword,
--- constant, operator, other.
function lexer.tokens(text)
    if text == last_text then
        return last_tokens
    end
    local tokens, at = {}, 1
    while at <= #text do
        local kind, last, closed = next_token(text, at)
        tokens[#tokens + 1] = {kind = kind, from = at, to = last, open = closed == false or nil}
        at = last + 1
    end
    last_text, last_tokens = text, tokens
    return tokens
end

return lexer
