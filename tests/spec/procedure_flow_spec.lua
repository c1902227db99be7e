-- What the operator leaves out of a run: --from, --until, --skip.
local json = require("salvor.json")
local salvor = require("support.salvor")
local lab = require("support.lab")
local small_procedure = require("support.small_procedure")

local ID = "site/script"

lab.describe("of a run's steps", function()
    local small

    before_each(function()
        small = small_procedure.new()
        small:steps({
            'id = "check", check = true, run = function(ctx) note("check") end',
            'id = "one", run = function() note("one") end',
            'id = "two", run = function() note("two") end',
            'id = "three", run = function() fail_at_will() note("three") end',
        })
    end)

    after_each(function()
        small:close()
    end)

    --- "step reason" of each record step.skipped.
    local function skipped()
        local found = {}
        for _, record in ipairs(small:records_of("step.skipped")) do
            found[#found + 1] = record.step .. " " .. record.reason
        end
        return found
    end

    it("--skip leaves out those it names, with a warning", function()
        local result = small:run({ID, "--skip", "one", "--skip", "three"})
        salvor.expect_code(0, result)
        assert.equal("check\ntwo\n", small:notes())
        salvor.expect(result.stdout, "skipped     one ", "warning: left out by --skip",
            "skipped     three ")
        assert.same({"one --skip", "three --skip"}, skipped())
        assert.same({skip = {"one", "three"}}, small:journal()[1].flow)
    end)

    it("a plan tells what those that were asked for would do", function()
        local function creates(id)
            return 'id = "' .. id .. '", run = function(ctx) must(ctx.k8s:create(config_map("' .. id
                .. '", {}))) end'
        end
        small:steps({'id = "check", check = true, run = function(ctx) ctx:problem("no") end',
                     creates("one"), creates("two"), creates("three"), creates("four")})
        local file = small.home .. "/plan.json"
        local plan = small:salvor({"plan", ID, "--save", file, "--skip", "check", "--from", "two",
                                   "--skip", "three", "--until", "three"})
        salvor.expect_code(0, plan)
        salvor.expect(plan.stdout, "skipped     check ", "left out by --skip",
            "skipped     one ", "left out by --from two", "planned     two ",
            "skipped     three ", "the plan ends after step three, as asked",
            "plan: 1 object created")
        assert.is_nil(plan.stdout:find("four", 1, true))
        local result = salvor.run({"run", "--plan", file}, {home = small.home})
        salvor.expect_code(0, result)
        assert.same({from = "two", ["until"] = "three", skip = {"check", "three"}},
            small:journal()[1].flow)
        assert.is_table(small.client:get("cm", "two"))
        assert.equal("NotFound", select(2, small.client:get("cm", "one")).code)
        salvor.expect_code(2, small:salvor({"plan", ID, "--skip", "five"}))
    end)

    it("--skip leaves out a check, and what needs it is done all the same", function()
        small:steps({
            'id = "wrong", check = true, run = function(ctx) ctx:problem("wrong") end',
            'id = "next", check = true, needs = {"wrong"}, run = function() note("next") end',
            'id = "one", run = function() note("one") end',
        })
        salvor.expect_code(4, small:run())
        assert.equal("", small:notes())
        local result = small:run({ID, "--skip", "wrong"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "skipped     wrong ", "warning: left out by --skip")
        assert.equal("next\none\n", small:notes())
        local run = result.stdout:match("run (%S+) of")
        local kept = small:records_of("check", run)[2]
        assert.same({"wrong", "skipped", "left out by --skip"},
            {kept.step, kept.status, kept.findings[1].message})
    end)

    it("names the check that failed wherever others mean nothing without it", function()
        small:steps({
            'id = "wrong", check = true, run = function(ctx) ctx:problem("wrong") end',
            'id = "next", check = true, needs = {"wrong"}, run = function() end',
            'id = "last", check = true, needs = {"next"}, run = function() end',
        })
        local result = small:run()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "next             not looked at, since 'wrong' failed",
            "last             not looked at, since 'wrong' failed")
    end)

    it("--from leaves out the ones before, but no checks", function()
        local result = small:run({ID, "--from", "two"})
        salvor.expect_code(0, result)
        assert.equal("check\ntwo\nthree\n", small:notes())
        assert.same({"one --from two"}, skipped())
        salvor.expect(result.stdout, "warning: left out by --from two")
    end)

    it("--until ends after one, as asked; a resumed run goes on behind it", function()
        local ended = small:run({ID, "--until", "one"})
        salvor.expect_code(0, ended)
        local run = small:only_run()
        salvor.expect(ended.stdout, "run " .. run .. " ended after step one, as asked",
            "go on with: salvor run --resume " .. run)
        assert.equal("check\none\n", small:notes())
        local last = small:journal()[#small:journal()]
        assert.same({"run.end", "until", "one"}, {last.type, last.status, last.step})
        salvor.expect_code(0, small:resume({"--until", "two"}))
        assert.equal("check\none\ntwo\n", small:notes())
        salvor.expect_code(0, small:resume())
        assert.equal("check\none\ntwo\nthree\n", small:notes())
    end)

    it("are done when only what comes next cannot be told", function()
        small:steps({'id = "one", run = function() note("one") end'},
            {next = 'function(ctx) return {"log in to " .. ctx.facts.name} end'})
        local ended = small:run()
        salvor.expect_code(0, ended)
        salvor.expect(ended.stdout, " is done; its journal is ",
            "next: cannot be told: ", "attempt to concatenate a nil value (field 'name')")
        assert.equal("done", small:records_of("run.end")[1].status)
    end)

    it("tells as JSON how it ended, whatever a program says and a secret looks like", function()
        small:steps({
            'id = "one", run = function(ctx) ctx.facts.bytes = 12345678 end',
            'id = "two", run = function(ctx) error(require("salvor.error").new({code = "Failed",'
                .. ' message = "it said kaputt\\xff, with " .. ctx.params.password})) end',
        })
        local words = {ID, "-p", "password=12345678", "--output", "json"}
        local stopped = small:run(words)
        salvor.expect_code(5, stopped)
        local outcome = must(json.decode(stopped.stdout))
        assert.same({"stopped", "Stopped"}, {outcome.status, outcome.error.code})
        salvor.expect(outcome.error.message, "it said kaputt\\xff, with ***")
        salvor.expect(stopped.stderr, "go on with: salvor run --resume " .. small:only_run())
        local ended = small:run({"--until", "one", table.unpack(words)})
        salvor.expect_code(0, ended)
        assert.equal(12345678, must(json.decode(ended.stdout)).facts.bytes)
    end)

    it("tells as JSON how it ended, and the facts", function()
        small:steps({
            'id = "check", check = true, run = function(ctx) ctx.facts.seen = {"a", "b"} end',
            'id = "one", run = function(ctx) ctx.facts.count = 3 end',
            'id = "two", run = function() end',
        })
        local ended = small:run({ID, "--until", "one", "--output", "json"})
        salvor.expect_code(0, ended)
        local outcome = must(json.decode(ended.stdout))
        assert.same({"until", "one", small:only_run()}, {outcome.status, outcome.step, outcome.run})
        assert.same({seen = {"a", "b"}, count = 3}, outcome.facts)
        assert.equal(small:journal_path(outcome.run), outcome.journal)
        salvor.expect(ended.stderr, "done        one ")
    end)

    it("tells as JSON which check failed, and the facts that the checks found", function()
        small:steps({
            'id = "count", check = true, run = function(ctx) ctx.facts.count = 3'
                .. ' ctx:problem("too few") end',
            'id = "next", check = true, needs = {"count"}, run = function() end',
        })
        local failed = small:run({ID, "--output", "json"})
        salvor.expect_code(4, failed)
        local outcome = must(json.decode(failed.stdout))
        assert.same({"preflight", 3, small:journal_path(small:only_run())},
            {outcome.status, outcome.facts.count, outcome.journal})
        assert.same({"failed", "too few", "count"}, {outcome.checks[2].status,
            outcome.checks[2].findings[1].message, outcome.checks[3].needs})
        assert.equal("count", small:records_of("check")[3].needs)
    end)

    it("tells as JSON that it stopped, and why", function()
        small:set("fail", true)
        local stopped = small:run({ID, "--output", "json"})
        salvor.expect_code(5, stopped)
        local outcome, run = must(json.decode(stopped.stdout)), small:only_run()
        assert.same({"stopped", run, "Stopped"}, {outcome.status, outcome.run, outcome.error.code})
        salvor.expect(outcome.error.message, "stopped at step three: not yet")
        salvor.expect(outcome.error.hint, "salvor run --resume " .. run)
        local unknown = small:run({"site/nothing", "--output", "json"})
        salvor.expect_code(2, unknown)
        assert.same({"usage"}, {must(json.decode(unknown.stdout)).status})
    end)

    it("a resumed run leaves out the same, and what it is told besides", function()
        small:set("fail", true)
        salvor.expect_code(5, small:run({ID, "--skip", "one", "--until", "three"}))
        assert.equal("check\ntwo\n", small:notes())
        local result = small:resume({"--skip", "three"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "skipped     one ", "skipped     three ",
            "ended after step three")
        assert.equal("check\ntwo\n", small:notes())
    end)

    it("nobody is asked about what is left out or comes later", function()
        small:steps({'id = "one", run = function() note("one") end',
                     'id = "loss", destructive = "all", run = function() note("loss") end',
                     'id = "end", run = function() note("end") end'})
        salvor.expect_code(6, small:run())
        salvor.expect_code(0, small:run({ID, "--until", "one"}))
        salvor.expect_code(0, small:run({ID, "--skip", "loss"}))
        salvor.expect_code(0, small:run({ID, "--from", "end"}))
        assert.equal("one\none\nend\nend\n", small:notes())
    end)

    it("unknown ones, checks, and contradictions are refused before anything is done", function()
        local CASES = {
            {{"--skip", "four"}, "--skip: there is no step 'four'",
             "its steps are: check, one, two, three"},
            {{"--from", "four"}, "--from: there is no step 'four'"},
            {{"--until", "check"}, "--until: 'check' is a check", "--skip leaves a check out"},
            {{"--from", "check"}, "--from: 'check' is a check"},
            {{"--from", "two", "--until", "one"}, "--from two comes after --until one"},
        }
        for _, case in ipairs(CASES) do
            local result = small:run(table.move(case[1], 1, #case[1], 2, {ID}))
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, table.unpack(case, 2))
        end
        assert.same({}, small:runs())
        assert.equal("", small:notes())
        for message, words in pairs({
            ["--from is for a new run"] = {"--resume", "x", "--from", "two"},
            ["--undo goes without a procedure's id"] = {ID, "--undo", "x"},
            ["--resume goes without a procedure's id"] = {ID, "--resume", "x"},
            ["--resume and --undo exclude each other"] = {"--resume", "x", "--undo", "x"},
            ["--undo undoes all that was done"] = {"--undo", "x", "--skip", "one"},
            ["the ID of a procedure is missing; salvor list shows them: salvor run ID"] = {},
        }) do
            local result = small:run(words)
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, message)
        end
    end)
end)
