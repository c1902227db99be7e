-- What lies below a prefix of a store, as a store: paths lose the prefix on their way out and get
-- it on their way in, in every call.
local view = require("salvor.store.view")

describe("a view of a store", function()
    local asked, base, below

    before_each(function()
        asked = {}
        local function note(name, result)
            return function(_, ...)
                asked = {name, ...}
                return result
            end
        end
        base = {
            kind = "s3", url = "s3://bucket", server = "https://host",
            features = {any_key = true, refuses = function(path)
                return path == "a/b/bad" and "it is bad" or nil
            end},
            list = note("list", {items = {{path = "a/b/x"}, {path = "a/b/c/y"}},
                                 folders = {"a/b/c/"}, next = "token"}),
            stat = note("stat", {path = "a/b/x", size = 1}),
            read = note("read", {path = "a/b/x", size = 2}),
            write = note("write", {path = "a/b/x", size = 3}),
            begin = note("begin", "an upload"),
            remove = note("remove", {n = 1, failed = {{path = "a/b/x", err = "why"}}}),
            verifier = note("verifier", "a sum"),
            close = note("close"),
        }
        below = view.new(base, "a/b/")
    end)

    it("is of the same kind and server, below", function()
        assert.are.equal("s3", below.kind)
        assert.are.equal("https://host", below.server)
        assert.are.equal("s3://bucket/a/b", below.url)
        assert.are.equal("s3://bucket", view.new(base, "").url)
        assert.is_true(below.features.any_key)
        assert.are.equal("it is bad", below.features.refuses("bad"))
        assert.is_nil(below.features.refuses("a/b/bad"))
    end)

    it("lists", function()
        local page = below:list("c/", {after = "t"})
        assert.are.same({"list", "a/b/c/", {after = "t"}}, asked)
        assert.are.same({items = {{path = "x"}, {path = "c/y"}}, folders = {"c/"},
                         next = "token"}, page)
    end)

    it("tells of objects, reads and writes them", function()
        assert.are.same({path = "x", size = 1}, below:stat("x"))
        assert.are.same({"stat", "a/b/x"}, asked)
        assert.are.same({path = "x", size = 2},
            below:read("x", "block", {offset = 5, if_match = {path = "x", etag = "e"}}))
        assert.are.same({"read", "a/b/x", "block",
                         {offset = 5, if_match = {path = "a/b/x", etag = "e"}}}, asked)
        assert.are.same({path = "x", size = 3}, below:write("x", "block", {mode = 1}))
        assert.are.same({"write", "a/b/x", "block", {mode = 1}}, asked)
        assert.are.equal("an upload", below:begin("x", 9, {part_size = 1}))
        assert.are.same({"begin", "a/b/x", 9, {part_size = 1}}, asked)
        assert.are.equal("a sum", below:verifier({path = "x"}))
        assert.are.same({"verifier", {path = "a/b/x"}}, asked)
    end)

    it("removes, and hands errors on as they are", function()
        assert.are.same({n = 1, failed = {{path = "x", err = "why"}}}, below:remove({"x", "y"}))
        assert.are.same({"remove", {"a/b/x", "a/b/y"}}, asked)
        for _, verb in ipairs({"list", "stat", "read", "write", "begin", "remove"}) do
            base[verb] = function()
                return nil, "error of " .. verb
            end
        end
        assert.are.same({nil, "error of list"}, {below:list("", {})})
        assert.are.same({nil, "error of stat"}, {below:stat("x")})
        assert.are.same({nil, "error of read"}, {below:read("x", "block", {})})
        assert.are.same({nil, "error of write"}, {below:write("x", "block", {})})
        assert.are.same({nil, "error of begin"}, {below:begin("x", 1, {})})
        assert.are.same({nil, "error of remove"}, {below:remove({"x"})})
        below:close()
        assert.are.same({"close"}, asked)
    end)
end)
