-- The editor of the prompt's line, given keys, and what comes in their midst.
local editor = require("salvor.prompt.editor")

describe("while a line is edited", function()
    local edited, items, fault, press, done

    before_each(function()
        items, fault, done = nil, nil, {}
        local function nothing() end
        edited = editor.new({
            read = function() return coroutine.yield() end,
            size = function() return 80, 24 end,
            draw = function() table.insert(done, "draw") end,
            erase = function() table.insert(done, "erase") end,
            take = nothing, yield = nothing,
        }, {
            complete = function(_, cursor)
                if fault then
                    error(fault)
                end
                return items and {from = 1, to = cursor, items = items}
            end,
            complain = function(problem) table.insert(done, problem) end,
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

    it("completion goes on when the answer comes", function()
        items = {{text = "pod-1"}, {text = "pod-2"}}
        edited:complete_anew()
        assert.are.equal("pod-", edited.line.text)
        assert.is_not_nil(edited.menu)
    end)

    it("completion tells once why there is nothing, and goes on with what there is", function()
        edited.options.complain = function(problem) table.insert(done, problem) end
        done = {}
        edited:complete_anew("refused")
        edited:complete_anew("refused again")
        assert.are.same({"erase", "refused", "draw", "draw", "draw"}, done)
        items = {{text = "pod-1"}, {text = "pod-2"}}
        edited:complete_anew("some are missing")
        assert.is_not_nil(edited.menu)
    end)

    it("completion is given up when something else was pressed", function()
        press("text", "o")
        items = {{text = "pod-1"}, {text = "pod-2"}}
        edited:complete_anew()
        assert.are.equal("po", edited.line.text)
        assert.is_nil(edited.menu)
    end)

    it("a late answer chooses nothing of a list that is shown by then", function()
        press("text", "o")
        press("key", "Backspace")
        items = {{text = "pods"}, {text = "pvc"}}
        press("key", "Tab")
        assert.is_not_nil(edited.menu)
        edited:complete_anew()
        assert.are.equal("p", edited.line.text)
    end)

    it("a fault of completion is told above the line, which goes on", function()
        done, fault = {}, {"a fault"}
        press("key", "Tab")
        assert.are.same({"erase", fault, "draw", "draw"}, done)
        edited:complete_anew() -- of which nothing was asked
        assert.are.equal(4, #done)
        fault = nil
        press("text", "o")
        assert.are.equal("po", edited.line.text)
    end)

    it("what others print comes above the line", function()
        done = {}
        edited:above(function(...) table.insert(done, table.concat({...}, " ")) end, "a", "row")
        assert.are.same({"erase", "a row", "draw"}, done)
    end)

    it("nothing is drawn below what others print once the terminal was given back", function()
        edited:give_back()
        done = {}
        edited:above(function() table.insert(done, "print") end)
        assert.are.same({"erase", "print"}, done)
    end)
end)
