local yaml = require("salvor.yaml")

local text = "# a comment\nspec:\n  size: 1 # one\n  list:\n  - a\n  - {b: 1}\nlast: x\n"
local document = must(yaml.edit(text))
local before = tostring(document)

--- A change is made as a whole or not at all.
local function change(method, ...)
    local done, err = document[method](document, ...)
    if not done then
        assert(tostring(document) == before)
        error(err)
    end
    before = tostring(document)
end

assert(must(document:get("spec.size")) == 1)
change("set", "spec.size", 2)
change("set", "spec.list[2].b", {deep = {"er"}})
change("set", {"spec", "list", 3}, "c")
change("set", "new.mapping", {a = 1, b = {2}})
change("remove", "last")
assert(before == "# a comment\nspec:\n  size: 2 # one\n  list:\n  - a\n" ..
    "  - {b: {deep: [er]}}\n  - c\nnew:\n  mapping:\n    a: 1\n    b:\n    - 2\n", before)
local nothing, err = document:get("not.there")
assert(not nothing)
must(err.code == "NotFound", err)
local line, problem = document:position("spec.size")
assert(must(line, problem) == 3)
