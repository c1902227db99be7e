--- How the prompt shows a value: Kubernetes objects as YAML, lists of them as kubectl's table, what
--- lies in a store as a list with sizes and ages, texts of several lines as these, errors in a
--- line, all else as readable Lua.
local errors = require("salvor.error")
local evaluate = require("salvor.prompt.evaluate")
local literal = require("salvor.prompt.literal")

local show = {}

local MOST_ROWS = 1000
local MOST_BYTES = 256 << 10

-- What lies in a store

local function is_item(v)
    return type(v) == "table" and type(rawget(v, "path")) == "string"
        and type(rawget(v, "kind")) == "string"
end

local function are_items(v)
    if type(v) ~= "table" or rawlen(v) == 0 then
        return false
    end
    for index = 1, rawlen(v) do
        if not is_item(rawget(v, index)) then
            return false
        end
    end
    return true
end

local function item_table(items)
    local age = require("salvor.k8s.age")
    local ui = require("salvor.ui")
    local rows, now = {}, os.time()
    for index, item in ipairs(items) do
        rows[index] = {item.path, item.size and ui.bytes(item.size),
                       item.modified and age.text(now - item.modified),
                       item.modified and os.date("!%Y-%m-%d %H:%M", item.modified // 1 | 0)}
    end
    return ui.format_table({"PATH", {title = "SIZE", align = "right"},
                            {title = "AGE", align = "right"}, "MODIFIED (UTC)"}, rows)
end

-- Forms

local forms = {}

--- What is read of a value, and whether there is more.
local function readable(v, options)
    if options.whole then
        return v, false
    end
    return require("salvor.prompt.show.objects").readable(v)
end

function forms.json(v, options)
    local shown, is_cut = readable(v, options)
    return must(require("salvor.json").encode(shown, {indent = 2})), is_cut
end

function forms.yaml(v, options)
    local shown, is_cut = readable(v, options)
    return must(require("salvor.yaml").dump(shown)), is_cut
end

forms.lua = literal

--- A text of several lines, as a log is.
local function is_text(v)
    return type(v) == "string" and v:find("\n.") and not v:find("\0", 1, true)
        and utf8.len(v) ~= nil
end

--- The form that a value has when none was chosen; nil when it is only a literal.
local function own_form(v, options)
    if errors.is(v) then
        return evaluate.describe(v)
    elseif is_text(v) then
        return v
    elseif are_items(v) then
        return item_table(v)
    end
    local objects = require("salvor.prompt.show.objects")
    local items = objects.items(v)
    if items then
        return objects.table(items)
    elseif objects.is_object(v) then
        return forms.yaml(v, options)
    end
end

--- A value may pretend to be anything, as by an __index that fails.
local function any_form(v, options)
    local ok, text, is_cut = pcall(own_form, v, options)
    if ok and text then
        return text, is_cut
    end
    return literal(v, options)
end

--- As much of a text as is read, and whether that is not all.
local function cut(text)
    local at = 0
    for _ = 1, MOST_ROWS do
        at = text:find("\n", at + 1, true)
        if not at or at > MOST_BYTES then
            break
        end
    end
    if at and at <= MOST_BYTES then
        return text:sub(1, at - 1), at < #text
    elseif #text <= MOST_BYTES then
        return text, false
    end
    return text:sub(1, utf8.offset(text, 0, MOST_BYTES + 1) - 1), true
end

--- text(value, options) -> text, which may hold anything that the value does; raises an error
--- object when the value has no such form. options: output ("yaml", "json", "lua"; nil: each value
--- in its own way), width, whole (all of it), name (of the value, for who wants to see more).
function show.text(v, options)
    local form = forms[options.output] or any_form
    local text, is_cut = form(v, options)
    if not options.whole then
        local is_long
        text, is_long = cut(text)
        is_cut = is_cut or is_long
    end
    text = text:gsub("\n$", "")
    return is_cut and options.name and text .. "\n… :all " .. options.name .. " shows the whole"
        or text
end

return show
