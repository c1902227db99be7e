-- The field diff of a plan: what changes, without what the server keeps for itself and without the
-- values of secrets.
local diff = require("salvor.procedure.diff")
local null = require("salvor").null
local list = require("salvor").list

--- One line a change: "~ path: before -> after"
local function lines(before, after)
    local text = {}
    for index, change in ipairs(diff.fields(before, after)) do
        text[index] = string.format("%s %s: %s -> %s", change.op, change.path, change.before,
            change.after)
    end
    return text
end

describe("diff.fields", function()
    it("tells what is new, changed and gone, sorted by path", function()
        assert.same({
            "- spec.gone: x -> nil",
            "+ spec.new: nil -> true",
            "~ spec.size: 1 -> 2",
        }, lines({spec = {gone = "x", same = 0, size = 1}},
            {spec = {new = true, same = 0, size = 2}}))
    end)

    it("counts lists from 0 and writes strange keys in quotes", function()
        assert.same({
            "+ metadata.labels[\"a.b/c\"]: nil -> d",
            "~ spec.hosts[1].name: b -> c",
        }, lines({spec = {hosts = {{name = "a"}, {name = "b"}}}},
            {metadata = {labels = {["a.b/c"] = "d"}},
             spec = {hosts = {{name = "a"}, {name = "c"}}}}))
    end)

    it("takes nothing for an object that is not there", function()
        assert.same({"+ a: nil -> 1"}, lines(nil, {a = 1}))
        assert.same({"- a: 1 -> nil"}, lines({a = 1}, nil))
        assert.same({}, lines(nil, nil))
    end)

    it("shows null and what is empty", function()
        assert.same({"+ a: nil -> {}", "+ b: nil -> []", "~ c: 1 -> null"},
            lines({c = 1}, {a = {}, b = list(), c = null}))
        assert.same({}, lines({a = {}}, {a = {}}))
        assert.same({}, lines({a = {}}, {a = list()}))
    end)

    it("tells what becomes empty, or is so no more, by its fields alone", function()
        assert.same({"+ a.b: nil -> 1"}, lines({a = {}}, {a = {b = 1}}))
        assert.same({"- a[0]: 1 -> nil"}, lines({a = {1}}, {a = list()}))
        assert.same({"~ a: 1 -> {}"}, lines({a = 1}, {a = {}}))
    end)

    it("leaves out what changes with every write", function()
        assert.same({}, lines({metadata = {resourceVersion = "1", generation = 1}},
            {metadata = {resourceVersion = "2", generation = 2, uid = "u", selfLink = "/",
                         managedFields = {{a = 1}}, creationTimestamp = "2026"}}))
    end)

    it("shows the size of a secret's values, and never them", function()
        local function secret(value)
            return {kind = "Secret", type = "Opaque", data = {key = value},
                    stringData = {plain = value}, metadata = {annotations = {
                        ["kubectl.kubernetes.io/last-applied-configuration"] = value}}}
        end
        for _, change in ipairs(diff.fields(secret("b2xkIG9sZA=="), secret("bmV3IG5ldyBuZXc="))) do
            assert.equal("(12 bytes)", change.before)
            assert.equal("(16 bytes)", change.after)
        end
        assert.equal(3, #diff.fields(secret("b2xkIG9sZA=="), secret("bmV3IG5ldyBuZXc=")))
        for _, change in ipairs(diff.fields(nil, secret("b2xkIG9sZA=="))) do
            assert.is_nil(tostring(change.after):find("b2xk", 1, true))
        end
        for _, change in ipairs(diff.fields(secret("b2xkIG9sZA=="), nil)) do
            assert.is_nil(tostring(change.before):find("b2xk", 1, true))
        end
    end)
end)
