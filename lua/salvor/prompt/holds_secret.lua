--- Whether a text that was entered holds a secret, or seems to: a literal that gets such a name or
--- stands behind such a word, in Lua, in a text of it, or in a command. What only names one does
--- not: `secret = c:get("secret", "login")`.
local lexer = require("salvor.prompt.lexer")
local secret = require("salvor.secret")

local NAMES = {"password", "passwd", "passphrase", "secret", "token", "credential", "api_?key",
               "access_?key", "private_?key", "authorization"}

-- Behind a name: a literal; or something without blanks, which may be a shell's, where each word is
-- a text; the value of a flag; a line of YAML.
local LITERAL, UNSPACED = "[%w_]*[\"'%]]*%s*[=:,]%s*[\"'%[]", "[%w_-]*=[^%s=]"
local FLAG, YAML = "%s+[^%s-]", "[%w_-]*:[ \t]+[^%s\"'%]%%]"

-- Whatever they are used for.
local PLAIN = {"%-%-%-%-%-begin [%l ]*private key", "%a[%w+.-]*://[^/%s:@]*:[^/%s@]+@",
               "authorization%s*:%s*%a+%s+[^%s\"'%]]", "%f[%w]secret%.add%s*%(?%s*[\"'%[]"}

-- Methods, and functions of modules, whose texts say what is to be read or removed.
local BY_NAME = {get = true, list = true, each = true, table = true, watch = true, wait = true,
                 delete = true, events = true, tree = true, can = true, logs = true, read = true,
                 open = true, connect = true, getenv = true}

local SECRET_KINDS = {secret = true, secrets = true, ["v1/secret"] = true, ["v1/secrets"] = true}

local OPENING, CLOSING = {["("] = true, ["["] = true, ["{"] = true},
    {[")"] = true, ["]"] = true, ["}"] = true}
local OPERAND = {string = true, number = true, name = true, constant = true}

local function has_any(lower, before, names, behind)
    for _, name in ipairs(names) do
        if lower:find(before .. name .. behind) then
            return true
        end
    end
    return false
end

local function has_name(lower)
    return has_any(lower, "", NAMES, "") or lower:find("stringdata", 1, true) ~= nil
end

-- What a value is made of

local function words_of(text)
    local words = {}
    for _, token in ipairs(lexer.tokens(text)) do
        if token.kind ~= "blank" then
            words[#words + 1] = {kind = token.kind, from = token.from, to = token.to,
                                 text = text:sub(token.from, token.to)}
        end
    end
    return words
end

--- Whether the word at the index ends an operand, so that what follows is a call, an index or the
--- next statement.
local function is_operand(word)
    return OPERAND[word.kind] or CLOSING[word.text] or false
end

--- Whether it opens the arguments of a function that goes by names.
local function opens_names(words, index)
    local name, sign = words[index - 1], words[index - 2]
    return words[index].text == "(" and name and BY_NAME[name.text] and sign
        and (sign.text == ":" or sign.text == ".") or false
end

--- What literals are inside of that bracket: "name"s, "key"s of a table, "given" to a function, or
--- what they were outside.
local function inside(words, index, outside)
    if outside == "name" or opens_names(words, index) then
        return "name"
    elseif words[index].text == "[" then
        return "key"
    end
    return is_operand(words[index - 1]) and "given" or outside
end

local function is_kind_of_secret(word)
    return word.kind == "string" and SECRET_KINDS[word.text:sub(2, -2):lower()] or false
end

local function ends_value(words, index, first)
    local word, sign = words[index], words[index + 2]
    return word.text == ";" or word.text == "," and sign and sign.text == "=" -- the next field
        or word.kind == "keyword" and not (word.text:find("^[ao][nr]d?$") or word.text == "not")
        or index > first and OPERAND[word.kind] and word.kind ~= "string"
            and is_operand(words[index - 1])
end

--- The texts of the value that begins at the index: {value=, given=, name=, key=}, true for each
--- that there is.
local function literals_of(words, first)
    local found, open = {}, {}
    for index = first, #words do
        local word, place = words[index], open[#open] or "value"
        if OPENING[word.text] then
            open[#open + 1] = inside(words, index, place)
        elseif CLOSING[word.text] then
            if not open[1] then
                break
            end
            open[#open] = nil
        elseif not open[1] and ends_value(words, index, first) then
            break
        elseif word.kind == "string" then
            found[place == "value" and is_operand(words[index - 1]) and "given" or place] = true
        end
    end
    return found
end

-- What stands there as patterns have it, and is looked at more closely

--- The places where a name of NAMES is followed by that, sorted.
local function places_of(lower, behind)
    local places = {}
    for _, name in ipairs(NAMES) do
        for place in lower:gmatch("()" .. name .. behind) do
            places[#places + 1] = place
        end
    end
    table.sort(places)
    return places
end

--- Calls fn(index of the word that the place is in) for each place, until that is true.
local function any_word(words, places, fn)
    local index = 1
    for _, place in ipairs(places) do
        while words[index] and words[index].to < place do
            index = index + 1
        end
        if fn(index) then
            return true
        end
    end
    return false
end

local function has_literal(words, lower)
    return any_word(words, places_of(lower, LITERAL), function(index)
        return index == 1 or not (is_kind_of_secret(words[index]) and opens_names(words, index - 1))
    end)
end

local function has_unspaced(words, lower)
    return any_word(words, places_of(lower, UNSPACED), function(index)
        local sign = words[index + 1]
        if words[index].kind ~= "name" or not sign or sign.text ~= "=" then
            return true
        end
        local found = literals_of(words, index + 2)
        return not found.name or found.given or found.value
    end)
end

--- The index behind the "=" that gives a value to what ends at that index: a name, one of several,
--- or a key in brackets; nil when there is none.
local function value_index(words, index)
    local function text(at)
        return words[at] and words[at].text
    end
    index = index + 1
    while text(index) == "," and words[index + 1] and words[index + 1].kind == "name" do
        index = index + 2
    end
    index = text(index) == "]" and index + 1 or index
    return text(index) == "=" and index + 1 or nil
end

--- Whether it is a value itself: of the field before the next one.
local function is_value(words, index)
    return words[index - 1] ~= nil and words[index - 1].text == "="
end

--- Whether a name gets a text further on in its value, or the data of a Secret does.
local function has_value(words)
    local names = {stringdata = "given"}
    for _, word in ipairs(words) do
        names.data = names.data or is_kind_of_secret(word) and "given" or nil
    end
    for index, word in ipairs(words) do
        local name = word.text:lower():match("^[\"']?([%w_]+)[\"']?$")
        local first = name and (names[name] or has_name(name)) and not is_value(words, index)
            and value_index(words, index)
        local found = first and literals_of(words, first) or {}
        if found.value or found[names[name]] then
            return true
        end
    end
    return false
end

--- holds_secret(text) -> boolean
return function(text)
    local lower = text:lower()
    if secret.mask(text) ~= text or has_any(lower, "", PLAIN, "")
        or has_any(lower, "%-%-[%w-]*", NAMES, FLAG) or has_any(lower, "", NAMES, YAML) then
        return true
    elseif not has_name(lower) then
        return false
    elseif #text > lexer.LONGEST then
        return has_any(lower, "", NAMES, LITERAL) or has_any(lower, "", NAMES, UNSPACED)
    end
    local words = words_of(text)
    return has_literal(words, lower) or has_unspaced(words, lower) or has_value(words)
end
