local json = require("salvor.json")
local salvor = require("salvor")

describe("json.decode", function()
    it("gives null, lists and integers a form of their own", function()
        local value = assert(json.decode('{"n":null,"l":[],"o":{},"i":9007199254740993,"r":1.0}'))
        assert.are.equal(salvor.null, value.n)
        assert.is_true(salvor.is_list(value.l))
        assert.is_false(salvor.is_list(value.o))
        assert.are.equal(9007199254740993, value.i)
        assert.are.equal("float", math.type(value.r))
    end)

    it("keeps NUL and every other character", function()
        assert.are.equal("a\0\u{1f600}\u{7f}", json.decode('"a\\u0000\\ud83d\\ude00\\u007f"'))
    end)

    it("returns an error with its place", function()
        local value, err = json.decode("{\n  x}")
        assert.is_nil(value)
        assert.are.equal("Invalid", err.code)
        assert.are.equal("json.decode", err.op)
        assert.truthy(err.message:find("at line 2, column 3", 1, true))
    end)

    it("takes the later of two equal keys, however they are written", function()
        assert.are.same({ab = {2}, c = 3}, json.decode('{"ab":{"x":1},"c":3,"a\\u0062":[2]}'))
    end)

    it("goes 512 deep", function()
        for _, brackets in ipairs({{"[", "0", "]"}, {'{"a":', "0", "}"}}) do
            local function nested(depth)
                return brackets[1]:rep(depth) .. brackets[2] .. brackets[3]:rep(depth)
            end
            assert.are.equal(nested(512), json.encode(assert(json.decode(nested(512)))))
            local _, err = json.decode(nested(513))
            assert.truthy(err.message:find("nested more than 512 deep at line 1", 1, true))
        end
    end)

    it("gives a large text its value too", function()
        local items = {}
        for i = 1, 20000 do
            items[i] = {id = i, text = ("x"):rep(20)}
        end
        local again = assert(json.decode(assert(json.encode(items))))
        assert.are.equal(20000, #again)
        assert.are.same({id = 20000, text = ("x"):rep(20)}, again[20000])
    end)
end)

describe("json.encode", function()
    it("sorts keys and tells lists from objects", function()
        assert.are.equal('{"a":[1,2],"b":{},"c":[]}',
            json.encode({c = salvor.list({}), b = {}, a = {1, 2}}))
        assert.are.equal("[]", json.encode(json.decode("[]")))
    end)

    it("indents when asked", function()
        assert.are.equal('{\n  "a": [\n    null\n  ]\n}',
            json.encode({a = {salvor.null}}, {indent = 2}))
    end)

    local cycle = {}
    cycle.a = {{b = cycle}}
    local deep = {}
    for _ = 1, 600 do
        deep = {deep}
    end
    local refused = {
        {"a function", {a = {b = {1, print}}}, "a value of type function at .a.b[2]"},
        {"a cycle", cycle, "a table that contains itself at .a[1].b"},
        {"a mixed table", {x = {1, a = 1}},
         "a list with holes or with keys besides its indices at .x"},
        {"a list with a hole", {1, nil, 3}, "a list with holes or with keys besides its indices"},
        {"a key that is no string", {[true] = 1}, "a table with keys that are not strings"},
        {"a marked list with keys", salvor.list({a = 1}),
         "a list with holes or with keys besides its indices"},
        {"bytes", {["x.y"] = "\xff"}, 'a string that is not UTF-8 at ["x.y"]'},
        {"a key of bytes", {a = {["\xff"] = 1}}, "a key that is not UTF-8 at .a"},
        {"NaN", {0 / 0}, "a number that is not finite at [1]"},
        {"infinity", {-math.huge}, "a number that is not finite at [1]"},
        {"nil", nil, "a value of type nil"},
    }
    for _, case in ipairs(refused) do
        it("refuses " .. case[1] .. " and says where", function()
            local text, err = json.encode(case[2])
            assert.is_nil(text)
            assert.are.equal("Invalid", err.code)
            assert.are.equal(case[3], err.message)
        end)
    end

    it("refuses nesting without end", function()
        local _, err = json.encode(deep)
        assert.truthy(err.message:find("nested too deeply", 1, true))
    end)

    it("raises for an option it does not know", function()
        assert.has_error(function() json.encode({}, {indnet = 2}) end)
        assert.has_error(function() json.encode({}, {indent = 9}) end)
    end)

    it("holds on to what a finaliser takes out of a table meanwhile", function()
        collectgarbage("incremental", 10, 1000)
        local object, others, finalised, finalise = {}, {}, 0, nil
        for number = 1, 100 do
            object["a" .. number .. ("k"):rep(20000)] = {}
            object["z" .. number] = "value " .. number .. ("x"):rep(60)
        end
        collectgarbage()
        local function change()
            finalised = finalised + 1
            for number = 1, finalised > 10 and 100 or 0 do
                object["z" .. number] = nil
                others[#others + 1] = "other " .. number .. ("x"):rep(60)
            end
            finalise()
        end
        function finalise() setmetatable({}, {__gc = change}) end
        finalise()
        local text = json.encode(object)
        finalise = function() end
        collectgarbage("incremental", 200, 100)
        for _, value in pairs(assert(json.decode(text))) do
            assert.truthy(type(value) == "table" or value:find("^value %d+x*$"))
        end
    end)
end)

describe("json.write", function()
    local fs = require("salvor.fs")
    local path

    before_each(function()
        path = fs.join(must(fs.temporary_folder()), "out.json")
    end)

    after_each(function()
        must(fs.remove_tree(fs.dirname(path)))
    end)

    local function written(value, options)
        local file <close> = assert(io.open(path, "w"))
        assert(file:write("> "))
        assert.is_true(must(json.write(file, value, options)))
        assert(file:write(" <"))
        file:close()
        return must(fs.read(path))
    end

    it("writes what json.encode gives, behind what the file has", function()
        for _, value in ipairs({{a = {1, "ä", salvor.null}}, "text", 1.5, salvor.list({})}) do
            assert.are.equal("> " .. json.encode(value) .. " <", written(value))
            assert.are.equal("> " .. json.encode(value, {indent = 3}) .. " <",
                written(value, {indent = 3}))
        end
    end)

    it("writes a large value in pieces", function()
        local items = {}
        for number = 1, 3000 do
            items[number] = {number, ("x"):rep(number % 200), {key = number}}
        end
        items[#items + 1] = ("y"):rep(200000)
        assert.are.equal("> " .. json.encode(items) .. " <", written(items))
    end)

    it("says what the value or the file does not allow", function()
        local file <close> = assert(io.open(path, "w"))
        local done, err = json.write(file, {a = {print}})
        assert.is_nil(done)
        assert.are.equal("json.write", err.op)
        assert.are.equal("a value of type function at .a[1]", err.message)
        local full <close> = assert(io.open("/dev/full", "w"))
        full:setvbuf("no")
        done, err = json.write(full, {1})
        assert.is_nil(done)
        assert.truthy(err.message:find("No space left on device", 1, true))
    end)

    it("raises for what is no open file and for an option it does not know", function()
        local file = assert(io.open(path, "w"))
        assert.has_error(function() json.write(path, {}) end)
        assert.has_error(function() json.write(file) end)
        assert.has_error(function() json.write(file, {}, {indnet = 2}) end)
        file:close()
        assert.error_matches(function() json.write(file, {}) end, "the file is closed")
    end)
end)
