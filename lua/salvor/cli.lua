--- The command line: what lua5.4 does with a script, and Salvor's own commands.
local value = require("salvor.value")
local salvor = require("salvor")

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

--- The exit code that belongs to an error object.
function cli.exit_of(err)
    return cli.exit[exit_by_code[err.code] or "failed"]
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
usage: salvor [options] SCRIPT [ARGS]     run a Lua script
       salvor [options] COMMAND [ARGS]    run a command
options as of lua: -e CODE  -l MODULE  -i  -v  -  --
       --log-level LEVEL   debug, info, warning (default) or error
       --log-format FORMAT text (default) or json
       --version  --help
]]

local function command_names()
    local names = {}
    for _, path in ipairs(value.embedded_paths("lua/salvor/cli/")) do
        names[#names + 1] = path:match("([^/]+)%.lua$")
    end
    return names
end

local function print_help()
    io.stdout:write(USAGE, "commands:\n")
    for _, name in ipairs(command_names()) do
        io.stdout:write(string.format("  %-10s %s\n", name, require("salvor.cli." .. name).summary))
    end
    io.stdout:write("salvor COMMAND --help tells more\n")
end

local function is_file(path)
    local file = io.open(path, "r")
    if not file then
        return false
    end
    local readable = file:read(0) ~= nil or file:seek("end") == 0
    file:close()
    return readable
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

local function run_command(name, arguments)
    if not value.embedded("lua/salvor/cli/" .. name .. ".lua") then
        complain("no command or script '", name, "'; ", name:find("^%w[%w-]*/%w[%w-]*$")
            and "a procedure is run by salvor run " .. name
            or require("salvor.suggest").begin(name, command_names())
                .. "salvor --help lists the commands")
        return cli.exit.usage
    end
    local code = require("salvor.options").run(require("salvor.cli." .. name), arguments)
    local written, problem = io.stdout:flush()
    if not written then
        complain("standard output: ", problem)
        return code == cli.exit.done and cli.exit.failed or code
    end
    return code
end

--- Each takes its argument and returns an exit code to stop with, or nil to go on.
local actions = {
    ["-e"] = function(code)
        local chunk, problem = load(code, "=(command line)", "t")
        if not chunk then
            complain(problem)
            return cli.exit.failed
        end
        chunk()
    end,
    ["-l"] = function(module)
        local name, source = module:match("^([^=]+)=(.+)$")
        name, source = name or module, source or module
        _G[name] = require(source)
    end,
    ["--log-level"] = function(level)
        local ok, problem = pcall(require("salvor.log").set_level, level)
        if not ok then
            complain(problem, "; give debug, info, warning or error")
            return cli.exit.usage
        end
    end,
    ["--log-format"] = function(format)
        local ok, problem = pcall(require("salvor.log").set_format, format)
        if not ok then
            complain(problem, "; give text or json")
            return cli.exit.usage
        end
    end,
}

local flags = {["-i"] = "interactive", ["-v"] = "version", ["--version"] = "version",
               ["--help"] = "help", ["-h"] = "help", ["-E"] = "no_environment", ["-W"] = "warnings"}

--- "-ecode" and "--log-level=debug" carry their argument with them.
local function split_option(word)
    local name, attached = word:match("^(%-%-[^=]+)=(.*)$")
    if name then
        return name, attached
    end
    name, attached = word:match("^(%-[el])(.+)$")
    return name or word, attached
end

--- Reads the options in front of the script or command: what was asked for, where that word is,
--- or an exit code.
local function read_options(arguments)
    local asked, todo, index = {}, {}, 1
    while arguments[index] do
        local word = arguments[index]
        if word == "--" then
            return asked, todo, index + 1
        elseif word == "-" or word:sub(1, 1) ~= "-" then
            break
        end
        local name, argument = split_option(word)
        if actions[name] then
            if not argument then
                index = index + 1
                argument = arguments[index]
            end
            if not argument then
                complain("'", name, "' needs an argument")
                return nil, nil, nil, cli.exit.usage
            end
            todo[#todo + 1] = {actions[name], argument}
            asked.code = asked.code or name == "-e"
        elseif flags[word] then
            asked[flags[word]] = true
        else
            complain("unrecognized option '", word, "'; salvor --help lists them")
            return nil, nil, nil, cli.exit.usage
        end
        index = index + 1
    end
    return asked, todo, index
end

--- The prompt; a plain one where there is no terminal that it could be drawn on.
local function run_prompt(options)
    local terminal = require("salvor.terminal")
    local kind = os.getenv("TERM") or "dumb"
    if terminal.is_terminal("stdin") and terminal.is_terminal("stdout") and kind ~= "dumb" then
        local console, err = require("salvor.console").open()
        if console then
            local opened <close> = console
            return require("salvor.prompt").run_session(opened, options)
        end
        cli.report(err)
    end
    return require("salvor.repl").run(options)
end

function cli.main(arguments)
    local asked, todo, index, code = read_options(arguments)
    if not asked then
        return code
    end
    if asked.help then
        print_help()
        return cli.exit.done
    end
    if asked.warnings then
        warn("@on")
    end
    if asked.version or asked.interactive then
        print("Salvor " .. salvor.version .. " (" .. _VERSION .. ")")
    end
    local word = arguments[index]
    arg = script_arguments(arguments, word and index or 0)
    for _, item in ipairs(todo) do
        code = item[1](item[2])
        if code then
            return code
        end
    end
    code = cli.exit.done
    if word == "-" or (word and is_script(word)) then
        code = run_script(arguments, index)
    elseif word then
        return run_command(word, table.move(arguments, index + 1, #arguments, 1, {}))
    end
    local idle = not word and not asked.code and not asked.version
    if asked.interactive or (idle and require("salvor.terminal").is_terminal("stdin")) then
        return run_prompt({quiet = asked.interactive})
    elseif idle then
        return run_script({[0] = arguments[0], "-"}, 1)
    end
    return code
end

return cli
