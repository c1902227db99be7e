--- What tasks wait for until another one has changed something.
---
---     while not ready() do
---         changed:wait()
---     end
local scheduler = require("salvor.scheduler")

local condition = {}
condition.__index = condition

function condition.new()
    return setmetatable({waiters = {}}, condition)
end

--- Until the next wake(). A condition that nobody can wake any more is a fault that is raised.
function condition:wait()
    local waiter = scheduler.waiter()
    table.insert(self.waiters, waiter)
    waiter:wait()
end

--- Wakes all that wait now; they run once this task waits itself.
function condition:wake()
    local waiters = self.waiters
    self.waiters = {}
    for _, waiter in ipairs(waiters) do
        waiter:wake()
    end
end

return condition
