--- Structured concurrency over the scheduler: children end before whoever started them.
local check = require("salvor.check")
local fail = require("salvor.error").new
local scheduler = require("salvor.scheduler")

local task = {}

--- Hands on what a task returned, or raises what it raised.
local function deliver(ok, ...)
    if not ok then
        error((...), 0)
    end
    return ...
end

local methods = {}

function methods.join(self)
    scheduler.next_ended({self})
    return deliver(scheduler.result(self))
end

methods.cancel = scheduler.cancel
methods.status = scheduler.status

scheduler.metatable.__index = methods
scheduler.metatable.__name = "task"

task.spawn = scheduler.spawn
task.sleep = scheduler.sleep
task.now = scheduler.now

--- Ends the tasks and waits for it, so that nothing of them runs any more.
local function cancel_all(tasks)
    for _, child in ipairs(tasks) do
        scheduler.cancel(child)
    end
    while #tasks > 0 do
        local index = scheduler.next_ended(tasks)
        scheduler.result(tasks[index])
        table.remove(tasks, index)
    end
end

local SCOPE = {__close = cancel_all}

--- The tasks of the functions, as a list to keep in a `<close>` variable: however the call ends, by
--- a cancellation too, what is still on the list has ended before anything else goes on.
local function start(functions)
    local tasks = setmetatable({}, SCOPE)
    for number, fn in ipairs(functions) do
        tasks[number] = scheduler.spawn(fn)
    end
    return tasks
end

local function check_functions(functions, where)
    if type(functions) ~= "table" then
        error(where .. ": a list of functions expected", 3)
    end
    for number = 1, #functions do
        if type(functions[number]) ~= "function" then
            error(where .. ": number " .. number .. " is not a function", 3)
        end
    end
    for key in pairs(functions) do
        if key ~= "n" and (math.type(key) ~= "integer" or key < 1 or key > #functions) then
            error(where .. ": a list of functions has no key '" .. tostring(key) .. "'", 3)
        end
    end
end

--- Joins every task as it ends, calling `each(number, results...)`; an error ends the rest.
local function join_all(functions, each)
    local pending <close> = start(functions)
    local numbers = {}
    for number, child in ipairs(pending) do
        numbers[child] = number
    end
    while #pending > 0 do
        local child = table.remove(pending, (scheduler.next_ended(pending)))
        each(numbers[child], deliver(scheduler.result(child)))
    end
end

function task.all(functions)
    check_functions(functions, "task.all")
    local results = {n = #functions}
    join_all(functions, function(number, result)
        results[number] = result
    end)
    return results
end

function task.map(list, fn, options)
    if type(list) ~= "table" then
        error("task.map: a list expected, got " .. type(list), 2)
    elseif type(fn) ~= "function" then
        error("task.map: a function expected, got " .. type(fn), 2)
    end
    local workers = check.options(options, {workers = "number"}, "task.map").workers or 8
    if math.type(workers) ~= "integer" or workers < 1 then
        error("task.map: option 'workers' is an integer from 1", 2)
    end
    local count, results, next_item = #list, {n = #list}, 0
    local function work()
        while next_item < count do
            next_item = next_item + 1
            local number = next_item
            results[number] = fn(list[number], number)
        end
    end
    local all = {}
    for number = 1, math.min(workers, count) do
        all[number] = work
    end
    join_all(all, function() end)
    return results
end

function task.race(functions)
    check_functions(functions, "task.race")
    if #functions == 0 then
        error("task.race: at least one function expected", 2)
    end
    local tasks <close> = start(functions)
    local winner = table.remove(tasks, (scheduler.next_ended(tasks)))
    return deliver(scheduler.result(winner))
end

function task.timeout(seconds, fn)
    if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
        error("task.timeout: a number of seconds from 0 expected", 2)
    end
    if type(fn) ~= "function" then
        error("task.timeout: a function expected", 2)
    end
    local tasks <close> = start({fn, function() scheduler.sleep(seconds) end})
    local child = tasks[1]
    if scheduler.next_ended(tasks) == 1 then
        return deliver(scheduler.result(child))
    end
    cancel_all({child})
    if scheduler.status(child) ~= "cancelled" then
        return deliver(scheduler.result(child))
    end
    return nil, fail({
        code = "Timeout",
        op = "task.timeout",
        message = string.format("not done within %g s", seconds),
        retryable = true,
    })
end

return task
