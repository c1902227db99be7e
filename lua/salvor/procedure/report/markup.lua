--- Elements of HTML and SVG. A text that is put into one is always escaped; only what came from
--- here stays markup, so that no name or message of a server can become any.
local keys = require("salvor").keys
local ui = require("salvor.ui")

local markup = {}

local Element = {}
Element.__index = Element

local ESCAPES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
                 ["'"] = "&#39;"}

--- Control characters, what changes the direction of writing and broken UTF-8 become visible, too.
function markup.escape(text)
    return (ui.escape(tostring(text), "\n"):gsub("[&<>\"']", ESCAPES))
end

--- Whatever has no end tag is closed at once, so that a page is XML as well.
local VOID = {meta = true, rect = true, line = true, path = true, circle = true, br = true}

local function add(out, child)
    if child == nil or child == false then
        return
    elseif getmetatable(child) == Element then
        table.move(child, 1, #child, #out + 1, out)
    elseif type(child) == "table" then
        for _, each in ipairs(child) do
            add(out, each)
        end
    else
        out[#out + 1] = markup.escape(child)
    end
end

local function attributes(given)
    local parts = {}
    for index, name in ipairs(keys(given)) do
        local value = given[name]
        if math.type(value) == "float" then
            value = string.format("%.1f", value)
        end
        parts[index] = string.format(' %s="%s"', name, markup.escape(value))
    end
    return table.concat(parts)
end

--- element(name, attributes, child...) -> element. A child is an element, a text, a list of
--- children or nothing (nil, false).
function markup.element(name, given, ...)
    local out = setmetatable({"<" .. name .. attributes(given or {})}, Element)
    if VOID[name] then
        out[1] = out[1] .. "/>"
        return out
    end
    out[1] = out[1] .. ">"
    for number = 1, select("#", ...) do
        add(out, (select(number, ...)))
    end
    out[#out + 1] = "</" .. name .. ">"
    return out
end

--- Markup of our own, such as a style sheet, as it stands.
function markup.literal(text)
    return setmetatable({text}, Element)
end

function markup.text(element)
    return table.concat(element)
end

return markup
