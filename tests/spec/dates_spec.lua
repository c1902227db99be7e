-- Times as others write them.
local dates = require("salvor.dates")

local CASES = {
    {"iso", "1970-01-01T00:00:00Z", 0},
    {"iso", "2026-08-26T15:46:46Z", 1787759206},
    {"iso", "2024-02-29T23:59:59Z", 1709251199},
    {"iso", "2024-05-31T12:30:00.500Z", 1717158600.5},
    {"iso", "2024-05-31 12:30:00Z"},
    {"iso", "2024-05-31T12:30:00"},
    {"iso", ""},
    {"compact", "20260826-154646F", 1787759206},
    {"compact", "20241222T110515", 1734865515},
    {"compact", "20220108.010033", 1641603633},
    {"compact", "20240299-000000"},
    {"compact", "20240230-000000"},
    {"compact", "n/a"},
    {"seconds", 1717158600, 1717158600},
    {"seconds", 253402300799, 253402300799}, -- the last one that has a year of four digits
    {"seconds", 253402300800},
    {"seconds", -1},
    {"seconds", 0.5},
    {"seconds", true},
    {"http", "Fri, 31 May 2024 12:30:00 GMT", 1717158600},
    {"http", "Fri, 31 Mai 2024 12:30:00 GMT"},
}

describe("a time", function()
    for _, case in ipairs(CASES) do
        local form, text, expected = table.unpack(case, 1, 3)
        it(string.format("of form %s is read: '%s'", form, tostring(text)), function()
            assert.equal(expected, dates[form](text))
        end)
    end

    it("is written as it is read", function()
        assert.equal("2026-08-26T15:46:46Z", dates.text(1787759206))
        local before = os.time()
        local now = dates.iso(dates.text())
        assert.is_true(now >= before and now <= os.time())
    end)

    it("is waited for by its seconds, or until it has come", function()
        assert.equal(7, dates.retry_after("7", 0))
        assert.equal(600, dates.retry_after("Fri, 31 May 2024 12:30:00 GMT", 1717158000))
        assert.equal(0, dates.retry_after("Fri, 31 May 2024 12:30:00 GMT", 1717159000))
        assert.is_nil(dates.retry_after("soon", 0))
    end)
end)
