-- The report of a run: its evidence from the journal alone, as a document, Markdown and a page.
local collect = require("salvor.procedure.report.collect")
local html = require("salvor.procedure.report.html")
local json = require("salvor.json")
local list = require("salvor").list
local markdown = require("salvor.procedure.report.markdown")
local proc = require("salvor.proc")

local START = 1764000000 -- 2025-11-24 16:00:00 UTC

--- The records of a journal: {seconds after the start, record}.
local function records(...)
    local all = {}
    for number, given in ipairs({...}) do
        local record = given[2]
        record.number, record.time = number, os.date("!%Y-%m-%dT%H:%M:%SZ", START + given[1])
        all[number] = record
    end
    return all
end

local function begin(fields)
    local record = {
        type = "run.begin", run = "20251124-160000-abcdef", procedure = "site/script",
        title = "A title", document = "The manual", salvor = "1.2.3", user = "operator",
        script = {source = "/srv/script.lua", bundled = false, sha256 = "5c1"},
        cluster = {server = "https://here:6443", context = "prod", uid = "u-1"},
        namespace = "apic", params = {text = "hello"}, sources = {text = "site /srv/site.yaml:9"},
        site = {name = "north", production = true, file = "/srv/site.yaml"},
        steps = list({
            {id = "look", title = "Look", why = "Because.", check = true},
            {id = "one", title = "One", why = "The first.", verify = true},
            {id = "two", title = "Two", why = "The second."},
            {id = "three", title = "Three", why = "The third.", origin = {
                hook = "before", of = "two", file = "/srv/hook.lua", site = "/srv/site.yaml:3"}},
        }),
    }
    for name, value in pairs(fields or {}) do
        record[name] = value
    end
    return record
end

local JOURNAL = {path = "/journal.jsonl", records = 3, sha256 = "abc", holds = true}

local function evidence(...)
    return collect(records(...), JOURNAL)
end

--- A run that has seen everything.
local function eventful()
    return evidence(
        {0, begin({plan = {digest = "d1"}})},
        {1, {type = "lock.acquired", how = "expired", from = "other@host/r2"}},
        {2, {type = "check", step = "look", status = "ok", findings = {
            {level = "note", message = "seen"},
            {level = "warning", message = "old", hint = "renew"}}}},
        {3, {type = "confirm", step = "two", loss = "the database", yes = true, how = "typed",
             user = "operator"}},
        {10, {type = "step.begin", step = "one"}},
        {10, {type = "effect.begin", step = "one", verb = "create", target = "ConfigMap apic/c"}},
        {11, {type = "effect.end", step = "one", effect = 6, result = {uid = "u-7",
              resourceVersion = "12", fields = {["/data/a"] = "d"}},
              changes = {{op = "+", path = "data.a", after = "1"}}}},
        {20, {type = "step.end", step = "one", findings = list()}},
        {20, {type = "step.begin", step = "two"}},
        {20, {type = "wait.begin", step = "two", target = "jobs j", wanted = "to be ready",
              timeout = 60}},
        {50, {type = "wait.end", step = "two", wait = 10, ok = true}},
        {51, {type = "retry", step = "two", message = "too slow", try = 2, of = 3}},
        {60, {type = "effect.begin", step = "two", verb = "delete", target = "Job apic/j"}},
        {3600, {type = "run.resume", user = "another", salvor = "1.2.4"}},
        {3601, {type = "changed", accepted = true, how = "typed", user = "another", differences = {
            {kind = "ConfigMap", name = "c", what = "edited", fields = {"data.a"}}}}},
        {3601, {type = "step.verified", step = "one"}},
        {3602, {type = "step.begin", step = "two"}},
        {3603, {type = "effect.begin", step = "two", verb = "patch", target = "Job apic/k"}},
        {3604, {type = "effect.failed", step = "two", effect = 18, message = "it is immutable"}},
        {3605, {type = "step.end", step = "two", findings = {{level = "warning", message = "w"}}}},
        {3606, {type = "step.skipped", step = "three", reason = "--skip"}},
        {3607, {type = "something.new", word = "x"}},
        {3610, {type = "run.end", status = "done"}})
end

local function texts_of(items)
    local texts = {}
    for index, item in ipairs(items) do
        texts[index] = item.text
    end
    return texts
end

describe("the evidence of a run", function()
    it("says what was run, with what, where, by whom, and how it ended", function()
        local made = eventful()
        assert.same({"site/script", "A title", "The manual", "1.2.3", "operator", "apic", "done"},
            {made.procedure, made.title, made.document, made.salvor, made.user, made.namespace,
             made.status})
        assert.same({text = "hello"}, made.params)
        assert.equal("d1", made.plan.digest)
        assert.same({3610, 70}, {made.seconds, made.worked})
        assert.same({"2025-11-24T16:00:00Z", "2025-11-24T17:00:10Z"}, {made.began, made.ended})
        assert.same(JOURNAL, made.journal)
    end)

    it("has each check with its findings, and who confirmed what", function()
        local made = eventful()
        assert.equal(1, #made.checks)
        assert.same({"look", "ok", 2}, {made.checks[1].id, made.checks[1].status,
                                        #made.checks[1].findings})
        assert.same({time = "2025-11-24T16:00:03Z", step = "two", loss = "the database", yes = true,
                     how = "typed", user = "operator"}, made.confirmations[1])
    end)

    it("has each step with its times, effects and what they changed, verified or not", function()
        local made = eventful()
        local one, two = made.steps[1], made.steps[2]
        assert.same({"done", 10, true, "The first."}, {one.status, one.seconds, one.verified,
                                                       one.why})
        local effect = one.effects[1]
        assert.same({"create", "ConfigMap apic/c", 1}, {effect.verb, effect.target, effect.seconds})
        assert.same({uid = "u-7", resourceVersion = "12"}, effect.result)
        assert.same({{op = "+", path = "data.a", after = "1"}}, effect.changes)
        assert.is_nil(two.verified)
        assert.equal(30, two.waits[1].seconds)
    end)

    it("tells an effect that was begun when the run broke off, and each go at a step", function()
        local two = eventful().steps[2]
        assert.is_nil(two.effects[1].ended)
        assert.equal("it is immutable", two.effects[2].failed)
        assert.same({"interrupted", "done"}, {two.attempts[1].how, two.attempts[2].how})
        assert.equal(40 + 3, two.seconds)
    end)

    it("warns of whatever was out of the ordinary", function()
        assert.same({
            "the lock was taken from other@host/r2 (expired)",
            "old",
            "step two was tried again after: too slow",
            "resumed with Salvor 1.2.4, begun with 1.2.3",
            "the run was resumed after it had ended early",
            "the cluster had changed while the run was stopped: ConfigMap c edited (data.a);"
                .. " accepted by another (typed)",
            "w",
            "step three was skipped: --skip",
        }, texts_of(eventful().warnings))
    end)

    it("leaves out no record, known or not", function()
        local texts = table.concat(texts_of(eventful().events), "\n")
        assert.truthy(texts:find("something.new: word x", 1, true))
        assert.truthy(texts:find("resumed by another", 1, true))
        assert.truthy(texts:find("step one still holds", 1, true))
    end)

    it("warns of a lock only when it was somebody else's", function()
        local DIGEST = ("0"):rep(64) -- the digest of the record before, which each record has
        for how, from in pairs({free = false, own = "operator@host/r1"}) do
            assert.same({}, texts_of(evidence({0, begin()}, {1, {type = "lock.acquired", how = how,
                from = from or nil, previous = DIGEST}}).warnings))
        end
    end)

    it("warns of a check that was left out once", function()
        assert.same({"left out by --skip"}, texts_of(evidence({0, begin()}, {1, {type = "check",
            step = "look", status = "skipped", findings = {{level = "warning",
            message = "left out by --skip"}}}}).warnings))
    end)

    it("says of a check that was not looked at which one had failed", function()
        local made = evidence({0, begin()}, {1, {type = "check", step = "look", status = "skipped",
                                                 needs = "first", findings = list()}})
        for _, form in ipairs({html(made), markdown(made)}) do
            assert.truthy(form:find("not looked at: needs first", 1, true))
        end
    end)

    it("says of a step that was not needed what became of it before, if anything", function()
        local made = evidence({0, begin()}, {1, {type = "step.not-needed", step = "one"}},
            {2, {type = "step.begin", step = "two"}}, {3, {type = "step.end", step = "two"}},
            {4, {type = "run.resume"}}, {5, {type = "step.not-needed", step = "two"}})
        assert.same({"not needed", "done", "not reached"},
            {made.steps[1].status, made.steps[2].status, made.steps[3].status})
    end)

    it("tells which steps were undone, and which could not be", function()
        local made = evidence({0, begin()}, {1, {type = "step.begin", step = "one"}},
            {2, {type = "step.end", step = "one"}}, {3, {type = "step.begin", step = "two"}},
            {4, {type = "step.end", step = "two"}}, {5, {type = "run.undo", user = "another"}},
            {6, {type = "undo.begin", step = "two"}}, {7, {type = "undo.end", step = "two"}},
            {8, {type = "undo.begin", step = "one"}},
            {9, {type = "undo.failed", step = "one", message = "it is gone"}})
        assert.same({"undo failed", "it is gone", "undone"},
            {made.steps[1].status, made.steps[1].message, made.steps[2].status})
        assert.same({"undone", "failed"}, {made.undone[1].how, made.undone[2].how})
        assert.truthy(markdown(made):find("One (one): undo failed", 1, true))
    end)

    it("warns of a clock that went back, after which times mean nothing", function()
        local made = evidence({0, begin()}, {60, {type = "step.begin", step = "one"}},
            {10, {type = "step.end", step = "one"}})
        assert.same({"the clock of the machine went back, from 2025-11-24T16:01:00Z"},
            texts_of(made.warnings))
        assert.equal(0, made.steps[1].seconds)
        assert.is_string(html(made))
    end)

    local STEP = {10, {type = "step.begin", step = "one"}}
    local STATES = {
        {"stopped at one", {STEP, {11, {type = "step.failed", step = "one", message = "no"}},
                            {11, {type = "run.end", status = "stopped", step = "one"}}},
         "salvor run --resume "},
        {"interrupted at one", {STEP, {11, {type = "step.failed", step = "one", message = "no"}}},
         "salvor run --resume "},
        {"interrupted at one", {STEP}, "salvor run --resume "},
        {"interrupted at one", {STEP, {11, {type = "run.interrupted"}}}, "salvor run --resume "},
        {"a check failed", {{2, {type = "run.end", status = "preflight"}}}},
        {"a check failed", {STEP, {11, {type = "run.resume"}},
                            {12, {type = "run.end", status = "preflight"}}},
         "salvor run --resume "},
        {"refused", {{2, {type = "run.end", status = "refused"}}}},
        {"refused", {STEP, {2, {type = "run.end", status = "refused"}}}, "salvor run --resume "},
        {"had no lock", {{2, {type = "run.end", status = "locked"}}}},
        {"had no lock", {STEP, {2, {type = "run.resume"}},
                         {2, {type = "run.end", status = "locked"}}}, "salvor run --resume "},
        {"had no lock", {STEP, {2, {type = "undo.begin", step = "one"}}, {2, {type = "run.undo"}},
                         {2, {type = "run.end", status = "locked"}}}, "salvor run --undo "},
        {"failed", {{2, {type = "run.end", status = "failed"}}}},
        {"interrupted", {}, "salvor run --resume "},
        {"done until one", {STEP, {11, {type = "step.end", step = "one"}},
                            {11, {type = "run.end", status = "until", step = "one"}}},
         "salvor run --resume "},
        {"undone", {STEP, {11, {type = "step.failed", step = "one", message = "no"}},
                    {12, {type = "undo.begin", step = "one"}},
                    {13, {type = "undo.end", step = "one"}},
                    {14, {type = "run.end", status = "undone"}}}},
        {"interrupted at one", {STEP, {11, {type = "step.end", step = "one"}},
                                {12, {type = "run.undo"}},
                                {13, {type = "undo.begin", step = "one"}}},
         "salvor run --undo "},
    }
    for number, case in ipairs(STATES) do
        it("tells how it ended and how to go on: " .. case[1] .. " (" .. number .. ")", function()
            local made = evidence({0, begin()}, table.unpack(case[2]))
            assert.equal(case[1], made.status_text)
            assert.equal(case[3] and case[3] .. made.run, made.go_on)
        end)
    end

    it("is running while somebody is at work", function()
        local made = collect(records({0, begin()}, STEP), JOURNAL, true)
        assert.equal("running: one", made.status_text)
        assert.equal("running", made.steps[1].status)
        assert.is_nil(made.go_on)
    end)

    it("can be made of any records, and of none", function()
        for _, kind in ipairs({"run.begin", "run.resume", "run.undo", "run.interrupted", "run.end",
                               "check", "confirm", "step.begin", "step.end", "step.failed",
                               "step.skipped", "step.not-needed", "step.verified", "retry",
                               "effect.begin", "effect.end", "effect.failed", "wait.begin",
                               "wait.trouble", "wait.end", "changed", "undo.begin", "undo.end",
                               "undo.failed", "lock.acquired", "lock.lost", "lock.released",
                               "?"}) do
            for _, record in ipairs({
                {type = kind},
                {type = kind, step = 7, findings = "x", differences = 1, steps = {7, "x"},
                 changes = "x", result = 1, params = 1, script = 1, cluster = 1, effect = "x",
                 message = {}, reason = {}, flow = 1, plan = 1, title = {}, target = {}},
            }) do
                local made = evidence({0, record})
                assert.is_string(html(made))
                assert.is_string(markdown(made))
                assert.is_string(must(json.encode(made)))
            end
        end
        local empty = collect({}, {run = "r1", holds = true})
        assert.equal("r1", empty.run)
        assert.is_string(html(empty))
        assert.is_string(markdown(empty))
    end)
end)

-- The forms of it

--- A text that would be markup, or end a table, wherever it is put.
local HOSTILE = [[<script>alert(1)</script>"'&amp; | `x` ** _y_ [l](http://evil) \]]
    .. "\27[2J\n# h\0\255"

local function hostile()
    local function text()
        return HOSTILE
    end
    return evidence(
        {0, begin({title = HOSTILE, document = HOSTILE, user = HOSTILE, namespace = HOSTILE,
                   params = {[HOSTILE] = HOSTILE}, procedure = HOSTILE,
                   cluster = {server = HOSTILE, context = HOSTILE, uid = HOSTILE},
                   steps = list({{id = HOSTILE, title = HOSTILE, why = HOSTILE}})})},
        {1, {type = "check", step = text(), status = HOSTILE, findings = {
            {level = HOSTILE, message = HOSTILE, hint = HOSTILE}}}},
        {2, {type = "confirm", step = HOSTILE, loss = HOSTILE, yes = true, user = HOSTILE}},
        {3, {type = "step.begin", step = "x" .. HOSTILE}},
        {3, {type = "effect.begin", step = "x" .. HOSTILE, verb = HOSTILE, target = HOSTILE}},
        {4, {type = "effect.end", step = "x" .. HOSTILE, effect = 5, result = {uid = HOSTILE},
             changes = {{op = "~", path = HOSTILE, before = HOSTILE, after = HOSTILE}}}},
        {4, {type = "wait.begin", step = "x" .. HOSTILE, target = HOSTILE, wanted = HOSTILE}},
        {5, {type = "retry", step = "x" .. HOSTILE, message = HOSTILE}},
        {6, {type = "step.failed", step = "x" .. HOSTILE, message = HOSTILE}},
        {7, {type = "step.skipped", step = HOSTILE, reason = HOSTILE}},
        {8, {type = HOSTILE, word = HOSTILE}},
        {9, {type = "run.end", status = HOSTILE}})
end

--- What a browser would make of the page.
local function read_page(text)
    local result = must(proc.run({"python3", "tests/support/page.py"}, {stdin = text}))
    assert(result.code == 0, result.stderr)
    return must(json.decode(result.stdout))
end

describe("the page of a run", function()
    it("needs nothing else: no script, no link, nothing from elsewhere", function()
        local page = read_page(html(eventful()))
        assert.equal("<!DOCTYPE html>", page.doctype)
        for _, element in ipairs(page.elements) do
            assert.is_nil(({script = true, link = true, img = true, a = true, iframe = true,
                            object = true, base = true, form = true})[element], element)
        end
        for _, attribute in ipairs(page.attributes) do
            assert.is_nil(attribute:match("^on") or attribute:match("href$")
                or attribute:match("^src"), attribute)
        end
        assert.is_nil(page.style:find("@import", 1, true))
        for target in page.style:gmatch("url(%b())") do
            assert.equal("(#hatch)", target)
        end
    end)

    it("is made for light, dark and paper", function()
        local style = read_page(html(eventful())).style
        assert.truthy(style:find("@media (prefers-color-scheme: dark)", 1, true))
        assert.truthy(style:find("@media print", 1, true))
    end)

    it("shows the steps as bars over time, with waits, retries and resumes", function()
        local page = read_page(html(eventful()))
        assert.same({retry = 1, resume = 1, wait = 1}, page.marks)
        local bars = {}
        for _, bar in ipairs(page.bars) do
            bars[#bars + 1] = bar.class .. " " .. bar.x .. " " .. bar.width
            local x, width = tonumber(bar.x), tonumber(bar.width)
            assert.is_true(x >= 200 and width > 0 and x + width <= 960, bars[#bars])
        end
        assert.equal(5, #bars) -- the checks, one, two twice, and its wait
        -- Step two ends where the run broke off, and goes on behind the gap.
        local broken, again, wait = page.bars[3], page.bars[4], page.bars[5]
        assert.same({"bar stopped", "bar done", "wait"}, {broken.class, again.class, wait.class})
        assert.is_true(tonumber(again.x) >= tonumber(broken.x) + tonumber(broken.width) + 20)
    end)

    it("tells everything in words, too", function()
        local page = read_page(html(eventful()))
        for _, part in ipairs({
            "A title", "site/script", "The manual",
            "https://here:6443 (context prod), namespace apic",
            "operator", "typed", "not the bundled one", "5c1", "1.2.3", "the database", "seen",
            "warning: old — renew", "create ConfigMap apic/c", "uid u-7", "+ data.a: 1", "verified",
            "waited for jobs j to be ready (30s)", "too slow", "resumed", "--skip",
            "begun; whether it was done is not known", "failed: it is immutable",
            "accepted by another", "abc",
            "holds: each record carries", "north, production", "site /srv/site.yaml:9",
            "Put there by the site: before two, /srv/hook.lua, /srv/site.yaml:3",
        }) do
            assert.truthy(page.text:find(part, 1, true), part)
        end
    end)

    it("tells of a step that the site leaves out why, and not that it was put there", function()
        local made = evidence({0, begin({steps = list({{id = "two", title = "Two", why = "W.",
            origin = {hook = "skip", of = "two", because = "no such database here",
                      site = "site /srv/site.yaml:3"}}})})})
        local said = "Left out by the site: no such database here, site /srv/site.yaml:3"
        assert.truthy(read_page(html(made)).text:find(said, 1, true))
        assert.truthy(markdown(made):find(said, 1, true))
    end)

    it("shows hostile texts as texts", function()
        local page = read_page(html(hostile()))
        for _, element in ipairs(page.elements) do
            assert.not_equal("script", element)
        end
        assert.truthy(page.text:find("<script>alert(1)</script>", 1, true))
        assert.is_nil(page.text:find("[\27%z]"))
    end)

    it("says at its top that the journal is damaged", function()
        local damaged = {path = "/j", records = 1, sha256 = "abc", holds = false,
                         problem = "record 2: does not follow the record before it"}
        local page = read_page(html(collect(records({0, begin()}), damaged)))
        assert.truthy(page.text:find("The journal of this run is damaged. record 2", 1, true))
        assert.is_nil(page.text:find("--resume", 1, true))
    end)
end)

describe("the Markdown of a run", function()
    --- The tables: lists of rows, each a list of cells.
    local function tables_of(text)
        local tables, current = {}, nil
        for line in (text .. "\n"):gmatch("(.-)\n") do
            if line:sub(1, 1) == "|" then
                local cells = {}
                for cell in line:gsub("\\\\", "\1"):gsub("\\|", "\2"):gmatch("|([^|]*)") do
                    cells[#cells + 1] = cell
                end
                current = current or {}
                table.insert(current, cells)
            elseif current then
                tables[#tables + 1], current = current, nil
            end
        end
        return tables
    end

    for name, make in pairs({["of a run"] = eventful, ["with hostile texts"] = hostile}) do
        it("has valid tables " .. name, function()
            local tables = tables_of(markdown(make()))
            assert.is_true(#tables >= 5)
            for _, rows in ipairs(tables) do
                assert.is_truthy(rows[2][1]:find("---", 1, true))
                for _, row in ipairs(rows) do
                    assert.equal(#rows[1], #row)
                end
            end
        end)
    end

    it("has no markup from elsewhere", function()
        local text = markdown(hostile())
        assert.is_nil(text:find("<", 1, true))
        assert.is_nil(text:find("[^\\]`"))
        assert.is_nil(text:find("[^\\]%[l"))
        assert.is_nil(text:find("[\27%z]"))
        assert.is_nil(text:find("\n# h", 1, true))
        assert.is_nil(text:find("\n%s*%- [+-]"))
    end)

    it("tells what the page tells", function()
        local text = markdown(eventful())
        for _, part in ipairs({"# A title", "| look |",
                               "| operator | typed | two | the database | yes |", "uid u-7",
                               "+ data.a: 1",
                               "waited for jobs j to be ready (30s)", "--skip", "## Journal"}) do
            assert.truthy(text:find(part, 1, true), part)
        end
    end)
end)
