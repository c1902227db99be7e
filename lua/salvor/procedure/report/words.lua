--- What the reports for people say alike.
local age = require("salvor.k8s.age")
local items = require("salvor.procedure.report.lenient").items

local words = {}

function words.span(seconds)
    return type(seconds) == "number" and age.text(seconds) or ""
end

function words.time(time)
    return type(time) == "string" and (time:gsub("T", " "):gsub("Z$", " UTC")) or ""
end

--- "; and namespace n of context c (server)" for each of the other places
local function elsewhere(document)
    local text = ""
    for _, place in ipairs(items(document.elsewhere)) do
        place = items(place)
        text = text .. "; and namespace " .. tostring(place.namespace) .. (place.context
            and " of context " .. tostring(place.context) .. " (" .. tostring(place.server) .. ")"
            or "")
    end
    return text
end

--- "server (context c), namespace n", and the other places
function words.target(document)
    local cluster = items(document.cluster)
    local text = tostring(cluster.server or "an unknown cluster")
    if cluster.context then
        text = text .. " (context " .. tostring(cluster.context) .. ")"
    end
    return text .. (document.namespace and ", namespace " .. tostring(document.namespace) or "")
        .. elsewhere(document)
end

--- "59m", and how much of it something was at work.
function words.took(document)
    if type(document.worked) ~= "number" or document.worked == document.seconds then
        return words.span(document.seconds)
    end
    return words.span(document.seconds) .. ", at work for " .. words.span(document.worked)
end

--- Which script it was, and what was not as in the bundled one.
function words.script(document)
    local script, notes = items(document.script), {}
    for index, note in ipairs(items(script.notes)) do
        notes[index] = tostring(note)
    end
    if notes[1] then
        return table.concat(notes, "; ")
    end
    return tostring(script.source) .. (script.bundled and "" or ", not the bundled one")
end

function words.site(document)
    local site = items(document.site)
    local name = site.name or site.file
    return name and tostring(name) .. (site.production == true and ", production" or "")
end

--- What the site has done with a step; nil for those of the script alone.
function words.origin(step)
    local origin = step.origin
    if type(origin) ~= "table" then
        return origin ~= nil and tostring(origin) or nil
    end
    local is_left_out, parts = origin.hook == "skip", {}
    parts[1] = not is_left_out and tostring(origin.hook) .. " " .. tostring(origin.of) or nil
    for _, part in ipairs({"because", "file", "site"}) do
        parts[#parts + 1] = origin[part] ~= nil and tostring(origin[part]) or nil
    end
    return (is_left_out and "Left out by the site: " or "Put there by the site: ")
        .. table.concat(parts, ", ")
end

--- What stands at the top: a list of {title, value (nil: nothing to say), whether it is code}.
function words.head(document)
    return {
        {"Run", document.run, true},
        {"Procedure", document.procedure, true},
        {"Document", document.document},
        {"Target", words.target(document)},
        {"Cluster", items(document.cluster).uid, true},
        {"Site", words.site(document)},
        {"Started by", document.user},
        {"Began", words.time(document.began)},
        {"Ended", document.status ~= "running" and words.time(document.ended) or "not yet"},
        {"Took", words.took(document)},
        {"Script", words.script(document)},
        {"Script SHA-256", items(document.script).sha256, true},
        {"Salvor", document.salvor},
        {"Saved plan", items(document.plan).digest, true},
        {"Go on with", document.go_on, true},
    }
end

--- The same of the journal.
function words.journal(journal)
    return {
        {"File", journal.path, true},
        {"Records", journal.records},
        {"SHA-256", journal.sha256, true},
        {"Chain", words.chain(journal)},
    }
end

--- Why a check was not done; nil where it was.
function words.not_looked(check)
    return check.needs and "not looked at: needs " .. check.needs or nil
end

--- Who agreed to what is lost by a step, and how: a row below these titles.
words.CONFIRMED = {"Time", "By", "How", "Step", "What is lost", "Answer"}

function words.confirmed(given)
    return {words.time(given.time), given.user or "unknown", given.how or "unknown", given.step,
            given.loss, given.yes and "yes" or "no"}
end

--- What an effect's result says, as "uid …, exit code 0".
local RESULT = {{"uid", "uid "}, {"resourceVersion", "version "}, {"code", "exit code "},
                {"bytes", "bytes "}, {"size", "bytes "}, {"entries", "entries "},
                {"copied", "copied "}, {"kit_file", "file "}}

function words.result(effect)
    if effect.failed then
        return "failed: " .. effect.failed
    elseif not effect.ended then
        return "begun; whether it was done is not known"
    end
    local result, parts = items(effect.result), {}
    for _, field in ipairs(RESULT) do
        local value = result[field[1]]
        if value ~= nil and type(value) ~= "table" then
            parts[#parts + 1] = field[2] .. tostring(value)
        end
    end
    if type(result.entry) == "table" and result.entry.sha256 then
        parts[#parts + 1] = "SHA-256 " .. tostring(result.entry.sha256)
    end
    return table.concat(parts, ", ")
end

--- "+ data.a: 1"
function words.change(change)
    local text = tostring(change.op) .. " " .. tostring(change.path)
    if change.op == "~" then
        return text .. ": " .. tostring(change.before) .. " → " .. tostring(change.after)
    elseif change.op == "+" then
        return text .. ": " .. tostring(change.after)
    end
    return text .. (change.before and " (was " .. tostring(change.before) .. ")" or "")
end

--- The lines of what an effect changed.
function words.changes(effect)
    local lines = {}
    for index, change in ipairs(items(effect.changes)) do
        lines[index] = type(change) == "table" and words.change(change) or tostring(change)
    end
    if effect.changes and not lines[1] then
        lines[1] = "nothing to change"
    elseif effect.more_changes then
        lines[#lines + 1] = "and " .. tostring(effect.more_changes) .. " more"
    end
    return lines
end

function words.wait(wait)
    local text = "waited for " .. tostring(wait.target) .. " " .. tostring(wait.wanted or "")
    if wait.ok == false then
        return text .. ": " .. tostring(wait.message)
    elseif not wait.ended then
        return text .. ": not to its end"
    end
    return text .. " (" .. words.span(wait.seconds) .. ")"
end

--- "verified", "not verified: the procedure has no way to", ...
function words.verified(step)
    if step.verified then
        return "verified"
    elseif step.status ~= "done" then
        return ""
    end
    return step.verify and "not verified" or "the procedure verifies it no further"
end

local function line_of(finding)
    if type(finding) ~= "table" then
        return tostring(finding)
    end
    return (finding.level ~= "note" and tostring(finding.level) .. ": " or "")
        .. tostring(finding.message)
        .. (finding.hint and " — " .. tostring(finding.hint) or "")
end

--- A line for each of the step's findings.
function words.findings(step)
    local lines = {}
    for index, finding in ipairs(step.findings) do
        lines[index] = line_of(finding)
    end
    return lines
end

--- A line for each time that somebody went at the step; none where once was enough.
function words.attempts(step)
    local lines = {}
    for index, attempt in ipairs(#step.attempts > 1 and step.attempts or {}) do
        lines[index] = words.time(attempt.began) .. ": " .. tostring(attempt.how or "running")
            .. (attempt.message and ": " .. attempt.message or "")
    end
    return lines
end

--- What the chain of the journal says of it.
function words.chain(journal)
    if not journal.holds then
        return "DAMAGED: " .. tostring(journal.problem)
            .. ". Only what stands before the damage is reported."
    elseif journal.torn then
        return string.format("holds; %d bytes at its end are of a record that was not written to "
            .. "its end", journal.torn)
    end
    return "holds: each record carries the SHA-256 of the one before it"
end

return words
