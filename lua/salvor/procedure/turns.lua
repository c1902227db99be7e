--- Who of several targets works: so many at a time, no change before all were agreed to, and one
--- question at a time.
local condition = require("salvor.condition")
local ui = require("salvor.ui")

local Turns = {}
Turns.__index = Turns

--- Waits for a place to work in.
function Turns:start()
    while self.free == 0 do
        self.changed:wait()
    end
    self.free = self.free - 1
end

function Turns:finish()
    self.free = self.free + 1
    self.changed:wake()
end

--- Nobody changes anything before each has been agreed to. Who waits lets another one work.
function Turns:pass(target)
    if not target.passed then
        target.passed = true
        self.before_change = self.before_change - 1
        self.changed:wake()
    end
end

function Turns:meet(target)
    self:pass(target)
    self:finish()
    while self.before_change > 0 do
        self.changed:wait()
    end
    self:start()
end

--- One question at a time, and nobody writes into it.
function Turns:ask(question, options)
    while self.asking do
        self.changed:wait()
    end
    self.asking = true
    self.outlet:hold()
    local done <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        self.asking = false
        self.outlet:release()
        self.changed:wake()
    end})
    return ui.confirm(question, options)
end

--- new(count of targets, how many work at a time, outlet of salvor.procedure.prefixed)
return function(count, parallel, outlet)
    return setmetatable({free = parallel, before_change = count, asking = false, outlet = outlet,
                         changed = condition.new()}, Turns)
end
