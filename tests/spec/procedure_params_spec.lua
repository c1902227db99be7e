-- Parameters: what each type takes, and what is said about anything else.
local fs = require("salvor.fs")
local params = require("salvor.procedure.params")

--- type, text, value (nil: not valid), and for a value that is not valid what would be right.
local CASES = {
    {"string", "", ""},
    {"string", "a=b", "a=b"},
    {"integer", "42", 42},
    {"integer", "-1", -1},
    {"integer", "1.5", nil, "a whole number"},
    {"integer", "many", nil, "a whole number"},
    {"boolean", "true", true},
    {"boolean", "no", false},
    {"boolean", "TRUE", nil, "true or false"},
    {"duration", "90s", 90},
    {"duration", "1h30m", 5400},
    {"duration", "7d", 604800},
    {"duration", "0s", 0},
    {"duration", "90", nil, "a duration such as 90s"},
    {"duration", "", nil, "a duration"},
    {"duration", "-1h", nil, "a duration"},
    {"duration", "1h 30m", nil, "a duration"},
    {"size", "512", 512},
    {"size", "2K", 2048},
    {"size", "1GiB", 1073741824},
    {"size", "1.5G", nil, "a size such as 500M"},
    {"url", "sftp://user@host/path", "sftp://user@host/path"},
    {"url", "host/path", fs.absolute("host/path")},
    {"url", "~/kit", fs.join(os.getenv("HOME"), "kit")},
    {"url", "sftp:/host/path", nil, "a URL"},
    {"url", "", nil, "a URL"},
    {"path", "/srv/kit", "/srv/kit"},
    {"path", "kit", fs.absolute("kit")},
    {"path", "~/kit", fs.join(os.getenv("HOME"), "kit")},
    {"path", "~other/kit", fs.absolute("~other/kit")},
    {"path", "", nil, "a path"},
    {"name", "management-1.a", "management-1.a"},
    {"name", "Management", nil, "a Kubernetes name"},
    {"name", "a-", nil, "a Kubernetes name"},
    {"name", string.rep("a", 254), nil, "a Kubernetes name"},
    {"enum", "b", "b"},
    {"enum", "c", nil, "one of a, b"},
}

describe("a parameter of type", function()
    for _, case in ipairs(CASES) do
        local kind, text, value, expected = table.unpack(case, 1, 4)
        local verb = value == nil and "refuses" or "takes"
        it(string.format("%s %s '%s'", kind, verb, text), function()
            local declaration = {name = "p", type = kind, help = "help",
                                 values = kind == "enum" and {"a", "b"} or nil}
            local values, err = params.resolve({declaration}, {p = text})
            if value ~= nil then
                assert.equal(value, must(values, err).p)
                return
            end
            assert.is_nil(values)
            assert.equal("Usage", err.code)
            assert.equal("parameter 'p': '" .. text .. "' is not valid", err.message)
            assert.equal(expected, err.hint:sub(#"give " + 1, #"give " + #expected))
        end)
    end

    it("list takes words between commas", function()
        local values = must(params.resolve({{name = "p", type = "list", help = ""}}, {p = "a,b"}))
        assert.same({"a", "b"}, values.p)
    end)

    it("secret is masked from then on wherever it is written", function()
        must(params.resolve({{name = "p", type = "secret", help = ""}}, {p = "open sesame 42"}))
        local masked = require("salvor.secret").mask("it is open sesame 42!")
        assert.is_nil(masked:find("sesame", 1, true))
    end)
end)

describe("params.resolve", function()
    local DECLARED = {
        {name = "needed", type = "string", help = "what for", required = true},
        {name = "age", type = "duration", help = "how old", default = "24h"},
        {name = "flag", type = "boolean", help = "whether", default = false},
        {name = "free", type = "string", help = "anything"},
    }

    it("puts in defaults, and leaves out what has none", function()
        assert.same({needed = "x", age = 86400, flag = false},
            must(params.resolve(DECLARED, {needed = "x"})))
    end)

    it("names an unknown parameter and those that there are", function()
        local _, err = params.resolve(DECLARED, {needed = "x", agee = "1h"})
        assert.equal("unknown parameter 'agee'", err.message)
        assert.equal("this procedure has: needed, age, flag, free", err.hint)
    end)

    it("names a missing parameter and what it is for", function()
        local _, err = params.resolve(DECLARED, {})
        assert.equal("parameter 'needed' is missing: what for", err.message)
        assert.equal("add -p needed=…", err.hint)
    end)
end)

describe("params.split", function()
    it("splits at the first =", function()
        assert.same({a = "b=c", d = ""}, must(params.split({"a=b=c", "d="})))
        assert.same({}, must(params.split(nil)))
    end)

    it("refuses what is no assignment", function()
        for _, text in ipairs({"a", "=b", "a b=c", ""}) do
            local given, err = params.split({text})
            assert.is_nil(given)
            assert.equal("Usage", err.code)
        end
    end)
end)
