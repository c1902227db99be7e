-- salvor.apiconnect.readiness: how long a schedule makes one wait, and what gaps cost.
local fs = require("salvor.fs")
local interval = require("salvor.apiconnect.readiness.interval")
local readiness = require("salvor.apiconnect.readiness")

local HOUR, DAY = 3600, 86400

describe("the longest pause of a schedule", function()
    for schedule, seconds in pairs({
        ["0 3 * * *"] = DAY,
        ["0 0 3 * * *"] = DAY,
        ["* * * * * *"] = 1,
        ["*/15 * * * *"] = HOUR / 4,
        ["0 */6 * * *"] = 6 * HOUR,
        ["0 8-18/2 * * *"] = 14 * HOUR,
        ["0 3,15 * * *"] = 12 * HOUR,
        ["30 20/2 * * *"] = 22 * HOUR,
        ["0 3 * * 1-5"] = 3 * DAY,
        ["0 3 * * 0"] = 7 * DAY,
        ["0 3 1 * *"] = 31 * DAY,
        ["0 3 1 * 0"] = 7 * DAY, -- either day is enough
        ["0 3 31 * *"] = 61 * DAY,
        ["0 3 1 1 *"] = 366 * DAY,
        ["0 3 29 2 *"] = (4 * 365 + 1) * DAY,
    }) do
        it("is " .. seconds .. " seconds with " .. schedule, function()
            assert.equal(seconds, interval.longest(schedule))
        end)
    end

    it("has no end when there is no such day", function()
        assert.is_nil(interval.longest("0 3 31 2 *"))
    end)
end)

describe("the score", function()
    local COST = {}
    for _, rule in ipairs(readiness.RULES) do
        COST[rule.id] = rule.cost
    end

    local function gap(rule, subsystem, message)
        return {rule = rule, subsystem = subsystem, cost = COST[rule], message = message or ""}
    end

    it("is full without a gap", function()
        assert.same({{score = 100, full = 100, gaps = {}}, {}},
            {readiness.score({kits = {}, backups = {}})})
    end)

    it("takes a rule's cost once for each subsystem, the dearest first", function()
        local one, other = gap("kit-settings", "management", "a"),
            gap("kit-settings", "management", "b")
        local secret, age = gap("kit-secrets", "portal"), gap("age", "portal")
        local known, found = readiness.score({kits = {other, one, secret}, backups = {age}})
        assert.equal(100 - 40 - 15 - 15, known.score)
        assert.same({secret, age, one, other}, known.gaps)
        local lines = {}
        for index, each in ipairs(found) do
            lines[index] = each.rule.id .. " " .. each.subsystem .. " " .. each.count
        end
        assert.same({"kit-secrets portal 1", "age portal 1", "kit-settings management 2"}, lines)
    end)

    it("has gaps of one rule in the order of their texts", function()
        local gaps, expected = {}, {}
        for number = 1, 20 do
            gaps[number] = gap("kit-secrets", "portal", string.char(97 + number * 7 % 20))
            expected[number] = string.char(96 + number)
        end
        for index, one in ipairs(readiness.score({kits = gaps}).gaps) do
            assert.equal(expected[index], one.message)
        end
    end)

    it("takes it for each of the subsystems", function()
        local known = readiness.score({all = {gap("age", "management"), gap("age", "portal")}})
        assert.equal(70, known.score)
    end)

    it("is never below 0", function()
        local gaps = {}
        for _, rule in ipairs(readiness.RULES) do
            gaps[#gaps + 1] = gap(rule.id, "management")
        end
        assert.equal(0, readiness.score({all = gaps}).score)
    end)

    it("has the weights that its page says", function()
        local page = must(fs.read("docs/procedures/apic-v10-readiness.md"))
        for _, rule in ipairs(readiness.RULES) do
            local row = string.format("| `%s` | %d |", rule.id, rule.cost)
            assert.is_truthy(page:find(row, 1, true), row)
        end
    end)
end)
