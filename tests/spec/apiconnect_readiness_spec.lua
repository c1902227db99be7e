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
    it("is full without a gap", function()
        assert.same({100, 0, {}}, {readiness.score({kits = {}, backups = {}})})
    end)

    it("takes a rule's cost once for each subsystem, the dearest first", function()
        local score, count, found = readiness.score({
            kits = {{rule = "kit-settings", subsystem = "management"},
                    {rule = "kit-settings", subsystem = "management"},
                    {rule = "kit-secrets", subsystem = "portal"}},
            backups = {{rule = "age", subsystem = "portal"}},
        })
        assert.equal(100 - 40 - 15 - 15, score)
        assert.equal(4, count)
        assert.same({"kit-secrets", "age", "kit-settings"},
            {found[1].rule.id, found[2].rule.id, found[3].rule.id})
    end)

    it("is never below 0", function()
        local gaps = {}
        for _, rule in ipairs(readiness.RULES) do
            gaps[#gaps + 1] = {rule = rule.id, subsystem = "management"}
        end
        assert.equal(0, (readiness.score({all = gaps})))
    end)

    it("has the weights that its page says", function()
        local page = must(fs.read("docs/procedures/apic-v10-readiness.md"))
        for _, rule in ipairs(readiness.RULES) do
            local row = string.format("| `%s` | %d |", rule.id, rule.cost)
            assert.is_truthy(page:find(row, 1, true), row)
        end
    end)
end)
