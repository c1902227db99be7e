-- Where in Lua the cursor stands, for completion: at the end of each text.
local place = require("salvor.prompt.complete.place")

local function find(text)
    local found = place.find(text)
    local call = found.call
    return {found.kind, table.concat(found.chain or {}), found.prefix,
            call and table.concat(call.chain) .. " " .. call.number
                .. (call.option and " " .. tostring(call.option) or "")
                .. (call.is_begun and " begun" or "") or nil}
end

describe("the place of the cursor", function()
    for text, expected in pairs({
        ["pri"] = {"name", "", "pri"},
        [""] = {"name", "", ""},
        ["x = fs.re"] = {"name", "fs.", "re"},
        ["c:"] = {"name", "c:", ""},
        ["a.b.c:d"] = {"name", "a.b.c:", "d"},
        ["a[1].b[\"c d\"].e"] = {"name", "a.1.b.c d.", "e"},
        ["a[b].c"] = {"none", ".", "c"},
        ["a[1]"] = {"name", "", ""},
        ["f().x"] = {"none", ".", "x"},
        ["c:get("] = {"name", "", "", "c:get 1"},
        ["c:get('"] = {"value", "", "", "c:get 1 begun"},
        ["c:get('po', \"na"] = {"value", "", "na", "c:get 2 begun"},
        ["c:get('po' "] = {"name", "", "", "c:get 1 begun"},
        ["c:get('po', "] = {"name", "", "", "c:get 2"},
        ["c:get(kinds."] = {"name", "kinds.", "", "c:get 1 begun"},
        ["c:list('po', {"] = {"name", "", "", "c:list 2 true"},
        ["c:list('po', {na"] = {"name", "", "na", "c:list 2 true begun"},
        ["c:list('po', {limit = "] = {"name", "", "", "c:list 2 limit"},
        ["c:list('po', {limit = 1"] = {"none", "", "", "c:list 2 limit begun"},
        ["c:list('po', {limit = 1, na"] = {"name", "", "na", "c:list 2 true begun"},
        ["c:list('po', {namespace = 'k"] = {"value", "", "k", "c:list 2 namespace begun"},
        ["c:list('po', {labels = {"] = {"name", "", ""},
        ["c:list('po', f(1, 2), "] = {"name", "", "", "c:list 3"},
        ["c:list('po', f{1, 2}, g(function(a, b) return a, b end), "] =
            {"name", "", "", "c:list 4"},
        ["c:each('po', function() if x then return a, "] = {"name", "", ""},
        ["c:watch(function() "] = {"name", "", ""},
        ["while a.b do "] = {"name", "", ""},
        ["repeat f(1) until c:get("] = {"name", "", "", "c:get 1"},
        ["a[c:get("] = {"name", "", "", "c:get 1"},
        ["f(a["] = {"name", "", ""},
        ["f(1)) g("] = {"name", "", "", "g 1"},
        ["k8s.connect{context = '"] = {"value", "", "", "k8s.connect 1 context begun"},
        ["require 'sal"] = {"value", "", "sal", "require 1 begun"},
        ["require('sal"] = {"value", "", "sal", "require 1 begun"},
        ["x = 'sal"] = {"value", "", "sal"},
        ["x = {a = 1, b"] = {"name", "", "b"},
        ["12"] = {"none", "", ""},
        ["-- comm"] = {"none", "", ""},
        ["print(1) c:li"] = {"name", "c:", "li"},
        ["not_closed = [[ c:get("] = {"none", "", ""},
    }) do
        it("in " .. text, function()
            assert.are.same(expected, find(text))
        end)
    end

    it("knows the strings before it, and the quote", function()
        local text = "c:get('pods', {x = 'no'}, \""
        local found = place.find(text)
        assert.are.same({"pods"}, found.call.strings)
        assert.are.equal("\"", found.quote)
    end)

    it("is somewhere in any text", function()
        math.randomseed(1)
        local parts = {"c", ":", "get", "(", ")", "{", "}", "[", "]", ",", "=", "'", "1", "end",
                       "function", "do", "if", ".", " ", "--", "\n", "until", "[[", "nil"}
        for _ = 1, 3000 do
            local made = {}
            for index = 1, math.random(1, 15) do
                made[index] = parts[math.random(#parts)]
            end
            local text = table.concat(made)
            local found = place.find(text)
            if found.kind ~= "none" then
                assert.are.equal(text:sub(found.from), found.prefix)
            end
        end
    end)
end)
