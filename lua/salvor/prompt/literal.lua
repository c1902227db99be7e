--- A value as readable Lua: maps with sorted keys, one entry in a line where it is long, bounded in
--- depth and entries.
local terminal = require("salvor.terminal")
local value = require("salvor.value")

local INDENT = 2
local DEPTH = 5
local ENTRIES = 50 -- of one table
local ALL_ENTRIES = 1000
local STRING = 2000 -- bytes

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
    return then true until while]]):gmatch("%a+") do
    KEYWORDS[word] = true
end

local function literal_string(text, limit)
    local cut = #text > limit
    local shown = cut and text:sub(1, utf8.offset(text, 0, limit + 1) - 1) or text
    shown = shown:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\t", "\\t")
    shown = '"' .. terminal.escape(shown) .. '"'
    return cut and string.format("%s.. --[[%d bytes in all]]", shown, #text) or shown
end

local function key_text(key)
    if type(key) == "string" and key:find("^[%a_][%w_]*$") and not KEYWORDS[key] then
        return key
    elseif type(key) == "string" then
        return "[" .. literal_string(key, STRING) .. "]"
    end
    return "[" .. tostring(key) .. "]"
end

local function compare(one, other)
    local a, b = type(one), type(other)
    if a ~= b then
        return a < b
    elseif a == "number" or a == "string" then
        return one < other
    end
    return tostring(one) < tostring(other)
end

--- Keys of the list part first, then the others, sorted.
local function sorted_keys(map)
    local keys, count = {}, #map
    for key in next, map do
        if math.type(key) ~= "integer" or key < 1 or key > count then
            keys[#keys + 1] = key
        end
    end
    table.sort(keys, compare)
    return keys, count
end

local show

local function entries_of(state, map, depth)
    local entries = {}
    local keys, count = sorted_keys(map)
    local function add(text)
        entries[#entries + 1] = text
        state.left = state.left - 1
        return #entries < ENTRIES and state.left > 0
    end
    for index = 1, count do
        if not add(show(state, rawget(map, index), depth + 1)) then
            break
        end
    end
    for _, key in ipairs(#entries == count and keys or {}) do
        if not add(key_text(key) .. " = " .. show(state, rawget(map, key), depth + 1)) then
            break
        end
    end
    return entries, count + #keys - #entries
end

local function is_short(state, entries, depth)
    local width = depth * INDENT
    for _, entry in ipairs(entries) do
        width = width + terminal.display_width(entry) + 2
        if entry:find("\n", 1, true) or width > state.width then
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
    elseif depth >= state.depth then
        return "{ --[[…]] }"
    end
    state.open[map] = true
    local entries, hidden = entries_of(state, map, depth)
    state.open[map] = nil
    if hidden > 0 then
        entries[#entries + 1] = string.format("--[[and %d more]]", hidden)
    elseif is_short(state, entries, depth) then
        return "{" .. table.concat(entries, ", ") .. "}"
    end
    local indent = (" "):rep((depth + 1) * INDENT)
    return "{\n" .. indent .. table.concat(entries, ",\n" .. indent) .. "\n"
        .. (" "):rep(depth * INDENT) .. "}"
end

function show(state, v, depth)
    if v == value.null then
        return "null"
    elseif type(v) == "string" then
        return literal_string(v, STRING)
    elseif type(v) == "table" and not (getmetatable(v) or {}).__tostring then
        return show_table(state, v, depth)
    end
    return terminal.escape(tostring(v), "\n")
end

--- literal(value, options) -> text. options: width (columns, 80), depth (5)
return function(v, options)
    return show({open = {}, left = ALL_ENTRIES, width = options and options.width or 80,
                 depth = options and options.depth or DEPTH}, v, 0)
end
