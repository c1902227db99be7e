--- The report as one HTML page that needs nothing else: no script, no other file, no network.
local markup = require("salvor.procedure.report.markup")
local salvor = require("salvor")
local style = require("salvor.procedure.report.style")
local timeline = require("salvor.procedure.report.timeline")
local words = require("salvor.procedure.report.words")

local h = markup.element

local GOOD = {done = true, ok = true, undone = true, ["already so"] = true,
              ["not needed"] = true}
local BAD = {stopped = true, failed = true, preflight = true, damaged = true, locked = true,
             ["undo failed"] = true}

local function class_of(status)
    return GOOD[status] and "good" or BAD[status] and "bad" or "attention"
end

local function code(text)
    return text ~= nil and h("code", nil, text) or nil
end

--- Titles and values in two columns; what has no value is left out.
local function facts(rows)
    local out = {}
    for _, row in ipairs(rows) do
        local title, text, is_code = table.unpack(row, 1, 3)
        if text ~= nil and text ~= "" then
            out[#out + 1] = {h("dt", nil, title), h("dd", nil, is_code and code(text) or text)}
        end
    end
    return h("dl", nil, out)
end

--- columns: titles; rows: lists of what stands in each.
local function grid(columns, rows)
    local head, body = {}, {}
    for index, title in ipairs(columns) do
        head[index] = h("th", nil, title)
    end
    for index, row in ipairs(rows) do
        local cells = {}
        for number = 1, #columns do
            cells[number] = h("td", nil, row[number])
        end
        body[index] = h("tr", nil, cells)
    end
    return h("table", nil, h("thead", nil, h("tr", nil, head)), h("tbody", nil, body))
end

--- What is there of these, one after the other.
local function all_of(...)
    local out = {}
    for number = 1, select("#", ...) do
        out[#out + 1] = (select(number, ...)) or nil
    end
    return out
end

local function section(title, ...)
    return all_of(h("h2", nil, title), ...)
end

local function list_of(lines, class)
    if not lines[1] then
        return nil
    end
    local items = {}
    for index, line in ipairs(lines) do
        items[index] = h("li", nil, line)
    end
    return h("ul", class and {class = class} or nil, items)
end

-- Parts of the page

local function head(document)
    return all_of(
        h("p", {class = "dim"}, "Salvor · evidence of a run"),
        h("h1", nil, document.title or document.procedure or "A run without a beginning"),
        h("p", nil, h("span", {class = "state " .. class_of(document.status)},
            document.status_text), document.message and {" ", document.message}),
        not document.journal.holds
            and h("p", {class = "alarm"}, "The journal of this run is damaged. ",
                document.journal.problem),
        facts(words.head(document)))
end

local function picture(document)
    local drawn = timeline(document)
    return drawn and section("Timeline", h("div", {class = "wide"}, drawn), h("p", {class = "dim"},
        "Hatched: waiting. Red: failed. Amber: broken off. Triangle: tried again. Dashed line: ",
        "resumed; the time in which nothing was at work is left out."))
end

local function warnings(document)
    if not document.warnings[1] then
        return nil
    end
    local rows = {}
    for index, warning in ipairs(document.warnings) do
        rows[index] = {words.time(warning.time), code(warning.step), warning.text}
    end
    return section("Warnings", grid({"Time", "Step", "What"}, rows))
end

local function confirmations(document)
    local rows = {}
    for index, given in ipairs(document.confirmations) do
        rows[index] = words.confirmed(given)
        rows[index][4] = code(given.step)
    end
    return rows[1] and section("Confirmed", grid(words.CONFIRMED, rows))
end

local function params(document)
    local rows = {}
    for _, name in ipairs(salvor.keys(document.params)) do
        rows[#rows + 1] = {code(name), code(document.params[name]), document.sources[name]}
    end
    return rows[1] and section("Parameters", grid({"Name", "Value", "From"}, rows),
        h("p", {class = "dim"}, "Secret parameters are not recorded."))
end

local function state(status)
    return h("span", {class = class_of(status)}, status)
end

local function checks(document)
    local rows = {}
    for index, check in ipairs(document.checks) do
        rows[index] = {state(check.status), {check.title or check.id, " ", code(check.id)},
                       list_of(words.findings(check)) or words.not_looked(check)}
    end
    return rows[1] and section("Checks", grid({"Result", "Check", "Findings"}, rows))
end

local function effect_item(effect)
    local result = words.result(effect)
    return h("li", nil, h("span", {class = "mono"}, tostring(effect.verb), " ",
        tostring(effect.target)), h("span", {class = "dim"}, " ", words.time(effect.began)),
        result ~= "" and h("span", {class = effect.failed and "bad" or "dim"}, ", ", result) or nil,
        list_of(words.changes(effect), "changes mono"))
end

local function waits_of(step)
    local lines = {}
    for index, wait in ipairs(step.waits) do
        lines[index] = words.wait(wait)
    end
    return list_of(lines)
end

local function attempts_of(step)
    local lines = words.attempts(step)
    return lines[1] and {h("p", nil, "Went at " .. #lines .. " times:"), list_of(lines)}
end

local function step_section(step)
    local effects = {}
    for index, effect in ipairs(step.effects) do
        effects[index] = effect_item(effect)
    end
    return h("section", {class = "step"},
        h("div", {class = "head"}, h("h3", nil, step.title or step.id), code(step.id),
            state(step.status), h("span", {class = "when dim"}, words.time(step.began),
                step.seconds and {" · ", words.span(step.seconds)} or nil)),
        step.why and h("p", {class = "dim"}, step.why),
        words.origin(step) and h("p", {class = "attention"}, words.origin(step)),
        step.reason and h("p", {class = "attention"}, "Left out: ", step.reason),
        step.message and h("p", {class = "bad"}, step.message),
        attempts_of(step),
        effects[1] and h("ul", nil, effects),
        waits_of(step), list_of(words.findings(step)),
        h("p", {class = "dim"}, words.verified(step)))
end

local function steps(document)
    local drawn = {}
    for index, step in ipairs(document.steps) do
        drawn[index] = step_section(step)
    end
    return section("Steps", drawn)
end

local function events(document)
    local rows = {}
    for index, event in ipairs(document.events) do
        rows[index] = {words.time(event.time), event.text}
    end
    return rows[1] and section("Events", grid({"Time", "What"}, rows))
end

local function foot(document)
    return section("Journal", facts(words.journal(document.journal)))
end

--- html(document) -> the page as text
return function(document)
    local page = h("html", {lang = "en"},
        h("head", nil,
            h("meta", {charset = "utf-8"}),
            h("meta", {name = "viewport", content = "width=device-width, initial-scale=1"}),
            h("meta", {["http-equiv"] = "Content-Security-Policy",
                       content = "default-src 'none'; style-src 'unsafe-inline'"}),
            h("title", nil, tostring(document.procedure), ", run ", tostring(document.run)),
            h("style", nil, markup.literal(style))),
        h("body", nil, head(document), picture(document), warnings(document),
            confirmations(document), checks(document), steps(document), params(document),
            events(document), foot(document)))
    return "<!DOCTYPE html>\n" .. markup.text(page) .. "\n"
end
