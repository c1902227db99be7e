--- Streams whose lines begin with a name, for what several do at the same time.
local prefixed = {}

local Outlet = {}
Outlet.__index = Outlet

function Outlet:write(...)
    if self.held then
        table.insert(self.held, table.concat({...}))
    else
        self.stream:write(...)
    end
end

function Outlet:flush()
    self.stream:flush()
end

--- Keeps back what is written, as long as somebody is asked something.
function Outlet:hold()
    self.held = {}
end

function Outlet:release()
    local held = self.held
    self.held = nil
    self.stream:write(table.concat(held))
end

--- outlet(stream) -> what the streams of several write to: whole lines, with hold() and release()
function prefixed.outlet(stream)
    return setmetatable({stream = stream}, Outlet)
end

local Prefixed = {}
Prefixed.__index = Prefixed

local function put(self, line)
    self.outlet:write(self.prefix, line, "\n")
end

--- Lines are written when they are whole.
function Prefixed:write(...)
    self.rest = self.rest .. table.concat({...})
    while true do
        local line, rest = self.rest:match("^([^\n]*)\n(.*)$")
        if not line then
            return self
        end
        self.rest = rest
        put(self, line)
    end
end

--- Writes a line that has no end yet.
function Prefixed:finish()
    if self.rest ~= "" then
        put(self, self.rest)
        self.rest = ""
    end
    self:flush()
end

function Prefixed:flush()
    self.outlet:flush()
    return self
end

--- new(outlet, name, width) -> a stream that can write, flush and finish; names are padded to width
function prefixed.new(outlet, name, width)
    local blanks = string.rep(" ", width - (utf8.len(name) or #name))
    return setmetatable({outlet = outlet, prefix = name .. blanks .. " | ", rest = ""}, Prefixed)
end

return prefixed
