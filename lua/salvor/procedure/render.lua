--- Plans and progress as text. Whatever goes to a terminal passes ui.escape and secret.mask.
local fs = require("salvor.fs")
local json = require("salvor.json")
local salvor = require("salvor")
local secret = require("salvor.secret")
local ui = require("salvor.ui")

local render = {}

local function write(stream, text)
    stream:write(ui.escape(secret.mask(text)), "\n")
end

local MARK = {ok = {"green", "ok"}, failed = {"red", "FAILED"}, skipped = {"yellow", "skipped"},
              problem = {"red", "problem"}, warning = {"yellow", "warning"}, note = {nil, "note"},
              done = {"green", "done"}, verified = {"green", "verified"},
              before = {nil, "before"},
              already = {"green", "already so"}, planned = {nil, "planned"},
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
        and "not looked at, since '" .. result.needs .. "' failed" or result.step.title))
    write_findings(stream, result.findings)
end

function render.step(stream, step, status, findings)
    mark(stream, status)
    write(stream, string.format("%-16s %s", step.id, step.title))
    write_findings(stream, findings)
end

local function write_change(stream, change)
    local text = "                " .. change.op .. " " .. change.path
    if change.op == "~" then
        text = text .. ": " .. tostring(change.before) .. " -> " .. tostring(change.after)
    elseif change.op == "+" then
        text = text .. ": " .. tostring(change.after)
    end
    write(stream, text)
end

local function write_effect(stream, effect)
    write(stream, "              " .. effect.verb .. " " .. effect.target)
    for _, change in ipairs(effect.changes or {}) do
        write_change(stream, change)
    end
end

--- Where a script comes from, when it is not the bundled one.
function render.origin(stream, origin)
    if not origin.bundled then
        write(stream, "the script is " .. origin.source .. ", not the bundled one")
    end
end

--- The heading of a plan or run.
function render.heading(stream, verb, prepared)
    write(stream, string.format("%s %s: %s", verb, prepared.procedure.id, prepared.procedure.title))
    write(stream, string.format("on %s (context %s), namespace %s", prepared.cluster.server,
        prepared.cluster.context or "none", prepared.connection.namespace))
    render.origin(stream, prepared.origin)
end

--- The steps of a plan; its checks were shown as they came.
function render.plan(stream, plan)
    if plan.failed then
        write(stream, "a check failed: no step is planned, nothing was changed")
        return
    end
    stream:write("steps\n")
    for _, planned in ipairs(plan.steps) do
        render.step(stream, planned.step, planned.status, planned.findings)
        for _, effect in ipairs(planned.effects) do
            write_effect(stream, effect)
        end
    end
    stream:write("nothing was changed\n")
end

local function plain_steps(results)
    local plain = salvor.list()
    for index, result in ipairs(results or {}) do
        plain[index] = {
            step = result.step.id,
            title = result.step.title,
            status = result.status,
            needs = result.needs,
            findings = result.findings,
            effects = result.effects,
        }
    end
    return plain
end

local function write_json(stream, document)
    stream:write(secret.mask(must(json.encode(document, {indent = 2}))), "\n")
end

function render.plan_json(stream, plan)
    write_json(stream, {
        procedure = plan.procedure.id,
        script = plan.origin,
        cluster = plan.cluster,
        namespace = plan.namespace,
        failed = plan.failed,
        checks = plain_steps(plan.checks),
        steps = plain_steps(plan.steps),
    })
end

function render.outcome_json(stream, outcome)
    write_json(stream, {
        status = outcome.status,
        run = outcome.run,
        journal = outcome.folder and fs.join(outcome.folder, "journal.jsonl"),
        checks = outcome.checks and plain_steps(outcome.checks),
        next = outcome.next and salvor.list(outcome.next),
    })
end

--- How a run ended, for people.
function render.outcome(stream, outcome)
    if outcome.status == "preflight" then
        write(stream, "a check failed: nothing was changed")
        return
    end
    write(stream, "run " .. outcome.run .. " is done; its journal is "
        .. fs.join(outcome.folder, "journal.jsonl"))
    for number, line in ipairs(outcome.next) do
        write(stream, (number == 1 and "next: " or "      ") .. line)
    end
end

return render
