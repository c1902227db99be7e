--- The picture of a run: a bar for each go at a step, over the time that the run was at work. Waits
--- are hatched, retries and resumes marked; the time in which nothing was at work is left out.
local age = require("salvor.k8s.age")
local dates = require("salvor.dates")
local markup = require("salvor.procedure.report.markup")

local h = markup.element

-- Units of the picture.
local WIDTH, LABEL, RIGHT, TOP, ROW, BAR = 960, 200, 70, 28, 24, 14
local GAP, LEAST = 26, 3
local LONGEST_NAME = 26

local TICKS = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200,
               86400, 172800, 432000, 864000}
local MOST_TICKS = 8

-- Time

--- The sessions with where they begin in the picture, and the scale in units a second.
local function lay_out(sessions)
    local spans, total = {}, 0
    for _, session in ipairs(sessions) do
        local began, ended = dates.iso(session.began), dates.iso(session.ended)
        if began and ended then
            spans[#spans + 1] = {began = began, ended = math.max(began, ended)}
            total = total + spans[#spans].ended - began
        end
    end
    local scale = (WIDTH - LABEL - RIGHT - math.max(#spans - 1, 0) * GAP) / math.max(total, 1)
    local x = LABEL
    for _, span in ipairs(spans) do
        span.x = x
        x = x + (span.ended - span.began) * scale + GAP
    end
    return spans, scale, total
end

local function place(spans, scale, time)
    local seconds, x = dates.iso(time), LABEL
    for _, span in ipairs(spans) do
        if seconds and seconds >= span.began then
            x = span.x + (math.min(seconds, span.ended) - span.began) * scale
        end
    end
    return x
end

-- Rows

local CLASS = {done = "done", ["already so"] = "done", ok = "done", undone = "done",
               failed = "failed", interrupted = "stopped", running = "running"}

--- The checks of one session are one bar: they take next to no time each.
local function checks_row(document)
    local row = {title = "checks", attempts = {}, waits = {}, retries = {}}
    local first = document.sessions[1]
    local last, failed
    for _, check in ipairs(document.checks) do
        last = check.ended or last
        failed = failed or check.status == "failed"
    end
    if first and last then
        -- A resumed run looks at them again; the bar is of the last time.
        for _, session in ipairs(document.sessions) do
            first = session.began <= last and session or first
        end
        row.attempts[1] = {began = first.began, ended = last, how = failed and "failed" or "done"}
        return row
    end
end

local function rows_of(document)
    local rows = {checks_row(document)}
    for _, step in ipairs(document.steps) do
        if step.attempts[1] then
            rows[#rows + 1] = {title = step.id, attempts = step.attempts, waits = step.waits,
                               retries = step.retries}
        end
    end
    for _, undone in ipairs(document.undone) do
        rows[#rows + 1] = {title = "undo " .. tostring(undone.step), attempts = {undone},
                           waits = {}, retries = {}}
    end
    return rows
end

-- Drawing

local function seconds_of(item)
    local a, b = dates.iso(item.began), dates.iso(item.ended)
    return a and b and age.text(b - a) or ""
end

--- A bar, and where it ends.
local function bar(draw, item, y, class)
    local from = draw.x(item.began)
    local to = math.max(draw.x(item.ended or draw.ended), from + LEAST)
    return h("rect", {x = from, y = y, width = to - from, height = BAR, class = class, rx = 2}), to
end

local function titled(element, words)
    return h("g", nil, h("title", nil, words), element)
end

local function draw_row(draw, row, y)
    local parts, right = {}, LABEL
    local name = utf8.len(row.title) and utf8.len(row.title) > LONGEST_NAME
        and row.title:sub(1, utf8.offset(row.title, LONGEST_NAME) - 1) .. "…" or row.title
    parts[1] = h("text", {x = LABEL - 10, y = y + BAR - 3, ["text-anchor"] = "end"}, name)
    for _, attempt in ipairs(row.attempts) do
        local how = attempt.how or "running"
        local drawn, to = bar(draw, attempt, y, "bar " .. (CLASS[how] or "other"))
        right = math.max(right, to)
        parts[#parts + 1] = titled(drawn, string.format("%s: %s, %s", row.title, how,
            seconds_of(attempt)))
    end
    for _, wait in ipairs(row.waits) do
        local drawn = bar(draw, wait, y, "wait")
        parts[#parts + 1] = titled(drawn, string.format("waited for %s %s, %s",
            tostring(wait.target), tostring(wait.wanted), seconds_of(wait)))
    end
    for _, retry in ipairs(row.retries) do
        local x = draw.x(retry.time)
        parts[#parts + 1] = titled(h("path", {class = "retry", d = string.format(
            "M%.1f %.1f l5 8 h-10 z", x, y - 4)}), "tried again: " .. tostring(retry.message))
    end
    local last = row.attempts[#row.attempts]
    parts[#parts + 1] = h("text", {x = right + 6, y = y + BAR - 3, class = "small"},
        seconds_of(last))
    return parts
end

--- A grid by the time at work, and what is between two sessions.
local function draw_axis(draw, bottom)
    local parts, every = {}, TICKS[#TICKS]
    for index = #TICKS, 1, -1 do
        every = draw.total / TICKS[index] <= MOST_TICKS and TICKS[index] or every
    end
    local done = 0
    for _, span in ipairs(draw.spans) do
        local lasted = span.ended - span.began
        local first = done == 0 and 0 or (done // every + 1) * every
        for tick = first, done + lasted, every do
            local x = span.x + (tick - done) * draw.scale
            parts[#parts + 1] = h("line", {x1 = x, x2 = x, y1 = TOP - 6, y2 = bottom,
                                           class = "grid"})
            parts[#parts + 1] = h("text", {x = x, y = TOP - 12, class = "small",
                                           ["text-anchor"] = "middle"}, age.text(tick))
        end
        done = done + lasted
    end
    for index = 2, #draw.spans do
        local span, before = draw.spans[index], draw.spans[index - 1]
        local x = span.x - GAP / 2
        parts[#parts + 1] = titled(h("line", {x1 = x, x2 = x, y1 = TOP - 6, y2 = bottom,
                                              class = "resume"}),
            "not at work for " .. age.text(span.began - before.ended) .. ", then resumed")
    end
    return parts
end

--- draw(document) -> svg element; nil where there is nothing to see
return function(document)
    local rows = rows_of(document)
    local spans, scale, total = lay_out(document.sessions)
    if not rows[1] or not spans[1] then
        return nil
    end
    local draw = {spans = spans, scale = scale, total = total, ended = document.ended,
                  x = function(time)
                      return place(spans, scale, time)
                  end}
    local bottom = TOP + #rows * ROW
    local drawn = {}
    for index, row in ipairs(rows) do
        drawn[index] = draw_row(draw, row, TOP + (index - 1) * ROW + (ROW - BAR) / 2)
    end
    return h("svg", {xmlns = "http://www.w3.org/2000/svg", role = "img",
                     viewBox = string.format("0 0 %d %d", WIDTH, bottom + 8)},
        h("title", nil, "Timeline of run " .. tostring(document.run)),
        h("defs", nil, h("pattern", {id = "hatch", width = 6, height = 6,
                                     patternUnits = "userSpaceOnUse",
                                     patternTransform = "rotate(45)"},
            h("line", {x1 = 0, x2 = 0, y1 = 0, y2 = 6, class = "hatch"}))),
        draw_axis(draw, bottom), drawn)
end
