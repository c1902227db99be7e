-- Taking back what a run did.
local killed = require("support.killed")
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")

local ID = "site/script"
local STEPS = {
    'id = "already", done = function() return true end, run = function() end,'
        .. ' undo = function() note("undo already") end',
    'id = "one", run = function(ctx) ctx.facts.one = "first"'
        .. ' must(ctx.k8s:create(config_map(ctx:name("one")))) note("one") end,'
        .. ' undo = function(ctx) note("undo one " .. ctx.facts.one)'
        .. ' if ctx.k8s:get("cm", ctx:name("one")) then ctx.k8s:delete("cm", ctx:name("one")) end'
        .. ' end',
    'id = "two", run = function() note("two") end',
    'id = "three", run = function(ctx) ctx.facts.three = "third" fail_at_will() end,'
        .. ' undo = function(ctx) fail_at_will() note("undo three " .. ctx.facts.three) end',
    'id = "four", run = function() end, undo = function() note("undo four") end',
}

lab.describe("undoing a run", function()
    local small

    before_each(function()
        small = small_procedure.new()
        small:steps(STEPS)
        small:set("fail", true)
    end)

    after_each(function()
        small:close()
    end)

    local function types(prefix)
        local found = {}
        for _, record in ipairs(small:journal()) do
            if record.type:find("^" .. prefix) then
                found[#found + 1] = record.type .. " " .. (record.step or record.status)
            end
        end
        return found
    end

    it("is said how, where a step fails and nobody can be asked", function()
        local stopped = small:run()
        salvor.expect_code(5, stopped)
        local run = small:only_run()
        salvor.expect(stopped.stderr, "go on with: salvor run --resume " .. run
            .. ", or undo what was done with: salvor run --undo " .. run)
        small:set("fail", false)
        local undone = small:undo()
        salvor.expect_code(0, undone)
        salvor.expect(undone.stdout, "undoing run " .. run .. " of " .. ID, "undone      three",
            "undone      one", "run " .. run .. " is undone",
            "without an undo, so as it was: two")
        assert.equal("one\ntwo\nundo three third\nundo one first\n", small:notes())
        assert.same({"undo.begin three", "undo.end three", "undo.begin one", "undo.end one"},
            types("undo"))
        assert.equal(0, #must(small.client:list("cm")))
    end)

    it("ends it: it is not resumed any more, and undoing it again does nothing", function()
        small:run()
        small:set("fail", false)
        salvor.expect_code(0, small:undo())
        local notes = small:notes()
        local resumed = small:resume()
        salvor.expect_code(1, resumed)
        salvor.expect(resumed.stderr, "run " .. small:only_run() .. " was undone",
            "start a new run")
        salvor.expect_code(0, small:undo())
        assert.equal(notes, small:notes())
    end)

    it("is gone on with by the same command when it is interrupted, wherever", function()
        small:run()
        local run = small:only_run()
        must(small.client:create({
            apiVersion = "coordination.k8s.io/v1", kind = "Lease", metadata = {name = "salvor"},
            spec = {holderIdentity = "ann", leaseDurationSeconds = 60},
        }))
        local running = task.spawn(small.undo, small)
        small:await_record("run.undo")
        small:signal("INT")
        salvor.expect(running:join().stderr, "interrupted; go on with: salvor run --undo " .. run)
        assert.equal("one\ntwo\n", small:notes())
    end)

    it("is possible when all is done, and of no step that had nothing to do", function()
        small:set("fail", false)
        salvor.expect_code(0, small:run())
        salvor.expect_code(0, small:undo())
        assert.equal("one\ntwo\nundo four\nundo three third\nundo one first\n", small:notes())
    end)

    it("is refused where no step has an undo", function()
        small:steps({'id = "one", run = function() note("one") end'})
        salvor.expect_code(0, small:run())
        local result = small:undo()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "none of the steps of run " .. small:only_run()
            .. " has an undo: one", "take it back by hand")
        salvor.expect_code(0, small:resume())
    end)

    it("of one that did nothing does nothing", function()
        small:steps({'id = "no", check = true, run = function(ctx) ctx:problem("no") end',
                     'id = "one", run = function() note("one") end'})
        salvor.expect_code(4, small:run())
        salvor.expect_code(0, small:undo())
        assert.equal("", small:notes())
    end)

    it("stops where a step cannot be undone, and goes on from there", function()
        small:run()
        local run = small:only_run()
        local stopped = small:undo()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "step three cannot be undone: not yet; be patient; then undo"
            .. " the rest with: salvor run --undo " .. run)
        salvor.expect_code(1, small:resume())
        small:set("fail", false)
        salvor.expect_code(0, small:undo())
        assert.equal("one\ntwo\nundo three third\nundo one first\n", small:notes())
    end)

    describe("on a terminal is asked about", function()
        local function run(answers)
            return small:run({ID}, {prefix = {"python3", "tests/support/terminal.py", "[y/N]",
                                              answers}})
        end

        before_each(function()
            local list = table.move(STEPS, 1, #STEPS, 1, {})
            list[4] = 'id = "three", run = function(ctx) fail_at_will() end,'
                .. ' undo = function(ctx) note("undo three") end'
            small:steps(list)
        end)

        it("step by step, the newest first", function()
            local result = run("y\\ny\\n")
            salvor.expect(result.stdout, "1, echo on", "undo step three (A step)? [y/N]",
                "undo step one (A step)? [y/N]", "what it did was undone, but for: two")
            assert.equal("one\ntwo\nundo three\nundo one first\n", small:notes())
            assert.same({"run.end undone"}, types("run%.end"))
        end)

        it("until somebody says no: then the rest waits for --undo", function()
            local result = run("y\\nn\\n")
            salvor.expect(result.stdout, "5, echo on", "1 of 2 steps that can be undone were",
                "undo the rest with: salvor run --undo " .. small:only_run())
            assert.equal("one\ntwo\nundo three\n", small:notes())
            small:set("fail", false)
            salvor.expect_code(1, small:resume())
            salvor.expect_code(0, small:undo())
            assert.equal("one\ntwo\nundo three\nundo one first\n", small:notes())
        end)

        it("and nothing is undone when the first answer is no", function()
            local result = run("\\n")
            salvor.expect(result.stdout, "5, echo on", "salvor run --resume " .. small:only_run())
            assert.equal("one\ntwo\n", small:notes())
            small:set("fail", false)
            salvor.expect_code(0, small:resume())
        end)
    end)
end)

lab.describe("undoing a run that is killed", function()
    local namespaces = {}

    killed.define({
        start = function(worker)
            namespaces[worker] = namespaces[worker] or lab.namespace()
            local small = small_procedure.new(namespaces[worker])
            small:steps(STEPS)
            small:set("fail", true)
            salvor.expect_code(5, small:run())
            small:set("fail", false)
            small.outcome = function()
                return {#must(small.client:list("cm")),
                        -- A step may be undone once more, but never an older one before it.
                        (small:notes():gsub("(undo %w+ %w+\n)%1", "%1"))}
            end
            return small
        end,
        words = function(small)
            return {"run", "--undo", small:only_run()}
        end,
        again = function(run)
            return {"run", "--undo", run}
        end,
    })
end)
