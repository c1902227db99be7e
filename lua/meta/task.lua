---@meta salvor.task

--- Structured concurrency. Every call that waits suspends only the task it is in; others go on.
---
---     local task = require("salvor.task")
---     local pods, nodes = table.unpack(task.all{
---         function() return must(c:list("po")) end,
---         function() return must(c:list("nodes")) end,
---     })
---
--- Children end before whoever started them: those of the forms below before the call returns or
--- raises, a spawned task before the task that spawned it. A cancelled task raises the error object
--- `Cancelled` at the point where it waits. pcall and xpcall do not stop that, `<close>` variables
--- run, and calls in them wait as ever. A store's call on a file system that does not answer is
--- left behind: it changes nothing any more; while 256 are, others fail at once. When every task
--- waits for another one the script is cancelled.
local task = {}

---@class salvor.TaskResults
---@field n integer How many functions or items there were; results may be nil.
---@field [integer] any

--- Runs the functions side by side and gives the first result of each, in their order. The first
--- error ends the rest and is raised.
---@param functions (fun(): any)[]
---@return salvor.TaskResults
function task.all(functions) end

---@class salvor.TaskMapOptions
---@field workers? integer How many at a time; 8.

--- Calls `fn(item, number)` for each item, some at a time, and gives the first result of each, in
--- the order of the list. The first error ends the rest and is raised.
---@param list any[]
---@param fn fun(item: any, number: integer): any
---@param options? salvor.TaskMapOptions
---@return salvor.TaskResults
function task.map(list, fn, options) end

--- Runs the functions side by side, hands on what the first one to end returns or raises, and ends
--- the others.
---@param functions (fun(): ...)[]
---@return any ...
function task.race(functions) end

--- Runs the function for at most that long and hands on what it returns or raises. Afterwards
--- nothing of it goes on.
---@param seconds number
---@param fn fun(): ...
---@return any ... nil when it was not done
---@return salvor.Error? err `Timeout`
function task.timeout(seconds, fn) end

--- Starts a task. An error that nobody joins for becomes that of the task that started it.
---@param fn fun(...)
---@param ... any Its arguments.
---@return salvor.Task
function task.spawn(fn, ...) end

--- Waits.
---@param seconds number
function task.sleep(seconds) end

--- Seconds of a clock that never goes back; for differences only.
---@return number
function task.now() end

---@class salvor.Task
local methods = {}

--- Waits for the task's end; returns what its function returned, or raises what it raised
--- (`Cancelled` when it was cancelled).
---@return any ...
function methods:join() end

--- Asks the task to end. It does so at its next wait; join tells when it has.
function methods:cancel() end

---@return "running"|"done"|"failed"|"cancelled"
function methods:status() end

return task
