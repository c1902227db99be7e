-- Versions of API Connect, and what a backup's time stamp says wherever the clock is.
local apiconnect = require("salvor.apiconnect")
local backup = require("salvor.apiconnect.management_backup")
local null = require("salvor").null
local salvor = require("support.salvor")

describe("apiconnect.parse_version", function()
    local CASES = {
        ["10.0.5.3"] = {10, 0, 5, 3, ifix = 0},
        ["10.0.8.1-1110"] = {10, 0, 8, 1, ifix = 0},
        ["10.0.1.4-ifix1-eus"] = {10, 0, 1, 4, ifix = 1},
        ["10.0.1.12-eus"] = {10, 0, 1, 12, ifix = 0},
        ["2018.4.1.20-ifix1.0"] = {2018, 4, 1, 20, ifix = 1},
    }
    for text, version in pairs(CASES) do
        it("reads " .. text, function()
            assert.same(version, apiconnect.parse_version(text))
        end)
    end

    it("gives nil for what is no version", function()
        for _, text in ipairs({"", "latest", "v10", null}) do
            assert.is_nil(apiconnect.parse_version(text))
        end
        assert.is_nil(apiconnect.parse_version(nil))
    end)
end)

describe("apiconnect.at_least", function()
    local CASES = {
        {"10.0.5.3", "10.0.5.3", true},
        {"10.0.5.10", "10.0.5.9", true},
        {"10.0.5", "10.0.5.0", true},
        {"10.0.5.0", "10.0.5.1", false},
        {"10.0.10.0", "10.0.8", true},
        {"10.0.1.4-ifix1-eus", "10.0.1.4-ifix1", true},
        {"10.0.1.4-ifix2-eus", "10.0.1.4-ifix1", true},
        {"10.0.1.4-eus", "10.0.1.4-ifix1", false},
        {"10.0.1.5-eus", "10.0.1.4-ifix1", true},
        {"11.0.0", "10.0.8", true},
        {"unknown", "10.0.8", false},
    }
    for _, case in ipairs(CASES) do
        it(case[1] .. (case[3] and " is at least " or " is below ") .. case[2], function()
            assert.equal(case[3], apiconnect.at_least(case[1], case[2]))
        end)
    end
end)

describe("apiconnect.has_original_uid", function()
    local CASES = {
        ["10.0.1.4-eus"] = false, ["10.0.1.4-ifix1-eus"] = true, ["10.0.1.5-eus"] = true,
        ["10.0.1.15-eus"] = true, ["10.0.2"] = false, ["10.0.2.0-ifix3"] = false,
        ["10.0.3.0"] = true, ["10.0.5.1"] = true, ["10.0.8.1-1110"] = true,
    }
    for version, expected in pairs(CASES) do
        it(version .. ": " .. tostring(expected), function()
            assert.equal(expected, apiconnect.has_original_uid(version))
        end)
    end
end)

describe("apiconnect.database", function()
    it("is known where the vendor's files say it", function()
        assert.equal("crunchy", apiconnect.database("10.0.1.2-eus"))
        assert.equal("crunchy", apiconnect.database("10.0.5.8"))
        assert.is_nil(apiconnect.database("10.0.6.0"))
        assert.is_nil(apiconnect.database("10.0.7.0"))
        assert.equal("edb", apiconnect.database("10.0.8.0"))
    end)
end)

describe("apiconnect.ready", function()
    local CASES = {
        {"Running", "18/18", true}, {"Running", "1/1", true}, {"Running", "17/18", false},
        {"Pending", "18/18", false}, {"Running", "0/0", false}, {"Running", nil, false},
        {"Running", null, false}, {"Running", 18, false}, {"Running", {}, false},
        {nil, nil, false}, {"Running", "18/18/18", false}, {"Running", " 18/18", false},
    }
    for _, case in ipairs(CASES) do
        it(string.format("phase %s, state %s: %s", case[1], case[2], case[3]), function()
            local ready, text = apiconnect.ready({status = {phase = case[1], state = case[2]}})
            assert.equal(case[3], ready)
            assert.is_string(text)
        end)
    end

    it("takes objects without a status, or with a strange one", function()
        for _, object in ipairs({{}, {status = null}, {status = "up"}, {status = {}}}) do
            assert.is_false((apiconnect.ready(object)))
        end
    end)
end)

describe("apiconnect.database_cluster", function()
    local function object(services)
        return {metadata = {name = "m"}, spec = {siteName = "s"}, status = {services = services}}
    end

    it("is what the status says, or made of name and siteName", function()
        assert.equal("given", apiconnect.database_cluster(object({db = "given"}), "crunchy"))
        assert.equal("m-s-postgres", apiconnect.database_cluster(object(nil), "crunchy"))
        assert.equal("m-s-db", apiconnect.database_cluster(object(null), "edb"))
    end)
end)

describe("the time of a backup", function()
    local CASES = {
        ["20260826-154646F"] = 1787759206,
        ["20260826-154646F_20260827-000000I"] = 1787759206,
        ["20241222T110515"] = 1734865515,
        ["2026-08-26T15:46:46Z"] = 1787759206,
        ["2026-03-29T01:30:00Z"] = 1774747800, -- does not exist on clocks in Berlin
        ["20261025-003000F"] = 1792888200,     -- exists twice there
        ["20240229-235959F"] = 1709251199,
    }

    for stamp, expected in pairs(CASES) do
        it("is read from " .. stamp, function()
            assert.equal(expected, backup.to_epoch(stamp))
        end)
    end

    it("is taken as it is when it is a number, and is nil when it is nothing", function()
        assert.equal(1787759206, backup.to_epoch(1787759206))
        for _, stamp in ipairs({"", "n/a", "2026", null, {}}) do
            assert.is_nil(backup.to_epoch(stamp))
        end
        assert.is_nil(backup.to_epoch(nil))
    end)

    for _, zone in ipairs({"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York",
                           "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"}) do
        it("does not depend on the machine's time zone: " .. zone, function()
            local code = "local b = require('salvor.apiconnect.management_backup')"
            for stamp in pairs(CASES) do
                code = code .. string.format(" print(b.to_epoch(%q))", stamp)
            end
            local expected = {}
            for _, epoch in pairs(CASES) do
                expected[#expected + 1] = epoch
            end
            local result = salvor.run({"-e", code}, {home = "/nonexistent", env = {TZ = zone}})
            assert.equal(table.concat(expected, "\n") .. "\n", result.stdout, result.stderr)
        end)
    end
end)

describe("the generation of the database", function()
    it("is that of the version, or the one that is named", function()
        assert.equal("crunchy", backup.generation("10.0.5.3", "auto"))
        assert.equal("edb", backup.generation("10.0.8.0", "auto"))
        assert.equal("edb", backup.generation("10.0.5.3", "edb"))
        assert.equal("crunchy", backup.generation("10.0.7.0", "crunchy"))
    end)

    it("is not guessed where the version does not tell it", function()
        local generation, err = backup.generation("10.0.7.0", "auto")
        assert.is_nil(generation)
        assert.matches("^version 10%.0%.7%.0 may have the database of Crunchy", err.message)
        assert.equal("say which: -p database=crunchy or edb", err.hint)
    end)
end)

describe("the newest backup", function()
    local OWNER = {name = "m", database = "crunchy"}

    local function client(objects)
        return {each = function()
            local index = 0
            return function()
                index = index + 1
                return objects[index]
            end
        end}
    end

    local function object(name, status, cluster)
        return {metadata = {name = name}, spec = {clusterName = cluster or "m"}, status = status}
    end

    it("is the latest that is Ready, whatever else there is", function()
        local newest, count = backup.newest(client({
            object("none"), object("null", null), object("text", "Ready"),
            object("strange", {phase = {}, id = 7, info = "x"}),
            object("old", {phase = "Ready", id = "20260101-000000F"}),
            object("new", {phase = "Ready", id = "20260301-000000F", info = null}),
            object("newer but failed", {phase = "Failed", id = "20260401-000000F"}),
            object("newer but another's", {phase = "Ready", id = "20260401-000000F"}, "n"),
            object("without a time", {phase = "Ready", id = "n/a"}),
        }), OWNER)
        assert.same({name = "new", id = "20260301-000000F", time = 1772323200}, newest)
        assert.equal(8, count)
    end)

    it("is nil when there is none", function()
        assert.same({nil, 0}, {backup.newest(client({}), OWNER)})
    end)
end)
