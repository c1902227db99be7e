local task = require("salvor.task")

local function wait(value)
    task.sleep(0)
    return value
end

assert(task.spawn(wait, 1):join() == 1)
local all = task.all({function() return wait(1) end, function() return wait(2) end})
assert(all[1] == 1 and all[2] == 2)
assert(task.map({1, 2, 3, 4}, wait, {workers = 2})[4] == 4)
assert(task.race({function() task.sleep(60) end, function() return wait("first") end}) == "first")
local nothing, err = task.timeout(0, function() task.sleep(60) end)
assert(not nothing)
must(err.code == "Timeout", err)

-- Waiting inside a coroutine, and where Lua cannot yield.
local generate = coroutine.wrap(function()
    for number = 1, 3 do
        coroutine.yield(wait(number))
    end
end)
assert(generate() + generate() + generate() == 6)
local list = {3, 1, 2}
table.sort(list, function(a, b) return wait(a) < wait(b) end)
assert(list[1] == 1 and list[3] == 3)

-- A child fails: its siblings are cancelled, with what they have to clean up.
local cleaned = false
local ok, raised = pcall(task.all, {
    function()
        local scope <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
            cleaned = true
        end})
        task.sleep(60)
    end,
    function() error({code = "Mine"}) end,
})
assert(not ok)
must(type(raised) == "table" and raised.code == "Mine", raised)
assert(cleaned)
