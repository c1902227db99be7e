--- What is entered at the prompt, compiled and run: as an expression first, so that its value can
--- be shown, else as statements.
local environment = require("salvor.prompt.environment")
local errors = require("salvor.error")
local literal = require("salvor.prompt.literal")
local refuse = require("salvor.prompt.refuse")
local scheduler = require("salvor.scheduler")

local evaluate = {}

local CHUNK = "=prompt"

--- Whether Lua's message says that only the end is missing: then the text goes on.
local function is_unfinished(problem)
    return problem:find("<eof>$") ~= nil
end

--- compile(text) -> function | nil, message, whether only the end is missing
function evaluate.compile(text)
    local chunk = load("return " .. text, CHUNK, "t", environment.globals)
    if chunk then
        return chunk
    end
    local problem
    chunk, problem = load(text, CHUNK, "t", environment.globals)
    if chunk then
        return chunk
    end
    return nil, problem, is_unfinished(problem)
end

--- The function of a text that a command was given; raises an error object when it is not Lua.
function evaluate.must_compile(text)
    local chunk, problem = evaluate.compile(text)
    return chunk or refuse((problem:gsub("^prompt:%d+: ", "")))
end

--- Whether Enter runs the text: it is whole, or wrong in a way that more text does not mend.
function evaluate.is_complete(text)
    local chunk, _, unfinished = evaluate.compile(text)
    return chunk ~= nil or not unfinished
end

--- Locals of a line end with it: "local x = 1" at the beginning of a line makes a global instead,
--- as one who tries things out means it.
function evaluate.without_local(text)
    if text:find("^%s*local%s+function%s") then
        return (text:gsub("^%s*local%s+", "", 1))
    elseif text:find("^%s*local%s+[%a_][%w_%s,]*=[^=]") then
        return (text:gsub("^%s*local%s+", "", 1))
    end
    return text
end

--- run(fn) -> table.pack of true and its results, or of false, error, traceback. The function runs
--- as a task, which Ctrl-C ends: then the error's code is Cancelled. Afterwards Ctrl-C does
--- nothing, until leave().
function evaluate.run(fn)
    local running = scheduler.spawn(fn)
    scheduler.set_foreground(running)
    scheduler.next_ended({running})
    return table.pack(scheduler.result(running))
end

--- Ctrl-C is the script's again.
function evaluate.leave()
    scheduler.set_foreground(nil)
end

--- One line for what was raised, with its hint; the rest is for :trace.
function evaluate.describe(problem)
    if errors.is(problem, "Cancelled") then
        return "cancelled"
    elseif errors.is(problem) then
        return require("salvor.cli").describe(problem)
    elseif type(problem) ~= "string" then
        return (literal(problem))
    end
    return (problem:gsub("^prompt:(%d+): ", "line %1: "):gsub("%s*\n%s*", " "))
end

return evaluate
