--- salvor report RUN: the evidence of a run, from its journal alone.
local cli = require("salvor.cli")
local collect = require("salvor.procedure.report.collect")
local fs = require("salvor.fs")
local json = require("salvor.json")
local runs = require("salvor.procedure.runs")
local secret = require("salvor.secret")

--- Each: document -> text.
local FORMS = {
    json = function(document)
        return must(json.encode(document, {indent = 2})) .. "\n"
    end,
    markdown = function(document)
        return require("salvor.procedure.report.markdown")(document)
    end,
    html = function(document)
        return require("salvor.procedure.report.html")(document)
    end,
}

local BY_NAME = {html = "html", htm = "html", json = "json"}

--- The form asked for, else that which the file's name says.
local function form_of(given)
    return FORMS[given.output or BY_NAME[(given.to or ""):match("%.(%w+)$") or ""] or "markdown"]
end

return {
    summary = "the evidence of a run: what was done, by whom, when, and what it changed",
    details = "It is made from the journal alone, and ends with 1 when that is damaged.",
    usage = "salvor report RUN [--output markdown|json|html] [--to FILE]",
    arguments = {"RUN"},
    options = {
        {name = "output", short = "o", argument = "markdown|json|html",
         help = "the form; by the name of FILE when left out, else markdown"},
        {name = "to", argument = "FILE", help = "write it there instead of standard output"},
    },
    run = function(given, words)
        local form = form_of(given)
        local seen = runs.look(words[1])
        local journal = seen.journal
        local document = collect(journal.records, {
            run = seen.id, path = journal.path, records = #journal.records, sha256 = journal.sha256,
            holds = journal.holds, problem = journal.problem, torn = journal.torn,
        }, seen.held)
        local text = secret.mask(form(document))
        if given.to then
            must(fs.write(given.to, text))
        else
            io.stdout:write(text)
        end
        if not journal.holds then
            cli.complain(journal.problem)
            return cli.exit.failed
        end
        return cli.exit.done
    end,
}
