-- Keys that are typed while something runs are for the prompt that comes after it.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local prompt = require("support.prompt")

describe("Ctrl-D that is typed while something runs", function()
    local shown

    before_each(function()
        shown = prompt.start()
        shown:enter("os.execute('touch begun; until [ -e go ]; do sleep 0.01; done')")
        eventually("its beginning", function()
            return fs.stat(fs.join(shown.home, "begun"))
        end)
    end)

    after_each(function()
        shown:close()
    end)

    -- Types ahead, with a text at the end whose echo tells that all has arrived, and lets it end.
    local function type_ahead(bytes)
        shown:send(bytes)
        shown:type("'late'")
        shown:expect_text("'late'")
        must(fs.write(fs.join(shown.home, "go"), ""))
    end

    it("leaves after it", function()
        type_ahead("\x04")
        assert.are.equal(0, shown:wait())
    end)

    it("leaves after the lines before it", function()
        type_ahead("6 * 7\n\x04")
        assert.are.equal(0, shown:wait())
        shown:expect_text("no cluster> 6 * 7\n42\nno cluster>")
    end)

    it("leaves a text alone", function()
        type_ahead("6 * 7 == \x04")
        shown:expect("no cluster> 6 * 7 == 'late'")
        shown:press("Enter")
        shown:expect("false\nno cluster>")
    end)
end)

describe("Ctrl-Space", function()
    it("is no Ctrl-D, which terminals with line editing of their own make the same byte", function()
        local shown <close> = prompt.start()
        shown:send("\0")
        shown:enter("'alive'")
        shown:expect("\"alive\"\nno cluster>")
    end)
end)
