--- Reads a command's options by its own declaration, and runs it.
--
-- A command is a table: summary, usage (the words after its name), arguments = {min, max},
-- options = list of {name, short, argument, repeated, help}, and run(options, arguments) -> exit
-- code. An option with `argument` takes a value, others are switches. One that has commands of its
-- own gives their modules instead: commands = {word = module name}.
local errors = require("salvor.error")

local options = {}

local function usage_error(message, hint)
    return nil, errors.new({code = "Usage", message = message, hint = hint})
end

local function find(command, key, word)
    for _, option in ipairs(command.options or {}) do
        if option[key] == word then
            return option
        end
    end
end

--- "--name=value", "--name", "-p"; "-pvalue" is spelt "-p value".
local function split(command, word)
    local name, attached = word:match("^%-%-([^=]+)=?(.*)$")
    if name then
        return find(command, "name", name), word:find("=", 1, true) and attached or nil
    end
    return find(command, "short", word:sub(2)), nil
end

local function store(given, option, text)
    local key = option.name:gsub("-", "_")
    if not option.repeated then
        given[key] = text
        return
    end
    given[key] = given[key] or {}
    table.insert(given[key], text)
end

local function check_arguments(command, words)
    local limits = command.arguments or {0, 0}
    if #words < limits[1] then
        return usage_error("an argument is missing", "usage: " .. command.usage)
    elseif #words > limits[2] then
        return usage_error("unexpected argument '" .. words[limits[2] + 1] .. "'",
            "usage: " .. command.usage)
    end
    return true
end

--- parse(command, arguments) -> options by name ("dry-run" becomes dry_run), words | nil, err
function options.parse(command, arguments)
    local given, words, index = {}, {}, 1
    while arguments[index] do
        local word = arguments[index]
        if word == "--" then
            table.move(arguments, index + 1, #arguments, #words + 1, words)
            break
        elseif word:sub(1, 1) ~= "-" or word == "-" then
            words[#words + 1] = word
        elseif word == "--help" or word == "-h" then
            return {help = true}, {}
        else
            local option, text = split(command, word)
            if not option then
                return usage_error("unknown option '" .. word .. "'", "usage: " .. command.usage)
            elseif option.argument and not text then
                index = index + 1
                text = arguments[index]
                if not text then
                    return usage_error("option '" .. word .. "' needs " .. option.argument)
                end
            elseif text and not option.argument then
                return usage_error("option '--" .. option.name .. "' takes no value")
            end
            store(given, option, text or true)
        end
        index = index + 1
    end
    local ok, err = check_arguments(command, words)
    if not ok then
        return nil, err
    end
    return given, words
end

function options.help(command)
    local lines = {"usage: " .. command.usage, command.summary}
    for _, option in ipairs(command.options or {}) do
        local left = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option.name
        if option.argument then
            left = left .. " " .. option.argument
        end
        lines[#lines + 1] = string.format("  %-28s %s", left, option.help)
    end
    return table.concat(lines, "\n") .. "\n"
end

--- Error objects are for the operator, anything else is a bug and says where it comes from.
local function with_traceback(err)
    return errors.is(err) and err or debug.traceback(tostring(err), 2)
end

--- A command of a command, by its word.
local function run_one_of(command, arguments)
    local cli = require("salvor.cli")
    local word = arguments[1]
    if command.commands[word] then
        return options.run(require(command.commands[word]), table.move(arguments, 2, #arguments,
            1, {}))
    end
    local is_help = word == "--help" or word == "-h"
    local stream = is_help and io.stdout or io.stderr
    if word and not is_help then
        stream:write("salvor: no command '", word, "'\n")
    end
    stream:write("usage: ", command.usage, "\n", command.summary, "\n")
    for _, name in ipairs(require("salvor").keys(command.commands)) do
        stream:write(string.format("  %-10s %s\n", name,
            require(command.commands[name]).summary))
    end
    return is_help and cli.exit.done or cli.exit.usage
end

--- Runs the command; an error object that it raises or that its options give ends it with the exit
--- code that belongs to its code.
function options.run(command, arguments)
    if command.commands then
        return run_one_of(command, arguments)
    end
    local cli = require("salvor.cli")
    local given, words = options.parse(command, arguments)
    if not given then
        cli.report(words)
        return cli.exit.usage
    elseif given.help then
        io.stdout:write(options.help(command))
        return cli.exit.done
    end
    local ok, code = xpcall(command.run, with_traceback, given, words)
    if ok then
        return code
    elseif errors.is(code) then
        cli.report(code)
        return cli.exit_of(code)
    end
    io.stderr:write("salvor: a fault of Salvor's own: ", code, "\n")
    return cli.exit.internal
end

return options
