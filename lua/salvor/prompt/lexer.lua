--- The words of Lua, in a text that may still be incomplete: for colours and for completion. Never
--- fails; what is no word of Lua is "other".
local lexer = {}

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

--- One word at `at`: its kind, its last byte, and for strings and comments whether they have ended.
local function next_word(text, at)
    local last = select(2, text:find("^%s+", at))
    if last then
        return "blank", last
    elseif text:find("^%-%-", at) then
        return "comment", comment(text, at)
    elseif text:find("^[\"']", at) then
        return "string", quoted(text, at)
    elseif text:find("^%[=*%[", at) then
        return "string", long_bracket(text, at)
    end
    last = select(2, text:find("^0[xX][%x.]*[pP]?[%x]*", at))
        or select(2, text:find("^%.?%d[%d.]*[eE]?[+-]?%d*", at))
    if last then
        return "number", last
    end
    last = select(2, text:find("^[%a_][%w_]*", at))
    if last then
        local word = text:sub(at, last)
        return CONSTANTS[word] and "constant" or is_keyword[word] and "keyword" or "name", last
    end
    last = select(2, text:find("^%.%.%.?", at)) or select(2, text:find("^[=~<>]=", at))
        or select(2, text:find("^[<>/:][<>/:]", at))
        or utf8.len(text, at, at) and (utf8.offset(text, 2, at) or #text + 1) - 1 or at
    return text:find("^[%p]", at) and "operator" or "other", last
end

-- What was asked for last: at each key the colours, the hint and completion ask for the same.
local last_text, last_words

--- words(text) -> list of {kind, from, to, open (a string or comment that has not ended)}, which
--- cover the text; not to be changed. Kinds: blank, comment, string, number, name, keyword,
--- constant, operator, other.
function lexer.words(text)
    if text == last_text then
        return last_words
    end
    local words, at = {}, 1
    while at <= #text do
        local kind, last, closed = next_word(text, at)
        words[#words + 1] = {kind = kind, from = at, to = last, open = closed == false or nil}
        at = last + 1
    end
    last_text, last_words = text, words
    return words
end

return lexer
