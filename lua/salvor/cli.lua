--- The command line: what lua5.4 does with a script, and Salvor's own commands.
local errors = require("salvor.error")
local salvor = require("salvor")
local value = require("salvor.value")

local cli = {}

--- Exit codes; the same for every command.
cli.exit = {
    done = 0,
    failed = 1,
    usage = 2,
    invalid_script = 3,
    preflight = 4,
    stopped = 5,
    refused = 6,
    unknown = 7,
    internal = 70,
}

--- One line on standard error.
function cli.complain(...)
    io.stderr:write("salvor: ", ...)
    io.stderr:write("\n")
end

local complain = cli.complain

local exit_by_code = {Usage = "usage", InvalidScript = "invalid_script", Preflight = "preflight",
                      Stopped = "stopped", Refused = "refused", Internal = "internal"}

--- The exit code that belongs to an error object, or to whatever else was raised.
function cli.exit_of(err)
    return cli.exit[errors.is(err) and exit_by_code[err.code] or "failed"]
end

--- An error object as one line: what, where, what to do.
function cli.describe(err)
    local parts = {err.op and err.op ~= "" and err.op .. ": " or "", err.message}
    if err.hint then
        parts[#parts + 1] = "; " .. err.hint
    end
    return (table.concat(parts):gsub("%s*\n%s*", " "))
end

--- Tells an error object on one line. Secrets are masked, and what a server sent cannot move the
--- cursor.
function cli.report(err)
    local text = require("salvor.secret").mask(cli.describe(err))
    complain(require("salvor.terminal").escape(text))
end

local USAGE = [[
usage: salvor [options] SCRIPT [ARGS]     run a Lua script; - is standard input
       salvor [options] COMMAND [ARGS]    run a command
       salvor [options]                   the prompt on a terminal, else as with -
]]

local LAST_WORDS = [[
a recovery: salvor list, salvor show ID, salvor plan ID (which changes nothing), salvor run ID
salvor COMMAND --help tells more, salvor manual | man -l - all of it
]]

--- The names of all commands, sorted.
function cli.commands()
    local names = {}
    for _, path in ipairs(value.embedded_paths("lua/salvor/cli/")) do
        names[#names + 1] = path:match("([^/]+)%.lua$")
    end
    return names
end

function cli.print_help()
    io.stdout:write(USAGE, "options:\n",
        require("salvor.options").lines(require("salvor.global_options").list), "commands:\n")
    for _, name in ipairs(cli.commands()) do
        io.stdout:write(string.format("  %-10s %s\n", name, require("salvor.cli." .. name).summary))
    end
    io.stdout:write(LAST_WORDS)
end

--- Looked at and not opened: what comes out of a pipe comes once.
local function is_file(path)
    local status = require("salvor.fs").stat(path)
    return status ~= nil and status.type ~= "folder"
end

local function is_script(word)
    return word:match("%.lua$") ~= nil or (word:find("/", 1, true) ~= nil and is_file(word))
end

--- Moves arg so that the script is arg[0], as lua does.
local function script_arguments(arguments, script_index)
    local moved = {}
    for index = 0, #arguments do
        moved[index - script_index] = arguments[index]
    end
    return moved
end

local function load_script(path)
    return loadfile(path ~= "-" and path or nil, "t")
end

local function run_script(arguments, index)
    arg = script_arguments(arguments, index)
    local chunk, problem = load_script(arguments[index])
    if not chunk then
        complain(problem)
        return cli.exit.failed
    end
    chunk(table.unpack(arguments, index + 1))
    return cli.exit.done
end

--- Calls the command of that name; its exit code. What it has written may not be flushed yet.
function cli.call_command(name, arguments)
    if not value.embedded("lua/salvor/cli/" .. name .. ".lua") then
        complain("no command or script '", name, "'; ", name:find("^%w[%w-]*/%w[%w-]*$")
            and "a procedure is run by salvor run " .. name
            or require("salvor.suggest").begin(name, cli.commands())
                .. "salvor --help lists the commands")
        return cli.exit.usage
    end
    return require("salvor.options").run(require("salvor.cli." .. name), arguments)
end

--- Each takes its argument and returns an exit code to stop with, or nil to go on.
local actions = {
    e = function(code)
        local chunk, problem = load(code, "=(command line)", "t")
        if not chunk then
            complain(problem)
            return cli.exit.failed
        end
        chunk()
    end,
    l = function(module)
        local name, source = module:match("^([^=]+)=(.+)$")
        name, source = name or module, source or module
        _G[name] = require(source)
    end,
    log_level = function(level)
        require("salvor.log").set_level(level)
    end,
    log_format = function(format)
        require("salvor.log").set_format(format)
    end,
}

--- The prompt; a plain one where there is no terminal that it could be drawn on.
local function run_prompt(asked)
    local target, err = require("salvor.catch")(require("salvor.prompt.target").open, asked)
    if not target then
        cli.report(err)
        return cli.exit_of(err)
    end
    local questions = require("salvor.prompt.production").new(target)
    if not asked.write then
        questions:install()
    end
    local options = {quiet = asked.i, target = target, questions = questions}
    local terminal = require("salvor.terminal")
    local kind = os.getenv("TERM") or "dumb"
    if terminal.is_terminal("stdin") and terminal.is_terminal("stdout") and kind ~= "dumb" then
        local console, problem = require("salvor.console").open()
        if console then
            local opened <close> = console
            return require("salvor.prompt").run_session(opened, options)
        end
        cli.report(problem)
    end
    return require("salvor.repl").run(options)
end

local function is_set(variable)
    local text = os.getenv(variable) or ""
    return text ~= "" and text ~= "0"
end

--- Sees to it that nothing is written where that is asked for; nil and what is wrong with the
--- options.
local function obey_read_only(asked)
    if not (asked.read_only or is_set("SALVOR_READ_ONLY")) then
        return true
    elseif asked.write then
        return nil, "--write in a session that is read-only"
    end
    require("salvor.guard").make_read_only()
    return true
end

--- What is to be run: "script", "command", nothing or, as `prompt`, also or only the prompt.
local function choose(asked, word)
    local what = word and ((word == "-" or is_script(word)) and "script" or "command")
    local is_idle = not word and not asked.e and not asked.version
    local on_terminal = is_idle and require("salvor.terminal").is_terminal("stdin")
    local prompt = what ~= "command" and (asked.i or on_terminal)
    if is_idle and not prompt then
        what = "script"
    end
    return what, prompt
end

--- Does what was asked for, in its order; an exit code to stop with, or nil.
local function prepare(asked)
    for _, item in ipairs(asked) do
        local code = actions[item[1]](item[2])
        if code then
            return code
        end
    end
end

--- What stands in front of the script or command: mostly nothing, and a start should cost little.
local function read_options(arguments)
    if not (arguments[1] or ""):find("^%-.") then
        return {}, 1
    end
    return require("salvor.global_options").read(arguments)
end

function cli.main(arguments)
    local asked, index = read_options(arguments)
    if not asked then
        cli.report(index)
        return cli.exit.usage
    elseif asked.help then
        cli.print_help()
        return cli.exit.done
    end
    local word = arguments[index]
    local what, prompt = choose(asked, word)
    local misplaced = not prompt and asked.of_prompt
    local ok, problem = obey_read_only(asked)
    if misplaced or not ok then
        complain(problem or misplaced .. " is the prompt's; of a command it stands behind its name")
        return cli.exit.usage
    end
    if asked.W then
        warn("@on")
    end
    if asked.version or asked.i then
        print("Salvor " .. salvor.version .. " (" .. _VERSION .. ")")
    end
    arg = script_arguments(arguments, word and index or 0)
    local code = prepare(asked)
    if code then
        return code
    elseif what == "command" then
        return cli.call_command(word, table.move(arguments, index + 1, #arguments, 1, {}))
    elseif what == "script" then
        code = word and run_script(arguments, index) or run_script({[0] = arguments[0], "-"}, 1)
    end
    return prompt and run_prompt(asked) or code or cli.exit.done
end

return cli
