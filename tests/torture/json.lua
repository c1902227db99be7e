local json = require("salvor.json")
local salvor = require("salvor")

local text = [[{"list": [1, 2.5, true, null, "\u00e4", {}], "object": {"a": {"b": ["c"]}}}]]
local value = must(json.decode(text))
assert(value.list[3] == true and value.list[4] == salvor.null and value.object.a.b[1] == "c")
local again = must(json.encode(value))
assert(again == '{"list":[1,2.5,true,null,"ä",{}],"object":{"a":{"b":["c"]}}}')
assert(must(json.encode(value, {indent = 2})):find('"b": [', 1, true))

assert(must(json.decode('{"a\\tb": [1.5e3, "c\\td"]}'))["a\tb"][2] == "c\td")

-- Many keys: what sorts them grows.
local wide = {}
for number = 1, 40 do
    wide["key" .. number] = {number}
end
assert(must(json.decode(must(json.encode(wide)))).key40[1] == 40)

local nothing, err = json.decode("[1, 2")
assert(not nothing and (err.code == "Invalid" or err.code == "Internal"))
must(err.code == "Invalid", err)
