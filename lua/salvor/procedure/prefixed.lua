--- A stream whose lines begin with a name, for what several do at the same time.
local prefixed = {}

local Prefixed = {}
Prefixed.__index = Prefixed

local function put(self, line)
    self.stream:write(self.prefix, line, "\n")
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
    self.stream:flush()
    return self
end

--- new(stream, name, width) -> a stream that can write, flush and finish; names are padded to width
function prefixed.new(stream, name, width)
    local blanks = string.rep(" ", width - (utf8.len(name) or #name))
    return setmetatable({stream = stream, prefix = name .. blanks .. " | ", rest = ""}, Prefixed)
end

return prefixed
