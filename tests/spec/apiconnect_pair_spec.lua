-- Records of pairs of backups: what is one, and what somebody has spoiled is none.
local json = require("salvor.json")
local pair = require("salvor.apiconnect.pair")

local function known()
    return {run = "r", namespace = "apic",
            management = {cluster = "management", uid = "1", version = "10.0.5.3",
                          name = "management-a", id = "20260826-154646F", time = 1787760000},
            portal = {cluster = "portal", uid = "2", version = "10.0.5.3", name = "portal-a",
                      time = 1787760060, ended = 1787760300}}
end

--- A store that holds this one text as a record.
local function holding(text)
    return {
        list = function()
            return {{path = "pairs/one.json"}}
        end,
        read = function()
            return text
        end,
    }
end

describe("a record of a pair", function()
    it("says what was recorded", function()
        local found, others = pair.all(holding(pair.encode(known())))
        assert.same({}, others)
        assert.equal("20260826-154646F", found[1].management.id)
        assert.equal(1787760300, found[1].portal.ended)
    end)

    it("may be without the end of the portal's backup", function()
        local one = known()
        one.portal.ended = nil
        assert.equal(1, #(pair.all(holding(pair.encode(one)))))
    end)

    local SPOILED = {
        ["a time that is a text"] = {"portal", "ended", "yesterday"},
        ["a time that no calendar has"] = {"portal", "ended", 1 << 60},
        ["a time before there were any"] = {"management", "time", -1},
        ["no name of the portal's backup"] = {"portal", "name", {}},
        ["a server that is no name"] = {"management", "server", 7},
    }
    for title, change in pairs(SPOILED) do
        it("is none with " .. title, function()
            local text = must(json.decode(pair.encode(known())))
            text[change[1]][change[2]] = change[3]
            local found, others = pair.all(holding(must(json.encode(text))))
            assert.same({}, found)
            assert.same({"pairs/one.json"}, others)
        end)
    end
end)
