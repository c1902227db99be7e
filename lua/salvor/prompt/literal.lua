--- A value as readable Lua: maps with sorted keys, one entry in a line where it is long, bounded in
--- depth and entries, Secrets without their values. Nothing of a value is run but its __tostring,
--- which may fail.
local lexer = require("salvor.prompt.lexer")
local secrets = require("salvor.prompt.show.secrets")
local sorted_keys = require("salvor.prompt.show.sorted_keys")
local terminal = require("salvor.terminal")
local value = require("salvor.value")

local INDENT = 2
local WIDTH = 80

-- {depth, entries of one table, entries in all, bytes of a text, bytes in all}
local BOUNDS = {depth = 5, entries = 50, all = 1000, bytes = 2000, room = math.huge}
local WIDE_BOUNDS = {depth = 150, entries = math.huge, all = 1e6, bytes = math.huge,
                     room = 16 << 20}

local function string_text(state, text)
    local limit = state.bounds.bytes
    local cut = #text > limit
    local shown = cut and text:sub(1, utf8.offset(text, 0, limit + 1) - 1) or text
    shown = shown:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\t", "\\t")
    shown = '"' .. terminal.escape(shown) .. '"'
    if cut then
        state.is_cut = true
        return string.format("%s.. --[[%d bytes in all]]", shown, #text)
    end
    return shown
end

local function number_text(number)
    if number ~= number then
        return "0/0"
    elseif number == math.huge or number == -math.huge then
        return number < 0 and "-math.huge" or "math.huge"
    elseif number == math.mininteger and math.type(number) == "integer" then
        return "math.mininteger"
    end
    return tostring(number)
end

--- What has no form in Lua: its type and where it is.
local function address(v)
    return string.format("%s: %p", type(v), v)
end

--- By its __tostring, when it has one.
local function described(v)
    local ok, text = pcall(tostring, v)
    return ok and terminal.escape(text, "\n")
        or string.format("--[[%s, whose __tostring fails]]", address(v))
end

local function key_text(state, key)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") and not lexer.is_keyword(key) then
        return key
    elseif type(key) == "string" then
        return "[" .. string_text(state, key) .. "]"
    elseif type(key) == "number" then
        return "[" .. number_text(key) .. "]"
    end
    return "[" .. (type(key) == "boolean" and tostring(key) or address(key)) .. "]"
end

local show

-- What is shown of a value is a text, or a list of pieces, since else each table would copy the
-- text of all that is in it.

local function join(piece, texts)
    if type(piece) == "string" then
        texts[#texts + 1] = piece
        return texts
    end
    for _, each in ipairs(piece) do
        join(each, texts)
    end
    return texts
end

local function entries_of(state, map, depth)
    local entries = {}
    local keys, count = sorted_keys(map)
    local function add(label, shown)
        local is_text = type(shown) == "string"
        entries[#entries + 1] = is_text and label .. shown or {label, shown}
        state.left = state.left - 1
        state.room = state.room - (depth + 1) * INDENT - #label - (is_text and #shown or 0)
        return #entries < state.bounds.entries and state.left > 0 and state.room > 0
    end
    for index = 1, count do
        if not add("", show(state, rawget(map, index), depth + 1)) then
            break
        end
    end
    for _, key in ipairs(#entries == count and keys or {}) do
        if not add(key_text(state, key) .. " = ", show(state, rawget(map, key), depth + 1)) then
            break
        end
    end
    return entries, count + #keys - #entries
end

local function is_short(state, entries, depth)
    local width = depth * INDENT
    for _, entry in ipairs(entries) do
        if type(entry) ~= "string" or entry:find("\n", 1, true) then
            return false
        end
        width = width + terminal.display_width(entry) + 2
        if width > state.width then
            return false
        end
    end
    return true
end

local function show_table(state, map, depth)
    if next(map) == nil then
        return "{}"
    elseif state.open[map] then
        return "{ --[[itself]] }"
    elseif depth >= state.bounds.depth then
        state.is_cut = true
        return "{ --[[…]] }"
    end
    local masked = not state.with_secrets and secrets.masked(map) or nil
    state.is_cut = state.is_cut or masked ~= nil
    state.open[map] = true
    local entries, hidden = entries_of(state, masked or map, depth)
    state.open[map] = nil
    if hidden > 0 then
        state.is_cut = true
        entries[#entries + 1] = string.format("--[[and %d more]]", hidden)
    elseif is_short(state, entries, depth) then
        return "{" .. table.concat(entries, ", ") .. "}"
    end
    local pieces, row = {"{"}, "\n" .. (" "):rep((depth + 1) * INDENT)
    for index, entry in ipairs(entries) do
        pieces[#pieces + 1] = index > 1 and "," .. row or row
        pieces[#pieces + 1] = entry
    end
    pieces[#pieces + 1] = "\n" .. (" "):rep(depth * INDENT) .. "}"
    return pieces
end

local function has_tostring(v)
    local metatable = debug.getmetatable(v)
    return type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil
end

function show(state, v, depth)
    if v == value.null then
        return "null"
    elseif type(v) == "string" then
        return string_text(state, v)
    elseif type(v) == "number" then
        return number_text(v)
    elseif type(v) == "table" and not has_tostring(v) then
        return show_table(state, v, depth)
    end
    return described(v)
end

--- literal(value, options) -> text, whether something was left out. options: width (columns, 80),
--- whole (with hardly any bounds), with_secrets (also their values)
return function(v, options)
    local bounds = options and options.whole and WIDE_BOUNDS or BOUNDS
    local state = {open = {}, left = bounds.all, room = bounds.room, bounds = bounds,
                   width = options and options.width or WIDTH,
                   with_secrets = options and options.with_secrets}
    local text = table.concat(join(show(state, v, 0), {}))
    return text, state.is_cut or false
end
