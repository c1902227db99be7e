--- What may come next on Salvor's command line, by the commands' declarations: what an argument
--- is, its placeholder says. Nothing is asked of a cluster or a store, since a shell waits.
local catch = require("salvor.catch")
local cli = require("salvor.cli")
local global_options = require("salvor.global_options")
local options = require("salvor.options")

local completion = {}

local HELP = {name = "help", help = "what it does, and its options"}

-- Runs that are told of with their procedures, for which their journals are read.
local DESCRIBED_RUNS = 20

--- The last value of an option that was given before; "~" is as the shell has left it.
local function given(line, name)
    local text = line.given[name] and line.given[name][#line.given[name]]
    return text and (text:gsub("^~%f[/\0]", os.getenv("HOME") or "~"))
end

--- The site that would count; nil for one whose file has a mistake.
local function site_of(line)
    return (catch(require("salvor.procedure.site").open, given(line, "site")))
end

--- The procedure that the line names, with the site's hooks; without a name an empty one.
local function procedure_of(line)
    if not line.words[1] then
        return {params = {}, steps = {}}
    end
    local of = site_of(line) or {layers = {}}
    local procedure, origin = require("salvor.procedure.loader").load(line.words[1], of)
    require("salvor.procedure.hooks").weave(procedure, origin, of)
    return procedure
end

--- None of a kubeconfig that is a pipe: the shell would wait for whoever writes it.
local function contexts_of(line)
    local named = {kubeconfig = given(line, "kubeconfig")}
    for _, path in ipairs(require("salvor.kube").files(named)) do
        local status = require("salvor.fs").stat(path)
        if status and status.type ~= "file" then
            return {}
        end
    end
    return must(require("salvor.k8s").contexts(named))
end

--- The procedure that a run was of.
local function run_of(id)
    local path = require("salvor.folders").state() .. "/runs/" .. id .. "/journal.jsonl"
    local file <close> = io.open(path)
    local first = file and require("salvor.json").decode(file:read("l") or "")
    return type(first) == "table" and first.procedure or nil
end

--- By placeholder: what can stand there, as a list of {text, help}, and whether files can.
--- `prefix` is what is there already.
local PLACES = {}

function PLACES.FILE()
    return {}, true
end

function PLACES.URL(line)
    local items = {{text = "s3://", help = "S3"}, {text = "az://", help = "Azure Blob"},
                   {text = "sftp://", help = "SFTP"}}
    local of = site_of(line)
    for _, name in ipairs(of and require("salvor.procedure.site").store_names(of) or {}) do
        items[#items + 1] = {text = "@" .. name, help = "a store of the site"}
    end
    return items, true
end

PLACES.FROM, PLACES.TO = PLACES.URL, PLACES.URL

function PLACES.ID(line)
    local loader, of = require("salvor.procedure.loader"), site_of(line)
    local items = {}
    for index, id in ipairs(loader.ids(of)) do
        local procedure = line.with_help and catch(loader.load, id, of)
        items[index] = {text = id, help = procedure and procedure.title or nil}
    end
    return items
end

function PLACES.STEP(line)
    local items = {}
    for index, step in ipairs(procedure_of(line).steps) do
        items[index] = {text = step.id, help = step.title}
    end
    return items
end

function PLACES.RUN(line)
    local items = {}
    for index, id in ipairs(require("salvor.procedure.runs").ids()) do
        items[index] = {text = id, help = line.with_help and index <= DESCRIBED_RUNS and run_of(id)
            or nil}
    end
    return items
end

function PLACES.CONTEXT(line, prefix)
    local before, items = prefix:match("^.*,") or "", {}
    for index, context in ipairs(contexts_of(line)) do
        items[index] = {text = before .. context.name, help = context.server}
    end
    return items
end

function PLACES.NAMESPACE(line)
    local items, seen = {}, {}
    for _, context in ipairs(contexts_of(line)) do
        local name = context.namespace
        if name and not seen[name] then
            seen[name] = true
            items[#items + 1] = {text = name, help = "of context " .. context.name}
        end
    end
    return items
end

--- By the type of a procedure's parameter.
local VALUES = {
    boolean = function()
        return {{text = "true"}, {text = "false"}}
    end,
    enum = function(_, param)
        local items = {}
        for index, text in ipairs(param.values) do
            items[index] = {text = text}
        end
        return items
    end,
    path = PLACES.FILE,
    url = PLACES.URL,
}

PLACES["NAME=VALUE"] = function(line, prefix)
    local named, items, taken, is_file = prefix:match("^([%w_]+)="), {}, {}, false
    for _, text in ipairs(line.given.param or {}) do
        taken[text:match("^[^=]*")] = true
    end
    for _, param in ipairs(procedure_of(line).params) do
        if named == param.name and VALUES[param.type] then
            items, is_file = VALUES[param.type](line, param)
            for _, item in ipairs(items) do
                item.text = named .. "=" .. item.text
            end
        elseif not named and not taken[param.name] then
            items[#items + 1] = {text = param.name .. "=", help = param.help}
        end
    end
    return items, is_file
end

--- "FILE" of "[FILE]", "CONTEXT" of "CONTEXT[,CONTEXT...]", "URL" of "URL...".
local function place_of(placeholder)
    return PLACES[placeholder:match("^%[?([^%[%].]+)")]
end

--- Whether something is known of that placeholder.
function completion.knows(placeholder)
    return (options.choices(placeholder) or place_of(placeholder)) ~= nil
end

--- What an argument with that placeholder can be.
local function of_argument(line, argument, prefix)
    local items = {}
    for index, word in ipairs(options.choices(argument) or {}) do
        items[index] = {text = word}
    end
    local place = place_of(argument)
    if items[1] or not place then
        return items
    end
    return place(line, prefix)
end

--- Reads the words from that index to the one before the last: {given = {option = texts}, words,
--- waiting = the option whose value comes next, words_only = behind "--", at = index of the first
--- word, where it ended if it was to}.
local function read(declared, words, index, ends_at_word)
    local line = {declared = declared, given = {}, words = {}}
    while index < #words do
        local word = words[index]
        if line.waiting then
            table.insert(line.given[options.key(line.waiting)], word)
            line.waiting = nil
        elseif line.words_only or not options.is_option(word) then
            if ends_at_word then
                line.at = index
                break
            end
            table.insert(line.words, word)
        elseif word == "--" then
            line.words_only = true
        else
            local option, attached = options.split(declared, word)
            if option then
                local key = options.key(option)
                line.given[key] = line.given[key] or {}
                table.insert(line.given[key], attached)
                line.waiting = option.argument and not attached and option or nil
            end
        end
        index = index + 1
    end
    return line
end

--- The options that may come, or the value of one that is there: "--output=".
local function of_options(line, prefix)
    local option, attached = options.split(line.declared, prefix)
    if option and option.argument and attached then
        local head, items = prefix:sub(1, #prefix - #attached), {}
        local found, is_file = of_argument(line, option.argument, attached)
        for index, item in ipairs(found) do
            items[index] = {text = head .. item.text, help = item.help}
        end
        return items, is_file
    end
    local items = {}
    for _, each in ipairs(line.declared) do
        if each.repeated or each.in_order or not line.given[options.key(each)] then
            items[#items + 1] = {text = each.name and "--" .. each.name or "-" .. each.short,
                                 help = each.help}
        end
    end
    return items
end

--- {name = module name} as a list of names with their summaries.
local function of_commands(modules, with_help)
    local items = {}
    for _, name in ipairs(require("salvor").keys(modules)) do
        items[#items + 1] = {text = name,
                             help = with_help and require(modules[name]).summary or nil}
    end
    return items
end

local function all_commands()
    local modules = {}
    for _, name in ipairs(cli.commands()) do
        modules[name] = "salvor.cli." .. name
    end
    return modules
end

--- Also of a command's own: `salvor help store cp`.
function PLACES.COMMAND(line)
    local modules = all_commands()
    for _, word in ipairs(line.words) do
        modules = modules[word] and require(modules[word]).commands or {}
    end
    return of_commands(modules, line.with_help)
end

--- What may come in a command's words.
local function of_command(command, words, index, with_help)
    local declared = table.move(command.options or {}, 1, #(command.options or {}), 1, {})
    declared[#declared + 1] = HELP
    local line, prefix = read(declared, words, index), words[#words]
    line.with_help = with_help
    if line.waiting then
        return of_argument(line, line.waiting.argument, prefix)
    elseif prefix:sub(1, 1) == "-" and not line.words_only then
        return of_options(line, prefix)
    end
    local arguments = command.arguments or {}
    local last = arguments[#arguments] or ""
    local argument = arguments[#line.words + 1] or last:find("...", 1, true) and last
    if not argument then
        return {}
    end
    return of_argument(line, argument, prefix)
end

local function find(words, with_help)
    local line, prefix = read(global_options.list, words, 1, true), words[#words]
    local commands = all_commands()
    if line.waiting then
        return of_argument(line, line.waiting.argument, prefix)
    elseif not line.at and prefix:sub(1, 1) == "-" and not line.words_only then
        return of_options(line, prefix)
    elseif not line.at then
        return of_commands(commands, with_help), true
    elseif not commands[words[line.at]] then
        return {}, true -- a script's own words
    end
    local command, index = require(commands[words[line.at]]), line.at + 1
    if not command.commands then
        return of_command(command, words, index, with_help)
    elseif index == #words then
        return of_commands(command.commands, with_help)
    elseif command.commands[words[index]] then
        return of_command(require(command.commands[words[index]]), words, index + 1, with_help)
    end
    return {}
end

--- words(words, {with_help}) -> list of {text, help}, whether files may come: all that can stand in
--- the place of the last one of `words`, which are those behind "salvor". It may be empty. A text
--- that ends in "=" or "/" goes on. What cannot be known, such as the parameters of a procedure
--- with a mistake, is left out.
function completion.words(words, opts)
    local found, is_file = catch(find, words, opts and opts.with_help)
    local items, prefix = {}, words[#words]
    for _, item in ipairs(found or {}) do
        if item.text:sub(1, #prefix) == prefix and not item.text:find("%c") then
            items[#items + 1] = item
        end
    end
    return items, found and is_file or false
end

return completion
