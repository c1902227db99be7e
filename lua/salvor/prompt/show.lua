--- How the prompt shows a value: Kubernetes objects as YAML, lists of them as kubectl's table, what
--- lies in a store as a list with sizes and ages, texts of several lines and what commands printed
--- as these, errors in a line, all else as readable Lua.
local errors = require("salvor.error")
local evaluate = require("salvor.prompt.evaluate")
local literal = require("salvor.prompt.literal")
local secrets = require("salvor.prompt.show.secrets")

local show = {}

local MOST_ROWS = 1000
local MOST_BYTES = 256 << 10
local MOST_BYTES_OF_THE_WHOLE = 16 << 20 -- of what tables are written as; a text is there already

local TOO_MUCH = "what is left out is too large or too deep to be shown at once; show parts of it"

-- What lies in a store

local function is_item(v)
    return type(v) == "table" and type(rawget(v, "path")) == "string"
        and type(rawget(v, "kind")) == "string"
end

--- Whether a value is a list of such ones, of at least one.
local function is_list_of(is_one, v)
    if type(v) ~= "table" or rawlen(v) == 0 then
        return false
    end
    for index = 1, rawlen(v) do
        if not is_one(rawget(v, index)) then
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

-- Results of commands, and events

--- Of exec, or of a program here.
local function is_command_result(v)
    return type(v) == "table" and math.type(rawget(v, "code")) == "integer"
        and type(rawget(v, "stdout")) == "string" and type(rawget(v, "stderr")) == "string"
end

--- What the command printed, as in a shell, and its exit code where that is not 0.
local function command_text(result)
    local parts = {}
    for _, printed in ipairs({result.stdout, result.stderr}) do
        parts[#parts + 1] = printed ~= "" and printed:gsub("\n?$", "", 1) or nil
    end
    if result.code ~= 0 or not parts[1] then
        parts[#parts + 1] = "(exit code " .. result.code .. ")"
    end
    return table.concat(parts, "\n")
end

local EVENT = {"time", "type", "reason", "object", "message"}

local function is_event(v)
    for _, name in ipairs(EVENT) do
        if type(v) ~= "table" or type(rawget(v, name)) ~= "string" then
            return false
        end
    end
    return true
end

local function event_table(events)
    local age = require("salvor.k8s.age")
    local rows, now = {}, os.time()
    local columns, has_several_namespaces = {"AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"}, false
    for index, event in ipairs(events) do
        local count = (event.count or 1) ~= 1 and " (x" .. tostring(event.count) .. ")" or ""
        rows[index] = {age.since(event.time, now) .. count, event.type, event.reason, event.object,
                       event.message}
        has_several_namespaces = has_several_namespaces or event.namespace ~= events[1].namespace
    end
    if has_several_namespaces then
        table.insert(columns, 1, "NAMESPACE")
        for index, event in ipairs(events) do
            table.insert(rows[index], 1, event.namespace or "")
        end
    end
    return require("salvor.ui").format_table(columns, rows)
end

-- Forms

local forms = {}

--- What is read of a value, and whether there is more.
local function readable(v, options)
    local bounded = require("salvor.prompt.show.bounded")
    if options.whole then
        return bounded(v, MOST_BYTES_OF_THE_WHOLE)
    end
    local shown, has_secrets = secrets.all_masked(require("salvor.prompt.show.objects").readable(v))
    local is_cut
    shown, is_cut = bounded(shown, MOST_BYTES)
    return shown, has_secrets or is_cut
end

function forms.json(v, options)
    local shown, is_cut = readable(v, options)
    return must(require("salvor.json").encode(shown, {indent = 2})), is_cut
end

function forms.yaml(v, options)
    local shown, is_cut = readable(v, options)
    return must(require("salvor.yaml").dump(shown)), is_cut
end

function forms.lua(v, options)
    return literal(v, {width = options.width, whole = options.whole or options.is_long,
                       with_secrets = options.whole})
end

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
    elseif is_list_of(is_item, v) then
        return item_table(v)
    elseif is_list_of(is_event, v) then
        return event_table(v)
    elseif is_command_result(v) then
        return command_text(v)
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
    return forms.lua(v, options)
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
--- in its own way), width, whole (all of it), is_long (however long and deep, but Secrets without
--- their values), name (of the value, for who wants to see more).
function show.text(v, options)
    local form = forms[options.output] or any_form
    local text, is_cut = form(v, options)
    if not (options.whole or options.is_long) then
        local is_longer
        text, is_longer = cut(text)
        is_cut = is_cut or is_longer
    end
    text = text:gsub("\n$", "")
    local more = is_cut and (options.whole and TOO_MUCH
        or options.name and ":all " .. options.name .. " shows the whole")
    return more and text .. "\n… " .. more or text
end

return show
