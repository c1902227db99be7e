-- The editor of the prompt's line, given keys: what completion does that has to wait for an answer.
local editor = require("salvor.prompt.editor")

describe("completion that waits for an answer", function()
    local edited, items, press

    before_each(function()
        items = nil
        local function nothing() end
        edited = editor.new({
            read = function() return coroutine.yield() end,
            size = function() return 80, 24 end,
            draw = nothing, take = nothing, yield = nothing,
        }, {
            complete = function(_, cursor)
                return items and {from = 1, to = cursor, items = items}
            end,
            highlight = function(text) return {{text, ""}} end,
            hint = nothing,
            styles = {},
        })
        press = coroutine.wrap(function()
            edited:read({"> "}, "... ")
        end)
        press()
        press("text", "p")
        press("key", "Tab")
    end)

    it("goes on when that comes", function()
        items = {{text = "pod-1"}, {text = "pod-2"}}
        edited:complete_anew()
        assert.are.equal("pod-", edited.line.text)
        assert.is_not_nil(edited.menu)
    end)

    it("is given up when something else was pressed", function()
        press("text", "o")
        items = {{text = "pod-1"}, {text = "pod-2"}}
        edited:complete_anew()
        assert.are.equal("po", edited.line.text)
        assert.is_nil(edited.menu)
    end)

    it("chooses nothing of a list that is shown by then", function()
        press("text", "o")
        press("key", "Backspace")
        items = {{text = "pods"}, {text = "pvc"}}
        press("key", "Tab")
        assert.is_not_nil(edited.menu)
        edited:complete_anew()
        assert.are.equal("p", edited.line.text)
    end)
end)
