--- What is entered at the prompt, compiled and run: as an expression first, so that its value can
--- be shown, else as statements.
local environment = require("salvor.prompt.environment")
local errors = require("salvor.error")
local lexer = require("salvor.prompt.lexer")
local literal = require("salvor.prompt.literal")
local refuse = require("salvor.prompt.refuse")
local scheduler = require("salvor.scheduler")

local evaluate = {}

local CHUNK = "=prompt"

--- Whether Lua's message says that only the end is missing: then the text goes on. A string ends
--- in its row, unless that row says otherwise.
local function is_unfinished(problem, text)
    return problem:find("<eof>$") ~= nil
        and (not problem:find("unfinished string near", 1, true) or text:find("\\z?%s*$") ~= nil)
end

local MOST_SEPARATORS = 50 -- that are looked at: an expression at the end is short

--- "x = f(); x" with the expression at the end returned; nil when there is none. Only of what Lua
--- does not take as it stands, since "x = f" and "(y)" in the next row are a call.
local function return_last(text)
    local tokens, left = lexer.tokens(text), MOST_SEPARATORS
    for at = #tokens - 1, 2, -1 do
        local token = tokens[at]
        local content = text:sub(token.from, token.to)
        if content == ";" or token.kind == "blank" and content:find("\n", 1, true) then
            local head, tail = text:sub(1, token.to), "return " .. text:sub(token.to + 1)
            if load(tail, CHUNK, "t") then
                return head .. tail
            end
            left = left - 1
            if left == 0 then
                return nil
            end
        end
    end
end

--- compile(text) -> function, and Lua that is the same to a script | nil, message, whether only the
--- end is missing
function evaluate.compile(text)
    local chunk = load("return " .. text, CHUNK, "t", environment.globals)
    if chunk then
        return chunk, text
    end
    local problem
    chunk, problem = load(text, CHUNK, "t", environment.globals)
    if chunk then
        return chunk, text
    end
    local source = return_last(text)
    chunk = source and load(source, CHUNK, "t", environment.globals)
    if chunk then
        return chunk, source
    end
    return nil, problem, is_unfinished(problem, text)
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
--- as one who tries things out means it. One that is given no value there stays a local.
function evaluate.without_local(text)
    local names = text:match("^%s*local%s+([%a_][%w_%s,]*)=[^=]")
    if names and not names:find("[%w_]%s+[%w_]") or text:find("^%s*local%s+function%s") then
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

--- results(...) -> table.pack of what a call gave, without the nils behind its first result: they
--- are often the error that there was not.
function evaluate.results(...)
    local results = table.pack(...)
    while results.n > 1 and results[1] ~= nil and results[results.n] == nil do
        results.n = results.n - 1
    end
    return results
end

--- The error of results that are nil and an error; nil of any others.
function evaluate.error_of(results)
    return results.n == 2 and results[1] == nil and errors.is(results[2]) and results[2] or nil
end

--- Ctrl-C is the script's again.
function evaluate.leave()
    scheduler.set_foreground(nil)
end

-- An expression's last call is a tail call, so misuse is blamed on whoever ran the input.
local OWN_PLACE = "^lua/salvor/prompt[%w_/]*%.lua:%d+: "

--- One line for what was raised, with its hint; the rest is for :trace.
function evaluate.describe(problem)
    if errors.is(problem, "Cancelled") then
        return "cancelled"
    elseif errors.is(problem) then
        return require("salvor.cli").describe(problem)
    elseif type(problem) ~= "string" then
        return (literal(problem))
    end
    return (problem:gsub(OWN_PLACE, ""):gsub("^prompt:(%d+): ", "line %1: ")
        :gsub("%s*\n%s*", " "))
end

return evaluate
