--- Plans and progress as text. Whatever goes to a terminal passes ui.escape and secret.mask.
local age = require("salvor.k8s.age")
local document = require("salvor.procedure.plan_document")
local hooks = require("salvor.procedure.hooks")
local json_text = require("salvor.procedure.json_text")
local salvor = require("salvor")
local secret = require("salvor.secret")
local site = require("salvor.procedure.site")
local summary = require("salvor.procedure.plan_summary")
local texts = require("salvor.procedure.text")
local ui = require("salvor.ui")

local render = {}

local function write(stream, text)
    stream:write(ui.escape(secret.mask(text)), "\n")
end

local MARK = {ok = {"green", "ok"}, failed = {"red", "FAILED"}, skipped = {"yellow", "skipped"},
              problem = {"red", "problem"}, warning = {"yellow", "warning"}, note = {nil, "note"},
              done = {"green", "done"}, verified = {"green", "verified"},
              before = {nil, "before"},
              already = {"green", "already so"}, undone = {"green", "undone"},
              planned = {nil, "planned"},
              ["not-needed"] = {nil, "not needed"}}

local function coloured(stream, name, text)
    return name and ui.colour(name, text, {stream = stream == io.stderr and "stderr" or "stdout"})
        or text
end

--- The word is padded before it is coloured, so that columns stay aligned.
local function mark(stream, name)
    local colour, word = MARK[name][1], string.format("%-10s", MARK[name][2])
    stream:write("  ", coloured(stream, colour, word), "  ")
end

local function write_findings(stream, findings)
    for _, finding in ipairs(findings or {}) do
        stream:write("              ")
        if finding.level ~= "note" then
            local colour, word = table.unpack(MARK[finding.level])
            stream:write(coloured(stream, colour, word), ": ")
        end
        write(stream, finding.message .. (finding.hint and "; " .. finding.hint or ""))
    end
end

function render.check(stream, result)
    mark(stream, result.status)
    write(stream, string.format("%-16s %s", result.step.id, result.needs
        and "not looked at, since '" .. result.needs .. "' failed"
        or result.step.title .. hooks.mark(result.step)))
    write_findings(stream, result.findings)
end

function render.step(stream, step, status, findings)
    mark(stream, status)
    write(stream, string.format("%-16s %s", step.id, step.title .. hooks.mark(step)))
    write_findings(stream, findings)
end

--- What a step that begins says where there is no live line.
function render.beginning(stream, time, step, place)
    write(stream, string.format("  %-10s  %-16s %s (%s)", time, step.id, step.title, place))
end

--- A line below a check or step.
function render.note(stream, text)
    write_findings(stream, {{level = "note", message = text}})
end

--- A line that the operator must see.
function render.warning(stream, text)
    stream:write(coloured(stream, "yellow", "warning"), ": ")
    write(stream, text)
end

-- Characters of a value, and fields of an effect, that text shows; JSON has all of it.
local LONGEST, MOST_FIELDS = 100, 100

local function shortened(value)
    local words = texts.plain(tostring(value))
    return #words <= LONGEST and words
        or string.format("%s… (%d bytes)", texts.cut(words, LONGEST), #words)
end

local function write_change(stream, change)
    local values = {}
    values[1] = change.before and shortened(change.before)
    values[#values + 1] = change.after and shortened(change.after)
    write(stream, "                " .. change.op .. " " .. change.path
        .. (values[1] and ": " .. table.concat(values, " -> ") or ""))
end

local function write_changes(stream, changes)
    local filled, shown = 0, 0
    for _, change in ipairs(changes) do
        if change.by == "server" then
            filled = filled + 1
        else
            shown = shown + 1
            if shown <= MOST_FIELDS then
                write_change(stream, change)
            end
        end
    end
    if shown > MOST_FIELDS then
        write(stream, string.format("                and %d more; --output json has all",
            shown - MOST_FIELDS))
    end
    if filled > 0 then
        write(stream, string.format("                and %d field%s that the server fills in",
            filled, filled == 1 and "" or "s"))
    end
end

local function effect_title(effect)
    local text = effect.verb .. " " .. effect.target
    if effect.wanted then
        text = text .. " " .. effect.wanted .. (effect.timeout and ", at most "
            .. age.text(effect.timeout) or ", without end")
    elseif effect.class == "none" then
        text = text .. ": nothing to change"
    end
    return text
end

local function write_effect(stream, effect)
    write(stream, "              " .. effect_title(effect))
    write_changes(stream, effect.changes or {})
    write_findings(stream, effect.problems)
end

--- What is not as in the bundled procedure: another script, hooks of the site.
function render.origin(stream, origin)
    for _, note in ipairs(origin.notes) do
        write(stream, note)
    end
end

--- The heading of a plan or run.
function render.heading(stream, verb, prepared)
    write(stream, string.format("%s %s: %s", verb, prepared.procedure.id, prepared.procedure.title))
    write(stream, string.format("on %s (context %s), namespace %s", prepared.cluster.server,
        prepared.cluster.context or "none", prepared.connection.namespace))
    for _, place in ipairs(prepared.elsewhere) do
        write(stream, "and on " .. (place.context and place.cluster.server .. " (context "
            .. place.context .. "), " or "") .. "namespace " .. place.namespace)
    end
    local of = site.identity(prepared.site)
    if of and of.name then
        write(stream, "site " .. of.name .. (of.production and ", PRODUCTION" or ""))
    end
    render.origin(stream, prepared.origin)
end

--- One step of a plan.
function render.planned(stream, planned)
    render.step(stream, planned.step, planned.status, planned.findings)
    for _, effect in ipairs(planned.effects) do
        write_effect(stream, effect)
    end
end

--- The end of a plan, whose checks and steps were shown as they came.
function render.plan_end(stream, plan)
    if plan.failed and not plan.steps[1] then
        write(stream, "a check failed: no step is planned, nothing was changed")
        return
    end
    if plan.flow["until"] then
        write(stream, "the plan ends after step " .. plan.flow["until"] .. ", as asked")
    end
    local counts = summary.count(plan.steps)
    write(stream, "plan: " .. summary.line(counts))
    if plan.failed then
        write(stream, string.format("the plan has %d problem%s: it cannot be run as it is",
            counts.problems, counts.problems == 1 and "" or "s"))
    end
    stream:write("nothing was changed\n")
end

--- The document of a plan.
function render.plan_json(stream, plan)
    stream:write(document.text(document.make(plan)))
end

--- The document of a plan that could not be made.
function render.plan_failure_json(stream, id, err)
    stream:write(json_text({
        format = document.FORMAT, procedure = id, failed = true,
        error = {code = err.code, message = err.message, hint = err.hint},
    }))
end

function render.outcome_json(stream, outcome)
    stream:write(json_text({
        status = outcome.status,
        step = outcome.step,
        kept = outcome.kept,
        run = outcome.run,
        journal = outcome.journal,
        checks = outcome.checks and document.steps(outcome.checks),
        facts = outcome.facts,
        next = outcome.next and salvor.list(outcome.next),
    }))
end

--- The same of a run (nil: it never began) that ended with an error.
function render.failure_json(stream, run, failed)
    stream:write(json_text({status = failed.status, run = run, error = failed.error}))
end

local ENDED = {done = " is done", undone = " is undone",
               ["until"] = " ended after step %s, as asked"}

--- How a run ended, for people.
function render.outcome(stream, outcome)
    if outcome.status == "preflight" then
        write(stream, outcome.resumable and "a check failed: nothing more was changed; go on with:"
            .. " salvor run --resume " .. outcome.run or "a check failed: nothing was changed")
        return
    end
    write(stream, "run " .. outcome.run .. ENDED[outcome.status]:format(outcome.step)
        .. "; its journal is " .. outcome.journal)
    if outcome.kept and outcome.kept[1] then
        write(stream, "without an undo, so as it was: " .. table.concat(outcome.kept, ", "))
    elseif outcome.status == "until" then
        write(stream, "go on with: salvor run --resume " .. outcome.run)
    end
    for number, line in ipairs(outcome.next or {}) do
        write(stream, (number == 1 and "next: " or "      ") .. line)
    end
end

return render
