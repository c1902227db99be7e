--- A procedure on several targets at the same time, with a table of what became of each.
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local display = require("salvor.procedure.display")
local errors = require("salvor.error")
local json = require("salvor.json")
local json_text = require("salvor.procedure.json_text")
local list = require("salvor").list
local merge = require("salvor.copy").merge
local new_turns = require("salvor.procedure.turns")
local prefixed = require("salvor.procedure.prefixed")
local render = require("salvor.procedure.render")
local secret = require("salvor.secret")
local targets = require("salvor.procedure.targets")
local task = require("salvor.task")
local ui = require("salvor.ui")

local many = {}

--- The exit code of all is that of the target that is worst off; the worst first.
local WORST_FIRST = {"internal", "stopped", "failed", "preflight", "refused", "invalid_script",
                     "usage", "done"}

--- The observer of one target: lines that begin with its name, and none that is replaced in place.
local function observer_of(target, stream, turns, answers)
    local base, shown = command.observer(stream, answers), nil
    return setmetatable({
        begin = function(prepared, run)
            target.run = run
            render.heading(stream, run and "run " .. run .. " of" or "plan of", prepared)
        end,
        check = function(result)
            for _, finding in ipairs(result.findings) do
                if finding.level == "problem" and not target.problem then
                    target.problem = result.step.id .. ": " .. finding.message
                end
            end
            render.check(stream, result)
        end,
        step = function(step, status, findings)
            shown = nil
            if status ~= "begin" and status ~= "undo" then
                render.step(stream, step, status, findings)
            end
        end,
        wait = function(what, progress)
            local text, stall = display.waiting(what, progress), display.stall(progress)
            text = stall and text .. "; " .. stall or text
            if text ~= shown then
                shown = text
                stream:write("  ", ui.escape(secret.mask(text)), "\n")
            end
        end,
        interrupted = function(run)
            cli.complain(target.name, ": interrupted; go on with: salvor run --resume ", run)
        end,
        confirm = function(_, loss)
            if answers.yes then
                return "--yes"
            end
            local yes, err = turns:ask(target.name .. ": this destroys " .. loss .. ";",
                {typed = loss})
            return yes and "typed", err
        end,
        -- Undoing is for one target: salvor run --undo RUN.
        undo = function()
            return nil
        end,
        ready = function()
            if not answers.yes then
                turns:meet(target)
            end
        end,
    }, {__index = base})
end

--- How a target that raised something ended.
local function failure(err, name)
    if not errors.is(err) then
        err = secret.mask(err)
        cli.complain(name, ": a fault of Salvor's own: ", err)
        return {status = "internal", message = err:match("^[^\n]*")}
    end
    cli.complain(ui.escape(secret.mask(name .. ": " .. cli.describe(err))))
    return command.failure(err)
end

local function attempt(target, turns, options, work)
    turns:start()
    local stream = prefixed.new(options.outlet, target.name, options.width)
    local ok, result = xpcall(work, function(err)
        return errors.is(err) and err or debug.traceback(tostring(err), 2)
    end, target.options, stream, observer_of(target, stream, turns, options.answers))
    stream:finish()
    turns:pass(target)
    turns:finish()
    if not ok then
        result = failure(result, target.name)
    end
    result.target, result.run = target.name, target.run
    result.message = result.message or result.status == "preflight" and target.problem or nil
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
    io.stdout:write(json_text(items))
end

--- What a function of salvor.procedure.render writes as JSON, as a value.
function many.document(write, value)
    local parts = {}
    write({write = function(_, ...)
        parts[#parts + 1] = table.concat({...})
    end}, value)
    return must(json.decode(table.concat(parts)))
end

--- each(found, given, as_json, work) -> exit code. found: the targets (salvor.procedure.targets).
--- Calls work(options, stream, observer) for each, some at a time, and shows a table of what became
--- of them. work returns {status (a name in cli.exit), document (what --output json shows)}, or
--- raises.
function many.each(found, given, as_json, work)
    local width = 0
    for _, target in ipairs(found) do
        width = math.max(width, utf8.len(target.name) or #target.name)
    end
    local outlet = prefixed.outlet(as_json and io.stderr or io.stdout)
    local turns = new_turns(#found, targets.parallel(given), outlet)
    local options = {outlet = outlet, width = width,
                     answers = {yes = given.yes, accept_changes = given.accept_changes}}
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

return many
