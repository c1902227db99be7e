--- What can stand in the place of an argument, which its placeholder says.
local catch = require("salvor.catch")
local cli = require("salvor.cli")
local folders = require("salvor.folders")
local options = require("salvor.options")

local places = {}

-- Runs that are told of with their procedures, for which their journals are read.
local DESCRIBED_RUNS = 20

--- The last value of an option that was given before, if it can be one; "~" is as the shell has
--- left it.
local function given(line, name)
    local text = line.given[name] and line.given[name][#line.given[name]] or ""
    return text ~= "" and not text:find("\0", 1, true) and folders.expand_home(text) or nil
end

--- Whether that is there and no regular file: of a pipe the shell would wait for whoever writes it,
--- and who is meant to read it would find it empty.
local function is_no_file(path)
    local status = require("salvor.fs").stat(path)
    return status ~= nil and status.type ~= "file"
end

--- The site that would count; nil for one whose file has a mistake, or is a pipe.
local function site_of(line)
    local path = given(line, "site") or os.getenv("SALVOR_SITE") or ""
    if path ~= "" and is_no_file(path) then
        return nil
    end
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

--- None of a kubeconfig that is a pipe.
local function contexts_of(line)
    local named = {kubeconfig = given(line, "kubeconfig")}
    for _, path in ipairs(require("salvor.kube").files(named)) do
        if is_no_file(path) then
            return {}
        end
    end
    return must(require("salvor.k8s").contexts(named))
end

--- The procedure that a run was of.
local function run_of(id)
    local path = folders.state() .. "/runs/" .. id .. "/journal.jsonl"
    local file <close> = io.open(path)
    local first = file and require("salvor.json").decode(file:read("l") or "")
    return type(first) == "table" and first.procedure or nil
end

--- By placeholder: functions as places.items().
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

--- {name = module name} as a list of names with their summaries.
function places.commands(modules, with_help)
    local items = {}
    for _, name in ipairs(require("salvor").keys(modules)) do
        items[#items + 1] = {text = name,
                             help = with_help and require(modules[name]).summary or nil}
    end
    return items
end

--- The modules of all commands, by name.
function places.modules()
    local modules = {}
    for _, name in ipairs(cli.commands()) do
        modules[name] = "salvor.cli." .. name
    end
    return modules
end

--- Also of a command's own: `salvor help store cp`.
function PLACES.COMMAND(line)
    local modules = places.modules()
    for _, word in ipairs(line.words) do
        modules = modules[word] and require(modules[word]).commands or {}
    end
    return places.commands(modules, line.with_help)
end

--- "FILE" of "[FILE]", "CONTEXT" of "CONTEXT[,CONTEXT...]", "URL" of "URL...".
local function place_of(placeholder)
    return PLACES[placeholder:match("^%[?([^%[%].]+)")]
end

--- Whether something is known of that placeholder.
function places.knows(placeholder)
    return (options.choices(placeholder) or place_of(placeholder)) ~= nil
end

--- items(line, placeholder, prefix) -> what can stand there, list of {text, help}; whether files
--- can. line: the words before, as salvor.completion reads them. prefix: what is there already.
function places.items(line, argument, prefix)
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

return places
