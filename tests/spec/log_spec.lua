-- salvor.log: what is written, where, and what never is.
local json = require("salvor.json")
local log = require("salvor.log")
local salvor = require("support.salvor")

local function run(code, env)
    local result = salvor.run({"-e", "local log = require('salvor.log') " .. code},
        {home = "/tmp", env = env})
    salvor.expect_code(0, result)
    assert.are.equal("", result.stdout)
    return result.stderr
end

describe("salvor.log", function()
    it("writes lines with the time in UTC and the fields in order", function()
        local line = run([[log.warning("disk is full", {path = "/var/x", left = 0, b = true,
            why = 'a "quoted" text', none = ""})]])
        local time, rest = line:match("^(%d+%-%d+%-%d+T%d+:%d+:%d+Z) (.*)\n$")
        assert.is_truthy(time)
        assert.are.equal([[warning disk is full b=true left=0 none="" path=/var/x ]] ..
            [[why="a \"quoted\" text"]], rest)
    end)

    it("writes warnings and errors unless told otherwise", function()
        local all = "log.debug('d') log.info('i') log.warning('w') log.error('e')"
        local function words(text)
            return (text:gsub("[^\n]* (%a)\n", "%1"))
        end
        assert.are.equal("we", words(run(all)))
        assert.are.equal("diwe", words(run("log.set_level('debug') " .. all)))
        assert.are.equal("e", words(run(all, {SALVOR_LOG_LEVEL = "error"})))
        assert.are.equal("diwe", words(run("log.set_level('debug') " .. all,
            {SALVOR_LOG_LEVEL = "error"})))
        salvor.expect(run(all, {SALVOR_LOG_LEVEL = "loud"}), "ignored: unknown value", "loud")
    end)

    it("writes JSON that reads back", function()
        local odd = "a\nb\t\"\\ \\x41 \27[31m \xff \u{202e} ä"
        local line = run("log.error(" .. string.format("%q", odd) ..
            ", {n = 5, f = 0.5, t = true, time = 'mine', nan = 0/0, list = {}})",
            {SALVOR_LOG_FORMAT = "json"})
        local record = must(json.decode(line))
        assert.are.equal("a\nb\t\"\\ \\x41 \\x1b[31m \\xff \\u{202e} ä", record.message)
        assert.are.equal("error", record.level)
        assert.are.equal(5, record.n)
        assert.are.equal(0.5, record.f)
        assert.are.equal("mine", record.field_time)
        assert.is_truthy(record.time:match("^%d+%-%d+%-%d+T"))
        assert.are.equal(1, select(2, line:gsub("\n", "")))
    end)

    it("shows what could harm a terminal", function()
        local line = run([[log.warning("a\27[2J\r\nb\7", {["k\27"] = "\xff\u{9b}31m"})]])
        assert.is_nil(line:sub(1, -2):find("%c"))
        salvor.expect(line, [[a\x1b[2J\r\nb\x07]], [[k\x1b=\xff\u{9b}31m]])
    end)

    it("masks secrets in every place", function()
        for _, format in ipairs({"text", "json"}) do
            local line = run([[require("salvor.secret").add('hunter"2\n!')
                log.error('m hunter"2\n!', {['k hunter"2\n!'] = 'v hunter"2\n!',
                    t = setmetatable({}, {__tostring = function() return 'hunter"2\n!' end}),
                    b64 = "aHVudGVyIjIKIQ=="})]], {SALVOR_LOG_FORMAT = format})
            assert.is_nil(line:find("hunter", 1, true))
            assert.is_nil(line:find("aHVud", 1, true))
        end
    end)

    it("takes values that cannot say what they are", function()
        local line = run([[
            local odd = setmetatable({}, {__tostring = function() error("no") end})
            log.error(odd, {a = odd, [odd] = setmetatable({}, {__tostring = function() end})})]])
        salvor.expect(line, " table ", "a=table", "table=table")
    end)

    it("stops at misuse", function()
        assert.has_error(function() log.set_level("loud") end, "unknown log level 'loud'")
        assert.has_error(function() log.set_format(nil) end, "unknown log format 'nil'")
        assert.has_error(function() log.error("x", "y") end)
        assert.has_error(function() log.debug("below the level", "y") end)
        assert.is_true(log.enabled("error"))
    end)
end)
