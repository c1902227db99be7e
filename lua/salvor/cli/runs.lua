--- salvor runs: what was run from here, how it ended, and whether its journals are as they were
--- written.
local age = require("salvor.k8s.age")
local dates = require("salvor.dates")
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local json_text = require("salvor.procedure.json_text")
local params = require("salvor.procedure.params")
local runs = require("salvor.procedure.runs")
local salvor = require("salvor")
local status = require("salvor.procedure.report.status")
local ui = require("salvor.ui")
local usage = require("salvor.usage")

--- What is told of a run; of a damaged one what stands before the damage.
local function summarize(seen)
    local records = seen.journal.records
    local begin, last = records[1] or {}, records[#records] or {}
    local state = status.of(records, seen.held)
    local ended = state.word ~= "running" and last.time or nil
    local from, to = dates.iso(begin.time), dates.iso(ended)
    return {
        run = seen.id,
        procedure = begin.procedure,
        cluster = begin.cluster,
        namespace = begin.namespace,
        user = begin.user,
        began = begin.time,
        ended = ended,
        seconds = from and (to or os.time()) - from,
        status = seen.journal.holds and state.word or "damaged",
        status_text = seen.journal.holds and status.text(state) or "damaged",
        step = state.step,
        message = state.message,
        go_on = seen.journal.holds and status.go_on(state, seen.id) or nil,
        journal = {path = seen.journal.path, records = #records, sha256 = seen.journal.sha256,
                   holds = seen.journal.holds, problem = seen.journal.problem,
                   torn = seen.journal.torn},
    }
end

local function target_of(summary)
    local cluster = type(summary.cluster) == "table" and summary.cluster or {}
    local where = cluster.context or cluster.server
    return where and where .. "/" .. tostring(summary.namespace) or ""
end

local function print_table(summaries)
    local rows = {}
    for index, summary in ipairs(summaries) do
        rows[index] = {summary.run, summary.procedure, target_of(summary), summary.began,
                       summary.seconds and age.text(summary.seconds), summary.status_text}
    end
    ui.print_table({"RUN", "PROCEDURE", "TARGET", "BEGAN", "TOOK", "STATUS"}, rows)
end

local function print_check(summary)
    local kept = summary.journal
    local text = string.format("%s  %d records, SHA-256 %s", kept.holds and "ok     " or "DAMAGED",
        kept.records, kept.sha256 or "unknown")
    if not kept.holds then
        text = "DAMAGED  " .. kept.problem
    elseif kept.torn then
        text = text .. string.format("; and %d bytes of a record that was not written to its end",
            kept.torn)
    end
    ui.print(summary.run .. "  " .. ui.escape(text))
end

--- Seconds since 1970 when anything last happened in the run; of one without a record, its id tells
--- when it began.
local function last_of(summary)
    return dates.iso(summary.ended or summary.began) or dates.compact(summary.run)
end

--- Removes what ended longer ago than that; what can be gone on with, or is damaged and therefore
--- unclear, only by force. What is at work is never removed.
local function remove_old(text, force)
    local seconds = params.types.duration(text)
    if not seconds then
        usage("--remove-older-than: '" .. text .. "' is no duration", "such as 90d")
    end
    for _, id in ipairs(runs.ids()) do
        local summary = summarize(runs.look(id))
        local last = last_of(summary)
        if summary.status ~= "running" and last and os.time() - last > seconds then
            if force or (not summary.go_on and summary.status ~= "damaged") then
                runs.remove(id)
                ui.print("removed " .. id .. "  " .. ui.escape(summary.status_text))
            else
                ui.print("kept    " .. id .. "  " .. ui.escape(summary.status_text)
                    .. "; --force removes it, too")
            end
        end
    end
    return cli.exit.done
end

return {
    summary = "what was run: when, where, and how it ended",
    usage = "salvor runs [--check [RUN]] [--output text|json]"
        .. " | --remove-older-than DURATION [--force]",
    arguments = {"[RUN]"},
    options = {
        {name = "check", help = "whether the journals are as they were written; 1 when one is not"},
        command.OUTPUT,
        {name = "remove-older-than", argument = "DURATION",
         help = "remove runs that ended longer ago, such as 90d, with their journals"},
        {name = "force", help = "with it: also those that can be resumed, or are damaged"},
    },
    run = function(given, words)
        if given.remove_older_than then
            if words[1] or given.check or given.output then
                usage("--remove-older-than goes alone, or with --force")
            end
            return remove_old(given.remove_older_than, given.force)
        end
        local as_json = command.is_json(given)
        local summaries, code = salvor.list(), cli.exit.done
        for index, id in ipairs(words[1] and {words[1]} or runs.ids()) do
            summaries[index] = summarize(runs.look(id))
            if given.check and not summaries[index].journal.holds then
                code = cli.exit.failed
            end
        end
        if as_json then
            io.stdout:write(json_text(summaries))
        elseif given.check then
            for _, summary in ipairs(summaries) do
                print_check(summary)
            end
        else
            print_table(summaries)
        end
        return code
    end,
}
