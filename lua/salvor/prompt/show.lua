--- How the prompt shows a value: Kubernetes objects as YAML, lists of them as kubectl's table, what
--- lies in a store as a list with sizes and ages, errors in a line, all else as readable Lua.
local dig = require("salvor").dig
local errors = require("salvor.error")
local literal = require("salvor.prompt.literal")
local terminal = require("salvor.terminal")

local show = {}

local function is_object(v)
    return type(v) == "table" and type(v.kind) == "string" and type(v.apiVersion) == "string"
        and type(v.metadata) == "table"
end

local function is_object_list(v)
    if type(v) ~= "table" or not is_object(v[1]) then
        return false
    end
    for _, object in ipairs(v) do
        if not is_object(object) then
            return false
        end
    end
    return true
end

local function is_item(v)
    return type(v) == "table" and type(v.path) == "string" and type(v.kind) == "string"
end

local function yaml_of(object)
    local text = require("salvor.yaml").dump(require("salvor.k8s").neat(object))
    return (terminal.escape(text, "\n"):gsub("\n$", ""))
end

--- Columns of a list of objects, from what every object has.
local function object_table(list)
    local age = require("salvor.k8s.age")
    local rows, namespaces, kinds = {}, {}, {}
    for _, object in ipairs(list) do
        namespaces[object.metadata.namespace or ""] = true
        kinds[object.kind] = true
    end
    local several = next(namespaces, next(namespaces)) ~= nil
    local mixed = next(kinds, next(kinds)) ~= nil
    local k8s = require("salvor.k8s")
    for index, object in ipairs(list) do
        local state, why = k8s.state(object)
        local prefix = mixed and object.kind:lower() .. "/" or ""
        rows[index] = {prefix .. tostring(object.metadata.name),
                       why and state .. ": " .. why or state or "",
                       age.since(dig(object, "metadata", "creationTimestamp"), os.time())}
        if several then
            table.insert(rows[index], 1, object.metadata.namespace or "")
        end
    end
    local columns = {"NAME", "STATE", "AGE"}
    if several then
        table.insert(columns, 1, "NAMESPACE")
    end
    return columns, rows
end

local function render_table(columns, rows)
    local ui = require("salvor.ui")
    return (ui.format_table(columns, rows):gsub("\n$", ""))
end

--- text(value, options) -> text without an end of line. options: output ("table", "yaml", "json",
--- "lua"; nil: by the value), width
function show.text(v, options)
    local output = options.output
    if errors.is(v) then
        return tostring(v)
    elseif output == "json" then
        local text, err = require("salvor.json").encode(v, {indent = 2})
        return text or tostring(err)
    elseif output == "yaml" and type(v) == "table" then
        return yaml_of(v)
    elseif type(v) ~= "table" or output == "lua" then
        return literal(v, options)
    elseif is_object(v) then
        return yaml_of(v)
    elseif is_object_list(v) then
        return render_table(object_table(v))
    elseif is_item(v[1]) then
        return show.items(v)
    end
    return literal(v, options)
end

--- What store:list() gives.
function show.items(list)
    local rows = {}
    for index, item in ipairs(list) do
        rows[index] = {item.path, item.size and show.bytes(item.size) or "",
                       item.modified and os.date("!%Y-%m-%d %H:%M", item.modified // 1) or ""}
    end
    return render_table({"PATH", {title = "SIZE", align = "right"}, "MODIFIED (UTC)"}, rows)
end

--- "1.5 GiB"
function show.bytes(size)
    return require("salvor.ui").bytes(size)
end

return show
