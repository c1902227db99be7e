-- How the checks of salvor doctor are carried out: in which order, side by side, and for how long.
local doctor = require("salvor.doctor")
local errors = require("salvor.error")
local task = require("salvor.task")

local function run(checks, options)
    options = options or {}
    return doctor.run(checks, {timeout = options.timeout or 60,
                               progress = options.progress or function() end})
end

local function check(name, act, needs)
    return {group = "g", name = name, needs = needs, run = act or function()
        return "ok", name .. " seen"
    end}
end

describe("checks", function()
    it("are done side by side, and told in their order", function()
        local turn = {}
        local first = check("first", function()
            repeat task.sleep(0.001) until turn.second
            return "ok", "seen"
        end)
        local second = check("second", function()
            turn.second = true
            return "warning", "seen", "advice"
        end)
        local results = run({first, second})
        assert.are.equal("first", results[1].name)
        assert.are.same({"second", "warning", "seen", "advice", "g"}, {results[2].name,
            results[2].status, results[2].seen, results[2].advice, results[2].group})
    end)

    it("wait for those that they need, wherever these stand", function()
        local done
        local needed = check("needed", function()
            task.sleep(0.01)
            done = true
            return "warning", "seen"
        end)
        local results = run({check("after", function()
            return done and "ok" or "error", "seen"
        end, {needed}), needed})
        assert.are.equal("ok", results[1].status)
    end)

    it("are left out after an error, which all that need it name", function()
        local broken = check("broken", function() return "error", "it is broken" end)
        local next_one = check("next", nil, {broken})
        local last = check("last", nil, {next_one})
        local results = run({broken, next_one, last})
        for number = 2, 3 do
            assert.are.equal("skipped", results[number].status)
            assert.are.equal("not looked at, since 'broken' failed", results[number].seen)
        end
    end)

    it("are done after one that had nothing to look at", function()
        local nothing = check("nothing", function() return "skipped", "there is none" end)
        assert.are.equal("ok", run({nothing, check("after", nil, {nothing})})[2].status)
    end)

    it("are errors when they raise an error object, or give one", function()
        local err = errors.new({code = "Failed", message = "no", hint = "do it"})
        for _, act in ipairs({function() error(err, 0) end, function() return nil, err end}) do
            local result = run({check("it", act)})[1]
            assert.are.same({"error", "no", "do it"}, {result.status, result.seen, result.advice})
        end
    end)

    it("have a fault of ours reach whoever asked", function()
        local ok, problem = pcall(run, {check("it", function() return nil + 1 end)})
        assert.is_false(ok)
        assert.is_truthy(tostring(problem):find("arithmetic", 1, true))
    end)

    it("end in time", function()
        local result = run({check("it", function() task.sleep(3600) end)}, {timeout = 0.01})[1]
        assert.are.same({"error", "no answer within 0.01 s",
                         "check the network, or give it longer with --timeout"},
            {result.status, result.seen, result.advice})
    end)

    it("have more time when a person may be asked", function()
        for _, asks in ipairs({true, false}) do
            local slow = check("it", function()
                task.sleep(asks and 1.2 or 3600)
                return "ok", "seen"
            end)
            slow.asks = function() return asks end
            assert.are.equal(asks and "ok" or "error", run({slow}, {timeout = 0.01})[1].status)
        end
    end)

    it("ask one after the other", function()
        local at_work, ran = 0, 0
        local function asking(name)
            local asks = check(name, function()
                at_work = at_work + 1
                assert.are.equal(1, at_work)
                task.sleep(0.001)
                at_work, ran = at_work - 1, ran + 1
                return "ok", "seen"
            end)
            asks.asks = function() return true end
            return asks
        end
        run({asking("one"), asking("another"), asking("a third")})
        assert.are.equal(3, ran)
    end)

    it("are told while they are waited for", function()
        local told, quick = {}, check("quick")
        run({check("slow", nil, {quick}), quick}, {progress = function(waiting)
            told[#told + 1] = waiting[1] and waiting[1].name or "nothing"
        end})
        assert.are.same({"quick", "nothing", "slow", "nothing"}, told)
    end)
end)
