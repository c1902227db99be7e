-- Where in Lua the cursor stands, for completion: at the end of each text.
local lexer = require("salvor.prompt.lexer")
local place = require("salvor.prompt.complete.place")

local function find(text)
    local found = place.find(lexer.words(text), text)
    local call = found.call
    return {found.kind, table.concat(found.chain or {}), found.prefix,
            call and table.concat(call.chain) .. " " .. call.number
                .. (call.option and " " .. tostring(call.option) or "") or nil}
end

describe("the place of the cursor", function()
    for text, expected in pairs({
        ["pri"] = {"name", "", "pri"},
        [""] = {"name", "", ""},
        ["x = fs.re"] = {"name", "fs.", "re"},
        ["c:"] = {"name", "c:", ""},
        ["a.b.c:d"] = {"name", "a.b.c:", "d"},
        ["f().x"] = {"none", "", ""},
        ["c:get('"] = {"value", "", "", "c:get 1"},
        ["c:get('po', \"na"] = {"value", "", "na", "c:get 2"},
        ["c:list('po', {na"] = {"name", "", "na", "c:list 2 true"},
        ["c:list('po', {limit = 1, na"] = {"name", "", "na", "c:list 2 true"},
        ["c:list('po', {namespace = 'k"] = {"value", "", "k", "c:list 2 namespace"},
        ["c:list('po', f(1, 2), "] = {"name", "", "", "c:list 3"},
        ["k8s.connect{context = '"] = {"value", "", "", "k8s.connect 1 context"},
        ["require 'sal"] = {"value", "", "sal"},
        ["require('sal"] = {"value", "", "sal", "require 1"},
        ["x = {a = 1, b"] = {"name", "", "b"},
        ["12"] = {"none", "", ""},
        ["-- comm"] = {"none", "", ""},
        ["print(1) c:li"] = {"name", "c:", "li"},
    }) do
        it("in " .. text, function()
            assert.are.same(expected, find(text))
        end)
    end

    it("knows the strings before it", function()
        local text = "c:get('pods', {x = 'no'}, '"
        assert.are.same({"pods"}, place.find(lexer.words(text), text).strings)
    end)
end)
