--- Structured concurrency over the scheduler: children end before whoever started them.
local fail = require("salvor.error").new
local scheduler = require("salvor.scheduler")

local task = {}

--- Waits until the task has ended; hands on what it returned, or raises what it raised.
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

--- Joins every task as it ends, calling `each(number, results...)`; the first error cancels the
--- rest.
local function join_all(tasks, each)
    local pending, numbers = table.move(tasks, 1, #tasks, 1, {}), {}
    for number, child in ipairs(tasks) do
        numbers[child] = number
    end
    while #pending > 0 do
        local child = table.remove(pending, (scheduler.next_ended(pending)))
        local results = table.pack(scheduler.result(child))
        if not results[1] then
            cancel_all(pending)
            error(results[2], 0)
        end
        each(numbers[child], table.unpack(results, 2, results.n))
    end
end

function task.all(functions)
    local tasks, results = {}, {n = #functions}
    for number, fn in ipairs(functions) do
        tasks[number] = scheduler.spawn(fn)
    end
    join_all(tasks, function(number, result)
        results[number] = result
    end)
    return results
end

function task.map(list, fn, options)
    options = options or {}
    for key in pairs(options) do
        if key ~= "workers" then
            error("task.map: unknown option '" .. tostring(key) .. "'", 2)
        end
    end
    local count, results, next_item = #list, {n = #list}, 0
    local function work()
        while next_item < count do
            next_item = next_item + 1
            local number = next_item
            results[number] = fn(list[number], number)
        end
    end
    local workers = {}
    for number = 1, math.min(options.workers or 8, count) do
        workers[number] = scheduler.spawn(work)
    end
    join_all(workers, function() end)
    return results
end

function task.race(functions)
    if #functions == 0 then
        error("task.race: at least one function expected", 2)
    end
    local tasks = {}
    for number, fn in ipairs(functions) do
        tasks[number] = scheduler.spawn(fn)
    end
    local winner = table.remove(tasks, (scheduler.next_ended(tasks)))
    cancel_all(tasks)
    return deliver(scheduler.result(winner))
end

function task.timeout(seconds, fn)
    local child = scheduler.spawn(fn)
    local clock = scheduler.spawn(scheduler.sleep, seconds)
    if scheduler.next_ended({child, clock}) == 1 then
        cancel_all({clock})
        return deliver(scheduler.result(child))
    end
    cancel_all({child})
    if scheduler.status(child) == "done" then
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
