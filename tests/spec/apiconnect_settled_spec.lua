-- Waiting for objects that come one after the other, nobody knows how many.
local errors = require("salvor.error")
local settled = require("salvor.apiconnect.recover.settled")

--- What a step's ctx has of it; its waits are kept in `told`, and in told.states what they said.
local function context(told, planning)
    return {
        planning = planning,
        wait = function(what, progress)
            told.states = (told.states or "") .. what .. ": " .. progress.state .. "\n"
        end,
        perform = function(_, effect)
            told[1] = effect
        end,
        performer = {await = function(_, wait, fn)
            told[1] = wait
            return fn()
        end},
    }
end

--- Looks that find one after the other of the counts, the last one from then on; 0 is nothing. How
--- many there were is in `looks[1]`.
local function finding(looks, counts)
    return function()
        looks[1] = (looks[1] or 0) + 1
        assert(looks[1] < 500, "it looks for ever")
        local count = counts[math.min(looks[1], #counts)]
        if count == 0 then
            return nil, 0, errors.new({code = "Timeout", message = "nothing has come"})
        end
        return {count = count}, count
    end
end

local function wait(options, counts)
    local looks = {}
    options.target, options.wanted = "backups", "to be found"
    return settled(context({}), options, finding(looks, counts)), looks[1]
end

describe("what has settled", function()
    it("is what was there when no more came", function()
        local found, looks = wait({timeout = 60, settle = 0}, {0, 1, 2, 3, 3, 4})
        assert.equal(3, found.count)
        assert.equal(5, looks)
    end)

    it("is not looked at until it has been so for a while", function()
        local found, looks = wait({timeout = 60, settle = 0.3}, {1, 1})
        assert.equal(1, found.count)
        assert.is_true(looks > 2)
    end)

    it("is whatever is found first, where that will do", function()
        local found, looks = wait({timeout = 60, settle = 1, any = true}, {0, 1, 2})
        assert.equal(1, found.count)
        assert.equal(2, looks)
    end)

    it("is what there is at the end of time", function()
        assert.equal(2, wait({timeout = 0.2, settle = 1}, {0, 2}).count)
    end)

    it("is an error when there is nothing by then", function()
        local ok, err = pcall(wait, {timeout = 0.2, settle = 0}, {0})
        assert.is_false(ok)
        assert.equal("nothing has come", err.message)
    end)

    it("is told while it is waited for", function()
        local told = {}
        settled(context(told), {timeout = 60, settle = 0, target = "backups", wanted = "to come"},
            finding({}, {0, 1, 1}))
        assert.equal("backups: 0 so far\nbackups: 1 so far\nbackups: 1 so far\n", told.states)
    end)

    it("is told to the journal, and listed in a plan", function()
        local options = {timeout = 7, settle = 0, target = "backups", wanted = "to be found"}
        local told = {}
        assert.is_nil(settled(context(told, true), options, function()
            error("a plan does not look")
        end))
        assert.same({verb = "wait for", class = "wait", timeout = 7, target = "backups",
                     wanted = "to be found"}, told[1])
        settled(context(told), options, finding({}, {1}))
        assert.equal("backups", told[1].target)
    end)
end)
