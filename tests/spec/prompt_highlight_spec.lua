-- The colours of what is typed.
local highlight = require("salvor.prompt.highlight")

describe("the colours of what is typed", function()
    --- The first piece, and its style.
    local function first(text)
        local pieces = highlight(text)
        local whole = ""
        for _, piece in ipairs(pieces) do
            whole = whole .. piece[1]
        end
        assert.equal(text, whole)
        return pieces[1]
    end

    it("tell a command from a label", function()
        local command = first(":time 5")
        assert.equal(":time", command[1])
        assert.same({"  :time", command[2]}, first("  :time 5"))
        assert.not_equal(command[2], first("::again:: x = 1")[2])
    end)
end)
