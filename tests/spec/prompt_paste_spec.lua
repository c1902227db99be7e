-- What is pasted is one text: it does not run before Enter is pressed, whoever sends it however.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local prompt = require("support.prompt")

describe("what is pasted at the prompt", function()
    local shown

    before_each(function()
        shown = prompt.start()
        shown:clear()
    end)

    after_each(function()
        shown:close()
    end)

    local function expect_alive()
        shown:enter("'alive'")
        shown:expect("\"alive\"\nno cluster>")
    end

    for unmarked, name in pairs({[false] = "marked by the terminal", [true] = "not marked"}) do
        describe(name, function()
            it("does not run by itself, but with Enter, as one", function()
                shown:paste("print('one')\nprint('two')\n", unmarked)
                shown:expect_all("no cluster> print('one')\n... print('two')\n... |")
                shown:press("Enter")
                shown:expect("... print('two')\n...\none\ntwo\nno cluster>")
                shown:press("Up")
                shown:expect("no cluster> print('one')\n... print('two')\n...")
            end)

            it("has its tabs, and completes nothing", function()
                shown:paste("if fs then\n\tfs.rem\nend", unmarked)
                shown:expect_all("no cluster> if fs then\n...     fs.rem\n... end|")
            end)

            it("may have 10,000 lines: it is there at once, and Ctrl-C drops it", function()
                local rows = {}
                for number = 1, 10000 do
                    rows[number] = "print('row " .. number .. "', '漢字')"
                end
                shown:paste(table.concat(rows, "\n"), unmarked)
                shown:expect_text("... print('row 10000', '漢字')")
                shown:press("Up")
                shown:type("-- typed")
                shown:expect_text("... print('row 9999', '漢字')-- typed")
                shown:press("C-c")
                shown:expect("... print('row 10000', '漢字')\nno cluster>")
                expect_alive()
                assert.is_nil(shown:text():find("\nrow", 1, true))
            end)
        end)
    end

    it("may have a line of 50,000 bytes", function()
        shown:paste("x = [[" .. ("0123456789"):rep(5000) .. "]]\n")
        shown:expect_text("789]]\n...")
        shown:press("Enter")
        shown:enter("#x")
        shown:expect("no cluster> #x\n50000\nno cluster>")
    end)

    it("is one line when it is: Enter runs it as if it was typed", function()
        shown:paste("6 * 7\n", true)
        shown:expect("42\nno cluster>")
    end)

    it("goes on after lines that were typed ahead, while something ran", function()
        shown:enter("os.execute('touch begun; until [ -e go ]; do sleep 0.01; done')")
        eventually("its beginning", function()
            return fs.stat(fs.join(shown.home, "begun"))
        end)
        shown:type("'one'\n'two'\n")
        shown:expect_text("'one'\n'two'")
        must(fs.write(fs.join(shown.home, "go"), ""))
        shown:expect("\"one\"\nno cluster> 'two'\n\"two\"\nno cluster>")
    end)

    it("goes on after a line that was typed with the Enter before it", function()
        shown:type("'one'")
        shown:expect_text("no cluster> 'one'")
        shown:type("\r'two'\r")
        shown:expect("\"one\"\nno cluster> 'two'\n\"two\"\nno cluster>")
    end)

    it("is refused above 1 MiB, to its end", function()
        shown:paste(("print('row')\n"):rep(100000))
        shown:expect_text("more than")
        shown:expect("no cluster>")
        expect_alive()
        for _ = 1, 2 do
            shown:paste(("x"):rep(1 << 19))
            shown:expect_text("xxx\n")
        end
        shown:paste("yy")
        shown:expect_text("an input has at most 1 MiB; a file is run by :load FILE\nxxx")
        shown:press("C-c")
        expect_alive()
    end)

    it("may be bytes that are no text", function()
        shown:paste(("\xff"):rep(50000))
        shown:expect_text(("\u{FFFD}"):rep(80))
        shown:press("C-c")
        expect_alive()
    end)

    it("is given up by Ctrl-C when its end does not come", function()
        shown:send("\x1b[200~print('one')\r")
        eventually("a new line", function()
            shown:press("C-c") -- which is of the paste when both are read at once
            return shown:text():find("\nno cluster>", 1, true)
        end)
        expect_alive()
        assert.is_nil(shown:text():find("one", 1, true))
    end)
end)
