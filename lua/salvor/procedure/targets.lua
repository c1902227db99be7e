--- One procedure on several targets at once: contexts of the kubeconfig, or sites. Each is planned or
--- run by itself; what one does or fails to do does not concern the others.
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local condition = require("salvor.condition")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")
local list = require("salvor").list
local merge = require("salvor.copy").merge
local prefixed = require("salvor.procedure.prefixed")
local render = require("salvor.procedure.render")
local secret = require("salvor.secret")
local site = require("salvor.procedure.site")
local task = require("salvor.task")
local ui = require("salvor.ui")

local targets = {}

local PARALLEL = 4

--- The exit code of all is that of the target that is worst off; the worst first.
local WORST_FIRST = {"internal", "stopped", "failed", "preflight", "refused", "invalid_script",
                     "usage", "done"}

-- Options that are about one run.
local ALONE = {"resume", "undo", "plan", "save"}

targets.options = {
    {name = "context", argument = "NAME[,NAME...]",
     help = "the context of the kubeconfig; several are worked on at the same time"},
    {name = "site", argument = "FILE", repeated = true,
     help = "the site file; several are worked on at the same time"},
    {name = "parallel", argument = "N", help = "how many targets at the same time; " .. PARALLEL},
}

local function usage(message, hint)
    error(errors.new({code = "Usage", message = message, hint = hint}), 0)
end

--- extend(options) -> the list with those of several targets in the place of those of one
function targets.extend(options)
    local own, all = {}, {}
    for _, option in ipairs(targets.options) do
        own[option.name] = option
    end
    for _, option in ipairs(options) do
        all[#all + 1] = own[option.name] or option
        own[option.name] = nil
    end
    for _, option in ipairs(targets.options) do
        all[#all + 1] = own[option.name]
    end
    return all
end

local function split(text)
    local words = {}
    for word in (text or ""):gmatch("[^,]+") do
        words[#words + 1] = word
    end
    return words
end

--- What a site is called in a table; a file with a mistake goes by its own name.
local function site_name(path)
    local ok, opened = pcall(site.open, path)
    local identity = ok and site.identity(opened)
    local name = identity and identity.name
    return name and name ~= identity.file and name or fs.basename(path)
end

local function check_names(found)
    local seen = {}
    for _, target in ipairs(found) do
        if seen[target.name] then
            usage("target '" .. target.name .. "' is named twice", target.options.site
                and "each site file needs a name of its own" or nil)
        end
        seen[target.name] = true
    end
end

local function check_alone(given)
    for _, name in ipairs(ALONE) do
        if given[name] then
            usage("--" .. name .. " is about one target", "name one context or site")
        end
    end
end

--- read(given) -> list of {name, options}: what to put over the engine's options for each target.
--- Raises Usage.
function targets.read(given)
    local contexts, sites, found = split(given.context), given.site or {}, {}
    if #contexts > 1 and #sites > 1 then
        usage("several contexts and several sites", "a site names its context")
    elseif #sites > 1 then
        for index, path in ipairs(sites) do
            found[index] = {name = site_name(path), options = {site = path,
                                                               context = contexts[1]}}
        end
    else
        for index, context in ipairs(contexts) do
            found[index] = {name = context, options = {context = context, site = sites[1]}}
        end
        found[1] = found[1] or {name = "", options = {site = sites[1]}}
    end
    if #found > 1 then
        check_alone(given)
    end
    check_names(found)
    return found
end

local function parallel_of(given)
    local count = math.tointeger(tonumber(given.parallel or PARALLEL))
    if not count or count < 1 then
        usage("--parallel is a number from 1, not '" .. given.parallel .. "'")
    end
    return count
end

-- Taking turns

local Turns = {}
Turns.__index = Turns

--- How many may work at the same time, how many have not come to the first change yet, and who asks.
local function new_turns(count, parallel)
    return setmetatable({free = parallel, before_change = count, asking = false,
                         changed = condition.new()}, Turns)
end

function Turns:start()
    while self.free == 0 do
        self.changed:wait()
    end
    self.free = self.free - 1
end

function Turns:finish()
    self.free = self.free + 1
    self.changed:wake()
end

--- Nobody changes anything before each has been agreed to. Who waits lets another one work.
function Turns:pass(target)
    if not target.passed then
        target.passed = true
        self.before_change = self.before_change - 1
        self.changed:wake()
    end
end

function Turns:meet(target)
    self:pass(target)
    self:finish()
    while self.before_change > 0 do
        self.changed:wait()
    end
    self:start()
end

--- One question at a time.
function Turns:ask(question, options)
    while self.asking do
        self.changed:wait()
    end
    self.asking = true
    local done <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        self.asking = false
        self.changed:wake()
    end})
    return ui.confirm(question, options)
end

-- One of many

--- The observer of one target: lines that begin with its name, and none that is replaced in place.
local function observer_of(target, stream, turns, yes)
    local shown
    return setmetatable({
        live = false,
        begin = function(prepared, run)
            target.run = run
            render.heading(stream, run and "run " .. run .. " of" or "plan of", prepared)
        end,
        check = function(result)
            render.check(stream, result)
        end,
        step = function(step, status, findings)
            if status ~= "begin" then
                render.step(stream, step, status, findings)
            end
        end,
        wait = function(what, progress)
            local text = what .. ": " .. progress.state
                .. (progress.stalled and "; nothing has changed for a while" or "")
            if text ~= shown then
                shown = text
                stream:write("  ", ui.escape(secret.mask(text)), "\n")
            end
        end,
        interrupted = function(run)
            cli.complain(target.name, ": interrupted; go on with: salvor run --resume ", run)
        end,
        confirm = function(_, loss)
            if yes then
                return true
            end
            return turns:ask(target.name .. ": this destroys " .. loss .. ";", {typed = loss})
        end,
        ready = function()
            if not yes then
                turns:meet(target)
            end
        end,
    }, {__index = command.observer(stream, yes)})
end

local function name_of_exit(code)
    for name, number in pairs(cli.exit) do
        if number == code then
            return name
        end
    end
end

--- How a target that raised something ended.
local function failure(err, name)
    if not errors.is(err) then
        cli.complain(name, ": a fault of Salvor's own: ", err)
        return {status = "internal", message = err:match("^[^\n]*")}
    end
    cli.complain(ui.escape(secret.mask(name .. ": " .. cli.describe(err))))
    return {status = name_of_exit(cli.exit_of(err)), message = err.message,
            error = {code = err.code, message = err.message, hint = err.hint}}
end

local function attempt(target, turns, options, work)
    turns:start()
    local stream = prefixed.new(options.stream, target.name, options.width)
    local ok, result = xpcall(work, function(err)
        return errors.is(err) and err or debug.traceback(tostring(err), 2)
    end, target.options, stream, observer_of(target, stream, turns, options.yes))
    stream:finish()
    turns:pass(target)
    turns:finish()
    if not ok then
        result = failure(result, target.name)
    end
    result.target, result.run = target.name, target.run
    return result
end

local function worst_of(results)
    local seen = {}
    for _, result in ipairs(results) do
        seen[result.status] = true
    end
    for _, name in ipairs(WORST_FIRST) do
        if seen[name] then
            return cli.exit[name]
        end
    end
    return cli.exit.done
end

local WORDS = {preflight = "a check failed", refused = "refused", internal = "internal error",
               invalid_script = "invalid script", usage = "usage"}

local function print_table(results)
    local rows = {}
    for index, result in ipairs(results) do
        rows[index] = {result.target, WORDS[result.status] or result.status, result.run or "",
                       result.message or ""}
    end
    ui.print_table({"TARGET", "RESULT", "RUN", ""}, rows)
end

local function print_json(results)
    local items = list()
    for index, result in ipairs(results) do
        items[index] = merge(result.document, {target = result.target, result = result.status,
                                               run = result.run, error = result.error})
    end
    io.stdout:write(secret.mask(must(json.encode(items, {indent = 2}))), "\n")
end

--- What a function of salvor.procedure.render writes as JSON, as a value.
function targets.document(write, value)
    local parts = {}
    write({write = function(_, ...)
        parts[#parts + 1] = table.concat({...})
    end}, value)
    return must(json.decode(table.concat(parts)))
end

--- each(found, given, as_json, work) -> exit code. Calls work(options, stream, observer) for each
--- target, some at a time, and shows a table of what became of them. work returns {status (a name in
--- cli.exit), document (what --output json shows)}, or raises.
function targets.each(found, given, as_json, work)
    local width = 0
    for _, target in ipairs(found) do
        width = math.max(width, utf8.len(target.name) or #target.name)
    end
    local turns = new_turns(#found, parallel_of(given))
    local options = {stream = as_json and io.stderr or io.stdout, width = width, yes = given.yes}
    local results = task.map(found, function(target)
        return attempt(target, turns, options, work)
    end, {workers = #found})
    if as_json then
        print_json(results)
    else
        print_table(results)
    end
    return worst_of(results)
end

return targets
