-- Which word somebody may have meant.
local suggest = require("salvor.suggest")

describe("suggest", function()
    local WORDS = {"context", "kubeconfig", "name", "namespace", "params", "act"}

    local CASES = {
        contxt = "context", Context = "context", kubconfg = "kubeconfig", namspace = "namespace",
        nmae = "name", atc = "act", param = "params", parmas = "params", x = false, zzz = false,
        procedures = false, [""] = false, [("a"):rep(100000)] = false,
    }
    for word, expected in pairs(CASES) do
        it("for '" .. word:sub(1, 20) .. "' says " .. (expected or "nothing"), function()
            assert.equal(expected or nil, suggest.word(word, WORDS))
        end)
    end

    it("counts what is put in, left out, replaced and swapped", function()
        for _, case in ipairs({{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abc", "axc", 1},
                               {"kitten", "sitting", 3}}) do
            assert.equal(case[3], suggest.distance(case[1], case[2]))
            assert.equal(case[3], suggest.distance(case[2], case[1]))
        end
    end)

    it("hints at one and names all", function()
        assert.equal("did you mean 'act'? steps: act, see",
            suggest.hint("atc", {"act", "see"}, "steps"))
        assert.equal("steps: act, see", suggest.hint("nothing", {"act", "see"}, "steps"))
        assert.equal("steps: none", suggest.hint("x", {}, "steps"))
    end)
end)
