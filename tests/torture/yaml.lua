local yaml = require("salvor.yaml")

local text = [[
defaults: &defaults
  size: 1
  name: "a\tb"
one:
  <<: *defaults
  list: [1, 0x10, 2.5, ~, yes, {flow: mapping}]
  text: |
    two
    lines
1: a key that is a number
again: *defaults
]]
local value = must(yaml.load(text))
assert(value.one.size == 1 and value.one.list[6].flow == "mapping" and value.again.name == "a\tb")
local again = must(yaml.load(must(yaml.dump(value))))
assert(again.one.text == "two\nlines\n" and again["1"])
assert(#must(yaml.load_all("a: 1\n---\nb: 2\n")) == 2)
assert(must(yaml.dump_all({{a = 1}, {b = "2"}})) == "a: 1\n---\nb: \"2\"\n")

local nothing, err = yaml.load("a: [1")
assert(not nothing)
must(err.code == "Invalid", err)
