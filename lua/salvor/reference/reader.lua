--- Reads one file of lua/meta: annotations of the Lua language server, of which we use a part. What
--- is not of that part, or is not as an editor would take it, raises with its line.
local reader = {}

local function fail(self, problem)
    error(string.format("%s:%d: %s", self.path, self.number, problem), 0)
end

local CLOSING = {["("] = ")", ["<"] = ">", ["{"] = "}", ["["] = "]"}

--- "type text" -> "type", "text". A type ends at the first blank outside of brackets and quotes
--- that follows neither a colon nor a comma; nil when one of these stays open.
local function split_type(rest)
    local open, at = {}, 1
    while at <= #rest do
        local character = rest:sub(at, at)
        if character == '"' then
            at = rest:find('"', at + 1, true) or #rest + 1
        elseif CLOSING[character] then
            open[#open + 1] = CLOSING[character]
        elseif character == open[#open] then
            open[#open] = nil
        elseif character == " " and not open[1] and not rest:sub(1, at - 1):find("[:,]$") then
            break
        end
        at = at + 1
    end
    if open[1] or at > #rest + 1 then
        return nil
    end
    return rest:sub(1, at - 1), (rest:sub(at + 1))
end

local function read_type(self, rest)
    local kind, text = split_type(rest)
    if not kind or kind == "" then
        fail(self, "a type expected in '" .. rest .. "'")
    end
    return {type = kind, text = text}
end

--- "name? type text" of a field or parameter.
local function read_named(self, rest)
    local name, mark, more = rest:match("^(%[?[%w_.]+%]?)(%??)%s+(.*)$")
    if not name then
        fail(self, "a name and a type expected in '" .. rest .. "'")
    end
    local read = read_type(self, more)
    read.name, read.optional = name, mark == "?"
    return read
end

local function new_block()
    return {text = {}, params = {}, returns = {}, generics = {}}
end

--- The text so far; what follows begins anew.
local function take_text(self)
    local text = table.concat(self.block.text, "\n")
    self.block, self.last = new_block(), nil
    return text
end

--- Text belongs to what stands before it in the block: a parameter, a field, else all of it.
local function add_text(self, text)
    if self.last then
        self.last.text = self.last.text .. (text:sub(1, 1) == " " and text or " " .. text)
    else
        table.insert(self.block.text, (text:gsub("^ ", "")))
    end
end

--- Each: reader, what stands behind the tag.
local TAGS = {}

function TAGS.meta(self, rest)
    self.module = rest:match("^salvor[%w_.]*$")
    if not self.module and rest ~= "_" then
        fail(self, "@meta names the module, or is _")
    end
end

function TAGS.class(self, rest)
    local name, parents = rest:match("^([%w_.]+):?%s*([%w_., ]*)$")
    if not name then
        fail(self, "'" .. rest .. "' is no class")
    end
    local class = self.all.classes[name]
    if not class then
        class = {name = name, section = self.section, fields = {}, parents = {}, text = ""}
        self.all.classes[name] = class
    end
    class.text = class.text .. take_text(self)
    for parent in parents:gmatch("[%w_.]+") do
        table.insert(class.parents, parent)
    end
    self.class = class
end

function TAGS.field(self, rest)
    if not self.class then
        fail(self, "a field of no class")
    end
    self.last = read_named(self, rest)
    table.insert(self.class.fields, self.last)
end

function TAGS.param(self, rest)
    self.last = read_named(self, rest)
    table.insert(self.block.params, self.last)
end

TAGS["return"] = function(self, rest)
    self.last = read_type(self, rest)
    table.insert(self.block.returns, self.last)
end

function TAGS.generic(self, rest)
    for name in rest:gsub(":%s*[%w_.]+", ""):gmatch("[%w_]+") do
        self.block.generics[name] = true
    end
end

function TAGS.type(self, rest)
    self.block.type = read_type(self, rest).type
end

function TAGS.alias(self, rest)
    local name, kind = rest:match("^([%w_.]+)%s*(.*)$")
    if not name then
        fail(self, "an alias has a name")
    end
    self.alias = {name = name, section = self.section, text = take_text(self),
                  type = kind ~= "" and read_type(self, kind).type or ""}
    self.all.aliases[name] = self.alias
end

--- `---| "a"|"b"`: the type of the alias before it goes on.
local function continue_alias(self, rest)
    if not self.alias then
        fail(self, "no alias goes on here")
    end
    local kind = read_type(self, rest).type
    self.alias.type = self.alias.type .. (self.alias.type ~= "" and "|" or "") .. kind
end

--- What an entry is called: its class's variable, or the last word of class or module.
local function short_name(self, variable, class)
    if class and variable ~= "methods" then
        return variable
    end
    return (class and class.name or self.module or ""):match("[%w_]+$"):lower()
end

local function check_params(self, params)
    local described = {}
    for index, param in ipairs(self.block.params) do
        described[index] = param.name
    end
    described = table.concat(described, ", ")
    if described ~= params then
        fail(self, "described are (" .. described .. "), its parameters are (" .. params .. ")")
    end
end

--- A function of the variable; a global one without.
local function add_function(self, variable, separator, name, params)
    local class = self.classes[variable]
    if variable and not class and variable ~= self.variable then
        fail(self, variable .. " is neither the module nor a class")
    end
    check_params(self, params)
    local block = self.block
    local full = (variable and short_name(self, variable, class) or "") .. separator .. name
    table.insert(self.all.functions, {
        name = full, owner = class and class.name or variable and self.module or "_G",
        method = name, separator = separator, signature = full .. "(" .. params .. ")",
        params = block.params, returns = block.returns, generics = block.generics,
        text = take_text(self),
    })
end

local function add_value(self, name)
    local block = self.block
    if not block.type then
        fail(self, "a value has a @type")
    end
    table.insert(self.all.values, {
        name = short_name(self) .. "." .. name, owner = self.module, method = name,
        type = block.type, text = take_text(self),
    })
end

--- `local x = {}`: what methods or functions are written as.
local function declare(self, variable)
    if self.class then
        self.classes[variable] = self.class
    elseif self.module and not self.variable then
        self.variable = variable
        self.all.modules[self.module] = take_text(self)
    else
        fail(self, variable .. " is neither the module nor a class")
    end
end

--- Code, which is only there to be described.
local function read_code(self, row)
    local variable, separator, name, params =
        row:match("^function ([%w_]+)([.:])([%w_]+)%((.-)%) end$")
    local global, global_params = row:match("^function ([%w_]+)%((.-)%) end$")
    local owner, value = row:match("^([%w_]+)%.([%w_]+) = .")
    local declared = row:match("^local ([%w_]+) = {}$")
    if variable then
        add_function(self, variable, separator, name, params)
    elseif global then
        add_function(self, nil, "", global, global_params)
    elseif owner and owner == self.variable then
        add_value(self, value)
    elseif declared then
        declare(self, declared)
    elseif row ~= "" and row ~= "return " .. tostring(self.variable) then
        fail(self, "'" .. row .. "' is nothing that is described")
    elseif self.block.params[1] or self.block.returns[1] then
        fail(self, "what is described has no function")
    end
    if self.alias and self.alias.type == "" then
        fail(self, "the alias has no type")
    end
    self.block, self.last, self.class, self.alias = new_block(), nil, nil, nil
end

local function read_row(self, row)
    local tag, rest = row:match("^%-%-%-@(%a+)%s*(.*)$")
    local more = row:match("^%-%-%-|%s*(.*)$")
    local text = row:match("^%-%-%-(.*)$")
    if more then
        continue_alias(self, more)
    elseif tag then
        if not TAGS[tag] then
            fail(self, "unknown tag @" .. tag)
        end
        TAGS[tag](self, rest)
    elseif text then
        add_text(self, text)
    else
        read_code(self, row)
    end
end

--- read(all, path, text): adds what the file describes to the tables of `all` (salvor.reference).
function reader.read(all, path, text)
    local self = {all = all, path = path, number = 0, classes = {}, block = new_block(),
                  section = path:match("^lua/meta/([%w_]+)")}
    for row in (text:gsub("\n?$", "\n")):gmatch("([^\n]*)\n") do
        self.number = self.number + 1
        read_row(self, row)
    end
    read_code(self, "")
end

return reader
