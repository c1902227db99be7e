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
    {"integer", "", nil, "a whole number"},
    {"integer", "0x10", nil, "a whole number"},
    {"integer", "1e3", nil, "a whole number"},
    {"integer", " 1", nil, "a whole number"},
    {"integer", "9223372036854775807", math.maxinteger},
    {"integer", "9223372036854775808", nil, "a whole number"},
    {"boolean", "true", true},
    {"boolean", "no", false},
    {"boolean", "TRUE", nil, "true or false"},
    {"boolean", "1", nil, "true or false"},
    {"boolean", "", nil, "true or false"},
    {"duration", "90s", 90},
    {"duration", "1h30m", 5400},
    {"duration", "7d", 604800},
    {"duration", "0s", 0},
    {"duration", "90", nil, "a duration such as 90s"},
    {"duration", "", nil, "a duration"},
    {"duration", "-1h", nil, "a duration"},
    {"duration", "1h 30m", nil, "a duration"},
    {"duration", "1.5h", nil, "a duration"},
    {"duration", "1w", nil, "a duration"},
    {"duration", "99999999999999999999d", nil, "a duration"},
    {"size", "512", 512},
    {"size", "2K", 2048},
    {"size", "1GiB", 1073741824},
    {"size", "2T", 2199023255552},
    {"size", "2199023255552", 2199023255552},
    {"size", "9223372036854775807", math.maxinteger},
    {"size", "9223372036854775808", nil, "a size"},
    {"size", "1.5G", nil, "a size such as 500M"},
    {"size", "-1", nil, "a size"},
    {"size", "", nil, "a size"},
    {"size", "1E", nil, "a size"},
    {"size", "99999999999999999999T", nil, "a size"},
    {"url", "sftp://user@host/path", "sftp://user@host/path"},
    {"url", "s3://bucket/prefix?region=eu-de", "s3://bucket/prefix?region=eu-de"},
    {"url", "az://container/prefix", "az://container/prefix"},
    {"url", "file:///srv/kit", "file:///srv/kit"},
    {"url", "/srv/kit", "/srv/kit"},
    {"url", "kit", fs.absolute("kit")},
    {"url", "~/kit", fs.join(os.getenv("HOME"), "kit")},
    {"url", "@vault", "@vault"},
    {"url", "@vault/below/it", "@vault/below/it"},
    {"url", "", nil, "a URL"},
    {"url", "s3:/bucket", nil, "a URL"},
    {"url", "s3:bucket/kit", nil, "a URL"},
    {"url", "me@host:/srv/kit", nil, "a URL"},
    {"url", "s3://", nil, "a URL"},
    {"url", "@", nil, "a URL"},
    {"url", "@/below", nil, "a URL"},
    {"url", "@va ult", nil, "a URL"},
    {"path", "/srv/kit", "/srv/kit"},
    {"path", "kit", fs.absolute("kit")},
    {"path", "~/kit", fs.join(os.getenv("HOME"), "kit")},
    {"path", "~other/kit", fs.absolute("~other/kit")},
    {"path", "", nil, "a path"},
    {"program", "apicup", "apicup"},
    {"program", "bin/apicup", fs.absolute("bin/apicup")},
    {"program", "~/apicup", fs.join(os.getenv("HOME"), "apicup")},
    {"program", "", nil, "the name of a program"},
    {"name", "management-1.a", "management-1.a"},
    {"name", "Management", nil, "a Kubernetes name"},
    {"name", "a-", nil, "a Kubernetes name"},
    {"name", string.rep("a", 254), nil, "a Kubernetes name"},
    {"name", string.rep("a", 253), string.rep("a", 253)},
    {"name", "", nil, "a Kubernetes name"},
    {"name", "a/b", nil, "a Kubernetes name"},
    {"name", "a_b", nil, "a Kubernetes name"},
    {"enum", "b", "b"},
    {"enum", "c", nil, "one of a, b"},
    {"enum", "A", nil, "one of a, b"},
    {"enum", "", nil, "one of a, b"},
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
        values = must(params.resolve({{name = "p", type = "list", help = ""}}, {p = ""}))
        assert.same({}, values.p)
        values = must(params.resolve({{name = "p", type = "list", help = ""}},
            {p = [[a\,b,,c\d,\\,]]}))
        assert.same({"a,b", "c\\d", "\\"}, values.p)
    end)

    it("list may be one already, every other type is one value", function()
        for name in pairs(params.types) do
            local values, err = params.resolve({{name = "p", type = name, help = "",
                                                 values = name == "enum" and {"a"} or nil}},
                {p = {"a,b", "c"}})
            if name == "list" then
                assert.same({"a,b", "c"}, values.p)
            else
                assert.is_nil(values)
                assert.equal("give one value", err.hint)
            end
        end
    end)

    it("url holds no password, and the error does not either", function()
        for _, text in ipairs({"sftp://user:geheim@host/path", "s3://b?secret_key=geheim"}) do
            local values, err = params.resolve({{name = "p", type = "url", help = ""}}, {p = text})
            assert.is_nil(values)
            assert.is_nil((err.message .. err.hint):find("geheim", 1, true))
            assert.matches("without a password", err.hint)
        end
    end)

    it("secret that is empty is refused, and not shown", function()
        local declared = {{name = "p", type = "secret", help = ""}}
        local values, err = params.resolve(declared, {p = ""})
        assert.is_nil(values)
        assert.equal("parameter 'p': is not valid", err.message)
        assert.equal("give a value that is not empty", err.hint)
    end)

    it("that is known has its cases here", function()
        local seen = {list = true, secret = true}
        for _, case in ipairs(CASES) do
            seen[case[1]] = true
        end
        for name in pairs(params.types) do
            assert.is_true(seen[name], name)
        end
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
        assert.equal("did you mean 'age'? this procedure has: needed, age, flag, free", err.hint)
    end)

    it("names who gave a wrong value, and misses nothing that comes later", function()
        local _, err = params.resolve(DECLARED, {needed = "x", age = "soon"},
            {sources = {age = "site s.yaml:3"}})
        assert.equal("parameter 'age': 'soon' is not valid (site s.yaml:3)", err.message)
        assert.is_nil(must(params.resolve(DECLARED, {}, {later = {needed = true}})).needed)
    end)

    it("names a missing parameter and what it is for", function()
        local _, err = params.resolve(DECLARED, {})
        assert.equal("parameter 'needed' is missing: what for", err.message)
        assert.equal("add -p needed=…", err.hint)
    end)

    it("names all that are missing at once", function()
        local _, err = params.resolve({
            {name = "one", type = "string", required = true, help = "the first"},
            {name = "two", type = "string", required = true, help = "the second"},
        }, {})
        assert.equal("parameters are missing: 'one' (the first), 'two' (the second)", err.message)
        assert.equal("add -p one=… -p two=…", err.hint)
    end)
end)

describe("params.split", function()
    it("splits at the first =", function()
        assert.same({a = "b=c", d = ""}, must(params.split({"a=b=c", "d="})))
        assert.same({}, must(params.split(nil)))
    end)

    it("refuses one of two values", function()
        local given, err = params.split({"a=b", "a=c"})
        assert.is_nil(given)
        assert.equal("parameter 'a' is given twice", err.message)
    end)

    it("refuses what is no assignment", function()
        for _, text in ipairs({"a", "=b", "a b=c", ""}) do
            local given, err = params.split({text})
            assert.is_nil(given)
            assert.equal("Usage", err.code)
        end
    end)
end)
