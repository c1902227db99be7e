-- What stands in dim letters behind the text that is written: at the end of each of these.
local fit = require("salvor.fit")
local hint = require("salvor.prompt.hint")

describe("the hint", function()
    for text, expected in pairs({
        ["c:get"] = "(kind, name, opts?)",
        ["c:get("] = "kind, name, opts?)",
        ["c:get(k"] = ", name, opts?)",
        ["c:get('"] = "', name, opts?)",
        ["c:get(\"po"] = "\", name, opts?)",
        ["c:get('po'"] = ", name, opts?)",
        ["c:get('po', "] = "name, opts?)",
        ["c:get('po', 'x', "] = "opts?)",
        ["c:get('po', 'x'"] = ", opts?)",
        ["c:get('po', 'x', opts"] = ")",
        ["c:get('po', 'x', 1, "] = false,
        ["c:get('po', 'x')"] = false,
        ["c:get('po', f("] = false,
        ["x = must(c:get("] = "kind, name, opts?)",
        ["c:list('po', {"] = false,
        ["c:list('po', {limit = "] = "integer",
        ["c:list('po', {limit = 1"] = false,
        ["c:list('po', {limit = 1, namespace ="] = "string",
        ["k8s.connect{context = "] = "string",
        ["fs.read"] = "(path, options?)",
        ["task.spawn(f, "] = "...)",
        ["task.spawn(f, 1, 2, "] = ")",
        ["c:kinds("] = ")",
        ["c:ge"] = false,
        ["no.such("] = false,
        ["-- c:get("] = false,
        ["'c:get("] = false,
        [""] = false,
        [":use "] = "[CONTEXT]",
        [":use"] = false,
        [":use x"] = false,
        [":nonsense "] = false,
        [":time "] = "EXPRESSION",
        [":time c:get("] = "kind, name, opts?)",
        [":tim c:get('po', "] = "name, opts?)",
        [("x = 1 "):rep(4000) .. "c:get("] = false,
    }) do
        it("of " .. text:sub(1, 60), function()
            assert.are.equal(expected, hint.of(text) or false)
        end)
    end

    it("loads nothing", function()
        package.loaded["salvor.archive"] = nil
        assert.are.equal("string", type(hint.of("archive.check(")))
        assert.is_nil(package.loaded["salvor.archive"])
    end)

    it("is cut where the row ends", function()
        local text = hint.of("c:get(")
        assert.are.equal("kind, name, opts?)", fit(text, 18))
        assert.are.equal("kind, nam…", fit(text, 10))
        assert.are.equal("", fit(text, 0))
    end)
end)
