-- The tokens of Lua, of a text that is being typed.
local lexer = require("salvor.prompt.lexer")

local function shown(text)
    local parts = {}
    for _, token in ipairs(lexer.tokens(text)) do
        if token.kind ~= "blank" then
            parts[#parts + 1] = token.kind .. (token.open and "…" or "") .. " "
                .. text:sub(token.from, token.to)
        end
    end
    return table.concat(parts, " | ")
end

describe("the tokens of Lua", function()
    for text, expected in pairs({
        ["local x = nil"] = "keyword local | name x | operator = | constant nil",
        ["c:list('po')"] =
            "name c | operator : | name list | operator ( | string 'po' | operator )",
        ["'half"] = "string… 'half",
        ["\"a\\\"b\" .. x"] = "string \"a\\\"b\" | operator .. | name x",
        ["[[a\nb]] [=[c]]"] = "string [[a\nb]] | string… [=[c]]",
        ["x -- rest\ny"] = "name x | comment -- rest | name y",
        ["--[[ a ]] b --[[ c"] = "comment --[[ a ]] | name b | comment… --[[ c",
        ["0x1F 1e-3 .5 3..4"] = "number 0x1F | number 1e-3 | number .5 | number 3..4",
        ["a<=b ~= c//d"] =
            "name a | operator <= | name b | operator ~= | name c | operator // | name d",
        ["::x::"] = "operator :: | name x | operator ::",
        ["grün \xff"] = "name gr | other ü | name n | other \xff",
        ["'a\nb"] = "string… 'a | name b",
        ["'a\\\nb'"] = "string 'a\\\nb'",
    }) do
        it(text, function()
            assert.are.equal(expected, shown(text))
        end)
    end

    it("cover any text, and end", function()
        math.randomseed(1)
        local letters = {"a", "'", "\"", "[", "]", "=", "-", "\\", "\n", " ", "1", ".", "\xc3", "ü"}
        for _ = 1, 2000 do
            local parts = {}
            for index = 1, math.random(1, 20) do
                parts[index] = letters[math.random(#letters)]
            end
            local text, at = table.concat(parts), 1
            for _, token in ipairs(lexer.tokens(text)) do
                assert.are.equal(at, token.from)
                assert.is_true(token.to >= token.from)
                at = token.to + 1
            end
            assert.are.equal(#text + 1, at)
        end
    end)
end)
