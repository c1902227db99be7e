--- Reads a command's options by its own declaration, and runs it.
--
-- A command is a table: summary, usage, details (more sentences, if any), arguments = list of
-- placeholders, options = list of {name, short, argument, repeated, help}, and run(options,
-- arguments) -> exit code. An option with `argument`, its placeholder, takes a value, others are
-- switches; all values of one that is `repeated` are a list. A command that has commands of its own
-- gives their modules instead: commands = {word = module name}.
--
-- A placeholder says what is wanted: "text|json" is one of these words, and nothing else is taken;
-- what "FILE", "ID", "RUN"... are completed with is in salvor.completion.places. An argument that
-- may be left out is in brackets; the last one may stand for several: "[WORD...]".
local errors = require("salvor.error")
local suggest = require("salvor.suggest")

local options = {}

local function usage_error(message, hint)
    return nil, errors.new({code = "Usage", message = message, hint = hint})
end

local function find(list, key, word)
    for _, option in ipairs(list) do
        if option[key] == word then
            return option
        end
    end
end

--- split(list, word) -> the option of the list that it is, and the value in it: "--name=value",
--- "-pvalue".
function options.split(list, word)
    local name, value = word:match("^%-%-([^=]+)=?(.*)$")
    if name then
        return find(list, "name", name), word:find("=", 1, true) and value or nil
    end
    local option = find(list, "short", word:sub(2, 2))
    if #word == 2 then
        return option
    end
    return option and option.argument and option, word:sub(3)
end

--- Whether the word is an option, and no file or "-", which is standard input.
function options.is_option(word)
    return word:find("^%-.") ~= nil
end

--- What a value is kept as: "read_only" of --read-only.
function options.key(option)
    return option.name and option.name:gsub("-", "_") or option.short
end

local function spelling(option)
    return option.name and "--" .. option.name or "-" .. option.short
end

local function unknown_option(command, word)
    local words = {}
    for _, option in ipairs(command.options or {}) do
        words[#words + 1] = spelling(option)
    end
    return usage_error("unknown option '" .. word .. "'",
        suggest.begin(word:match("^[^=]*"), words) .. "usage: " .. command.usage)
end

--- choices("text|json") -> {"text", "json"}; nil for any other placeholder
function options.choices(placeholder)
    if not placeholder:find("|", 1, true) then
        return nil
    end
    local words = {}
    for word in placeholder:gmatch("[^|%[%]]+") do
        words[#words + 1] = word
    end
    return words
end

--- Nil and an error when `text` is none of the words that the placeholder gives; `what` says what
--- it is.
local function check_choice(what, placeholder, text)
    local words = options.choices(placeholder)
    for _, word in ipairs(words or {text}) do
        if text == word then
            return true
        end
    end
    local last = table.remove(words)
    return usage_error("unknown " .. what .. " '" .. text .. "'",
        table.concat(words, ", ") .. " or " .. last)
end

--- Keeps a value. Of two one would be ignored; and an empty one is a variable that was not set.
local function keep(given, option, text)
    local key, spelt = options.key(option), spelling(option)
    if text == "" and not option.in_order then
        return usage_error("option '" .. spelt .. "' is empty", "it needs " .. option.argument)
    elseif option.repeated then
        given[key] = given[key] or {}
        table.insert(given[key], text)
    elseif given[key] and option.argument and not option.in_order then
        return usage_error("option '" .. spelt .. "' is given twice",
            "its value is " .. option.argument)
    else
        given[key] = text
    end
    return check_choice(option.name, option.argument or "", text)
end

--- read(command, arguments, index, given) -> the option at that index, which is kept, its value
--- (true of a switch) and the index behind | nil, err
function options.read(command, arguments, index, given)
    local word = arguments[index]
    local option, text = options.split(command.options or {}, word)
    if not option then
        return unknown_option(command, word)
    elseif text and not option.argument then
        return usage_error("option '" .. spelling(option) .. "' takes no value")
    elseif option.argument and not text then
        index = index + 1
        text = arguments[index]
        if not text then
            return usage_error("option '" .. word .. "' needs " .. option.argument)
        end
    end
    local ok, err = keep(given, option, text or true)
    if not ok then
        return nil, err
    end
    return option, text or true, index + 1
end

local function check_arguments(command, words)
    local wanted = command.arguments or {}
    local is_open = wanted[1] and wanted[#wanted]:find("...", 1, true)
    for index, placeholder in ipairs(wanted) do
        if not words[index] then
            if placeholder:sub(1, 1) ~= "[" then
                return usage_error("an argument is missing", "usage: " .. command.usage)
            end
            break
        end
        local ok, err = check_choice("argument", placeholder, words[index])
        if not ok then
            return nil, err
        end
    end
    local extra = words[#wanted + 1]
    if extra and not is_open then
        local name = find(command.options, "name", "param") and extra:match("^([%w_]+)=")
        return usage_error("unexpected argument '" .. extra .. "'",
            (name and "a parameter is given as -p " .. name .. "=…; " or "") .. "usage: "
            .. command.usage)
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
        elseif word == "--help" or word == "-h" then
            return {help = true}, {}
        elseif options.is_option(word) then
            local option, text, behind = options.read(command, arguments, index, given)
            if not option then
                return nil, text
            end
            index = behind
        else
            words[#words + 1] = word
            index = index + 1
        end
    end
    local ok, err = check_arguments(command, words)
    if not ok then
        return nil, err
    end
    return given, words
end

local COLUMN = 28 -- what options do is told behind it

--- One line for each option: "  -o, --output text|json       ..."; two where that is too long.
function options.lines(list)
    local lines = {}
    for _, option in ipairs(list) do
        local short = option.short and "-" .. option.short
        local left = not option.name and short
            or (short and short .. ", " or "    ") .. "--" .. option.name
        if option.argument then
            left = left .. " " .. option.argument
        end
        if #left > COLUMN then
            lines[#lines + 1] = "  " .. left .. "\n"
            left = ""
        end
        lines[#lines + 1] = string.format("  %-" .. COLUMN .. "s %s\n", left, option.help)
    end
    return table.concat(lines)
end

function options.help(command)
    return table.concat({"usage: ", command.usage, "\n", command.summary, "\n",
                         command.details and command.details .. "\n" or "",
                         options.lines(command.options or {})})
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
        cli.complain("no command '", word, "'; ", suggest.begin(word,
            require("salvor").keys(command.commands)), "these are known")
    end
    stream:write(options.help(command))
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
    cli.complain("a fault of Salvor's own: ", require("salvor.secret").mask(code))
    return cli.exit.internal
end

return options
