--- The reference of the API, from the files that editors read (lua/meta): what the prompt's help,
--- hints and completion, and the manual page salvor-api(7), are made of. The files are in the form
--- of the Lua language server's annotations; here they are ours, and well formed.
local value = require("salvor.value")

local reference = {}

local FOLDER = "lua/meta/"

--- "name? type text" of a field or parameter. A type ends at the first blank outside of brackets.
local function split_type(rest)
    local depth, at = 0, 1
    while at <= #rest do
        local character = rest:sub(at, at)
        if character:find("[(<{[]") then
            depth = depth + 1
        elseif character:find("[)>}%]]") then
            depth = depth - 1
        elseif character == " " and depth == 0 and not rest:sub(1, at - 1):find("[:,]$") then
            break
        end
        at = at + 1
    end
    return rest:sub(1, at - 1), (rest:sub(at + 1))
end

local function read_named(rest)
    local name, mark, more = rest:match("^(%[?[%w_.]+%]?)(%??)%s+(.*)$")
    local kind, text = split_type(more)
    return {name = name, optional = mark == "?", type = kind, text = text}
end

local function new_block()
    return {text = {}, params = {}, returns = {}}
end

--- What is being read of one file.
local Reader = {}
Reader.__index = Reader

function Reader:add_text(text)
    if self.last then
        self.last.text = self.last.text .. (text:sub(1, 1) == " " and text or " " .. text)
    else
        table.insert(self.block.text, (text:gsub("^ ", "")))
    end
end

local TAGS = {}

function TAGS.meta(reader, rest)
    reader.module = rest:match("^salvor[%w_.]*$")
end

function TAGS.class(reader, rest)
    local name, parents = rest:match("^([%w_.]+):?%s*(.*)$")
    local class = reader.all.classes[name]
        or {name = name, fields = {}, parents = {}, text = table.concat(reader.block.text, "\n")}
    for parent in parents:gmatch("[%w_.]+") do
        table.insert(class.parents, parent)
    end
    reader.all.classes[name] = class
    reader.class, reader.last = class, nil
    reader.block.text = {}
end

function TAGS.field(reader, rest)
    local field = read_named(rest)
    table.insert(reader.class.fields, field)
    reader.last = field
end

function TAGS.param(reader, rest)
    local param = read_named(rest)
    table.insert(reader.block.params, param)
    reader.last = param
end

TAGS["return"] = function(reader, rest)
    local kind, text = split_type(rest)
    local returned = {type = kind, text = text}
    table.insert(reader.block.returns, returned)
    reader.last = returned
end

function TAGS.alias(reader, rest)
    local name, kind = rest:match("^([%w_.]+)%s*(.*)$")
    reader.all.aliases[name] = {name = name, type = kind,
                                text = table.concat(reader.block.text, "\n")}
    reader.block, reader.last = new_block(), nil
end

local function owner_of(reader, variable)
    local class = reader.classes[variable]
    if class then
        return class.name
    end
    return reader.module
end

local function add_function(reader, variable, separator, name, params)
    local block = reader.block
    local class = reader.classes[variable]
    local short = variable
    if not class or variable == "methods" then
        short = (class and class.name or reader.module):match("[%w_]+$"):lower()
    end
    table.insert(reader.all.functions, {
        name = short .. separator .. name, owner = owner_of(reader, variable), method = name,
        separator = separator, signature = short .. separator .. name .. "(" .. params .. ")",
        params = block.params, returns = block.returns, text = table.concat(block.text, "\n"),
    })
    reader.block, reader.last = new_block(), nil
end

function Reader:line(row)
    local tag, rest = row:match("^%-%-%-@(%a+)%s*(.*)$")
    if tag then
        if TAGS[tag] then
            TAGS[tag](self, rest)
        end
        return
    end
    local text = row:match("^%-%-%-(.*)$")
    if text then
        return self:add_text(text)
    end
    local variable, separator, name, params =
        row:match("^function ([%w_]+)([.:])([%w_]+)%((.-)%) end$")
    if variable then
        return add_function(self, variable, separator, name, params)
    end
    local declared = row:match("^local ([%w_]+) = {}$")
    if declared and self.class and self.was_class then
        self.classes[declared] = self.class
    elseif declared and self.module then
        self.all.modules[self.module] = table.concat(self.block.text, "\n")
    end
    self.block, self.last, self.class = new_block(), nil, nil
end

local function read_file(all, text)
    local reader = setmetatable({all = all, classes = {}, block = new_block()}, Reader)
    for row in (text .. "\n"):gmatch("([^\n]*)\n") do
        reader.was_class = reader.class ~= nil
        reader:line(row)
    end
end

local loaded

--- load() -> {functions = list of {name = "fs.read" or "client:get", owner = module or class,
--- method, separator, signature, params, returns, text}, classes = {name = {name, fields, parents,
--- text}}, aliases = {name = {name, type, text}}, modules = {"salvor.fs" = text}}. Params and
--- fields are {name, optional, type, text}.
function reference.load()
    if not loaded then
        loaded = {functions = {}, classes = {}, aliases = {}, modules = {}}
        for _, path in ipairs(value.embedded_paths(FOLDER)) do
            read_file(loaded, value.embedded(path))
        end
    end
    return loaded
end

--- The fields of a class and of those it extends.
function reference.fields(name)
    local fields = {}
    local class = reference.load().classes[name]
    if class then
        table.move(class.fields, 1, #class.fields, 1, fields)
        for _, parent in ipairs(class.parents) do
            table.move(reference.fields(parent), 1, #reference.fields(parent), #fields + 1, fields)
        end
    end
    return fields
end

--- The functions of a module ("salvor.fs") or the methods of a class ("k8s.Client").
function reference.members(owner)
    local members = {}
    for _, each in ipairs(reference.load().functions) do
        if each.owner == owner then
            members[#members + 1] = each
        end
    end
    return members
end

return reference
