--- The plain prompt, as lua5.4 -i has it; on a terminal that cannot draw a line it has the prompt's
--- client and modules, and shows values as it does.
local errors = require("salvor.error")
local environment = require("salvor.prompt.environment")
local evaluate = require("salvor.prompt.evaluate")
local terminal = require("salvor.terminal")
local salvor = require("salvor")

local repl = {}

local function prompt(name, fallback)
    local text = rawget(_G, name) -- a metatable there may refuse names that are not declared
    io.stdout:write(text == nil and fallback or tostring(text))
    io.stdout:flush()
end

--- An expression is shown, so it is tried first; a statement whose message ends in <eof> goes on in
--- the next line.
local function load_line(line)
    local chunk = load("return " .. line, "=stdin", "t", environment.globals)
    if chunk then
        return chunk
    end
    return load(line, "=stdin", "t", environment.globals)
end

local function read_chunk()
    prompt("_PROMPT", "> ")
    local text = terminal.read_line()
    if not text then
        return nil
    end
    text = text:gsub("^=", "return ", 1)
    local chunk, problem = load_line(text)
    while not chunk and problem:match("<eof>$") do
        prompt("_PROMPT2", ">> ")
        local more = terminal.read_line()
        if not more then
            break
        end
        text = text .. "\n" .. more
        chunk, problem = load(text, "=stdin", "t", environment.globals)
    end
    return chunk, problem
end

local function complain(problem)
    io.stdout:flush()
    io.stderr:write("salvor: ", terminal.escape(tostring(problem), "\n\t"), "\n")
end

local function print_results(...)
    if terminal.is_terminal("stdout") then
        require("salvor.ui").show(...)
    else
        environment.globals.print(...) -- another one than Lua's, where that was entered
    end
end

local function show(target, ok, ...)
    environment.heed(ok and evaluate.error_of(table.pack(...)) or (...), target)
    if not ok then
        complain(evaluate.describe((...)))
    elseif select("#", ...) > 0 then
        local shown, problem = pcall(print_results, ...)
        if not shown then
            complain("error calling 'print' (" .. tostring(problem) .. ")")
        end
    end
end

--- As pcall(). At a terminal Ctrl-C ends what is called, and not the prompt.
local function call(fn)
    if not terminal.is_terminal("stdin") then
        return pcall(fn)
    end
    local outcome = evaluate.run(fn)
    return table.unpack(outcome, 1, outcome.n)
end

--- The same, but an error ends the prompt, unless it is Ctrl-C: then there is a new line.
local function read()
    local ok, chunk, problem = call(read_chunk)
    if ok then
        return chunk, problem
    elseif errors.is(chunk) and chunk.code == "Cancelled" then
        io.stdout:write("\n")
        return read()
    end
    error(chunk, 0)
end

--- Reads, runs and prints until the end of standard input; returns the exit code. options: quiet
--- (the version has been said already), target (salvor.prompt.target), questions
--- (salvor.prompt.production).
function repl.run(options)
    if terminal.is_terminal("stdin") and terminal.is_terminal("stdout") then
        environment.install(function()
            return options.target:client()
        end)
    end
    if not options.quiet then
        print("Salvor " .. salvor.version .. " (" .. _VERSION .. ")")
    end
    while true do
        local chunk, problem = read()
        if chunk then
            options.questions:forget()
            show(options.target, call(chunk))
        elseif problem then
            complain(problem)
        else
            break
        end
    end
    evaluate.leave()
    io.stdout:write("\n")
    return 0
end

return repl
