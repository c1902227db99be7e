local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("salvor")
local yaml = require("salvor.yaml")

describe("yaml.load", function()
    it("makes Lua values of one document", function()
        assert.are.same({a = {1, {b = true}}, c = salvor.null, ["1"] = "x"},
            yaml.load("a: [1, {b: yes}]\nc: ~\n1: x\n"))
        assert.is_true(salvor.is_list(yaml.load("[]")))
        assert.are.equal("integer", math.type(yaml.load("1e3")))
    end)

    it("takes a text without a document for null", function()
        assert.are.equal(salvor.null, yaml.load(""))
        assert.are.equal(salvor.null, yaml.load("# nothing\n"))
    end)

    it("points to load_all when there is a second document", function()
        local value, err = yaml.load("a: 1\n---\nb: 2\n")
        assert.is_nil(value)
        assert.are.equal("Invalid", err.code)
        assert.truthy(err.hint:find("load_all", 1, true))
    end)

    it("returns an error with its place", function()
        local _, err = yaml.load("a: 1\na: 2\n")
        assert.are.equal('the key "a" comes twice at line 2, column 1', err.message)
        assert.are.equal("yaml.load", err.op)
    end)
end)

describe("yaml.load_all and yaml.dump_all", function()
    it("read and write one document after the other", function()
        local documents = assert(yaml.load_all("a: 1\n---\n---\n- x\n"))
        assert.are.same({{a = 1}, salvor.null, {"x"}}, documents)
        assert.are.equal("a: 1\n---\nnull\n---\n- x\n", yaml.dump_all(documents))
        assert.are.same({}, yaml.load_all(""))
        assert.are.equal("", yaml.dump_all({}))
    end)

    it("name the document's own path in an error", function()
        local text, err = yaml.dump_all({{a = 1}, {b = {print}}})
        assert.is_nil(text)
        assert.are.equal("a value of type function at .b[1]", err.message)
    end)

    it("raise for what is no list", function()
        assert.has_error(function() yaml.dump_all({a = 1}) end)
    end)

    it("take many documents", function()
        local documents = {}
        for i = 1, 30000 do
            documents[i] = {name = "n" .. i}
        end
        assert.are.same(documents, yaml.load_all(assert(yaml.dump_all(documents))))
    end)
end)

describe("yaml.edit", function()
    local TEXT = "# site\nspec:\n  host: old   # of the backup\n"

    it("changes a text in place", function()
        local document = assert(yaml.edit(TEXT))
        assert.are.equal("old", document:get("spec.host"))
        assert.are.equal(document, document:set({"spec", "host"}, "new"))
        assert.are.equal("# site\nspec:\n  host: new   # of the backup\n", tostring(document))
        assert(assert(document:set("spec.ports", {22, 2222})):remove("spec.host"))
        assert.are.equal("# site\nspec:\n  ports:\n  - 22\n  - 2222\n", tostring(document))
    end)

    it("leaves the text alone when it cannot", function()
        local document = assert(yaml.edit(TEXT))
        local result, err = document:set("spec.host.name", 1)
        assert.is_nil(result)
        assert.are.equal("Conflict", err.code)
        assert.are.equal(TEXT, tostring(document))
        assert.are.equal("NotFound", select(2, document:get("spec.port")).code)
        assert.are.equal("Invalid", select(2, document:set("spec", print)).code)
    end)

    it("raises for a path or an option that is none", function()
        local document = assert(yaml.edit(TEXT))
        assert.has_error(function() document:get("spec..host") end)
        assert.has_error(function() document:get({"spec", 0}) end)
        assert.has_error(function() yaml.edit(TEXT, {documents = 1}) end)
    end)

    it("refuses to make what is nested too deeply", function()
        local document = assert(yaml.edit("a: 1\n"))
        local _, err = document:set(("b."):rep(300000) .. "c", 1)
        assert.are.equal("yaml.set: nested more than 512 deep (Invalid)", tostring(err))
        assert.are.equal("a: 1\n", tostring(document))
        assert.are.equal("NotFound", select(2, document:get(("b."):rep(300000) .. "c")).code)
    end)

    it("gives a value that a finaliser changes meanwhile", function()
        local lines = {}
        for i = 1, 5000 do
            lines[i] = ("k%d: v%d\n"):format(i, i)
        end
        local document = assert(yaml.edit(table.concat(lines)))
        local changes, active = 0, true
        local function arm()
            setmetatable({}, {__gc = function()
                if active then
                    changes = changes + 1
                    assert(document:set("k1", changes))
                    arm()
                end
            end})
        end
        finally(function() active = false end)
        arm()
        while changes < 3 do
            assert.are.equal("v5000", document:get(".").k5000)
        end
    end)

    it("finds its place among characters of several bytes", function()
        local lines = {}
        for i = 1, 300 do
            lines[i] = ("k%d:\n    \u{e4}: \u{20ac}\n    l: [\u{1f600}, b]\n"):format(i)
        end
        local text = table.concat(lines)
        for _, i in ipairs({1, 150, 300}) do
            local document = assert(yaml.edit(text))
            assert(document:set(("k%d.l[2]"):format(i), "c"))
            assert(document:set(("k%d.m"):format(i), {x = {1}}))
            local wanted = lines[i]:gsub("b]", "c]") .. "    m:\n        x:\n        - 1\n"
            assert.are.equal(table.concat(lines, "", 1, i - 1) .. wanted
                .. table.concat(lines, "", i + 1), tostring(document))
        end
    end)

    it("tells where an entry begins", function()
        local document = assert(yaml.edit("\239\187\191# site\nspec: {host: old,\n  'port': 22}\n"
            .. "list:\n- a\n- {b: &x {c: 1}}\nother: *x\nmerged: {<<: *x}\n"))
        local CASES = {
            ["spec"] = {2, 1}, ["spec.host"] = {2, 8}, ["spec.port"] = {3, 3}, ["list[2]"] = {6, 3},
            ["list[2].b"] = {6, 4}, ["other"] = {7, 1}, ["other.c"] = {6, 11},
            -- What is not there, or comes from elsewhere: the last place on the way.
            ["merged.c"] = {8, 1}, ["spec.none.deep"] = {2, 1}, ["list[9]"] = {4, 1},
            ["."] = {2, 1},
        }
        for path, expected in pairs(CASES) do
            assert.are.same(expected, {document:position(path)}, path)
        end
        assert.are.same({1, 1}, {assert(yaml.edit("")):position("a.b")})
        assert.are.same({3, 1}, {assert(yaml.edit("a: 1\n---\na: 2\n", {document = 2}))
            :position("a")})
        assert.has_error(function() document:position("spec..host") end)
    end)

    it("takes the document that is named", function()
        local document = assert(yaml.edit("a: 1\n---\na: 2\n", {document = 2}))
        assert.are.equal(2, document:get("a"))
        assert.are.equal("Invalid", select(2, yaml.edit("a: 1\n---\na: 2\n")).code)
    end)
end)

-- Values go through our writer and kubectl's reader, texts through both readers.
describe("kubectl", function()
    local HEAD = "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: thing\n"

    local function kubectl(text)
        local result = assert(proc.run(
            {"kubectl", "label", "--local", "-f", "-", "-o", "json", "x=y"}, {stdin = text}))
        assert(result.code == 0, result.stderr)
        return assert(json.decode(result.stdout))
    end

    local function both(name, fn)
        if proc.which("kubectl") then
            it(name, fn)
        else
            pending(name .. ": kubectl is not on PATH")
        end
    end

    both("reads every string back that yaml.dump wrote", function()
        local strings = {
            "yes", "No", "0123", "1e3", "null", "~", "", " lead", "trail ", "a: b", "a #b", "- x",
            "!x", "&a", "*a", "%x", "@x", "`x", "0x1F", "1_000", "2001-12-14", "12:30:45", ".inf",
            "=", "<<", "a\n", "a\n\n", "\na", "  a\nb", "a\n  b\n", "\ta\nb", "a\n \nb", "a\r\nb",
            "a\u{85}b", "a\u{2028}b", "\u{feff}", "\u{1f600}", "\1\x1b\x7f", "---\na", "...",
            "a\n---\nb", "# x", "'", '"', "\\", "{}", "[]", "|", ">", "x:", ("long "):rep(500),
            ("k"):rep(1500), "10.0.0.1", "1:20", "0b11", "0o17", "+1", ".5", "y", "on", "True",
            "a\tb",
        }
        local spec = {list = strings, map = {}}
        for i, text in ipairs(strings) do
            spec.map[text] = {i, text}
        end
        local text = HEAD .. assert(yaml.dump({spec = spec}))
        assert.are.same(spec, kubectl(text).spec)
        assert.are.same(spec, yaml.load(text).spec)
    end)

    both("makes the same of a text as yaml.load", function()
        local text = HEAD .. [[
spec:
  words: [yes, on, y, TRUE, off, n, False, nO, yEs, ~, Null, nULL, '']
  numbers: [0777, 0o777, 08, 0x1F, 0b11, 0o8, 1_000, _1, 1e3, 1.0]
  more: [1.5, .5, 5., +12, -0b1, 1e400, 1e18]
  large: [9223372036854775807, -9223372036854775808, 0.1, 1e-7]
  strings: [2001-12-14, 12:30:45, "yes", '0x1F', a b, http://x/, !!str 1, !foo 2]
  tags: [!!int "5", !!float 1, !!bool yes, !!null ~, !!binary aGVsbG8=]
  keys: {yes: 1, 0x10: 2, 1.5: 3, 1e10: 4, "on": 5, 2001-12-14: 6}
  base: &base {a: 1, b: [2]}
  alias: *base
  merge:
    <<: *base
    a: 3
  late merge:
    a: 3
    <<: *base
  merges:
    <<: [{x: 1}, {x: 2, z: 2}]
  literal: |
    one
      two

  folded: >-
    three
    four

    five
  plain: six
    seven
  ? complex
  : value
]]
        assert.are.same(kubectl(text).spec, yaml.load(text).spec)
    end)

    both("ends the last line, as yaml.load does", function()
        for _, text in ipairs({"spec: |\n  x", "spec: >+\n  x\n\n  ", "spec: |-\n  x"}) do
            assert.are.equal(kubectl(HEAD .. text).spec, yaml.load(text).spec)
        end
    end)
end)
