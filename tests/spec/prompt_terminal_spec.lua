-- The prompt on terminals of all sorts, that change while it runs, and that go away.
local ended = require("support.ended")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local prompt = require("support.prompt")
local salvor = require("support.salvor")
local screen = require("support.screen")

local function pid_of(shown)
    shown:type("proc.pid()")
    shown:press("Enter")
    return eventually("its number", function()
        return shown:text():match("proc%.pid%(%)\n(%d+)")
    end)
end

describe("a terminal", function()
    local home

    before_each(function()
        home = must(fs.temporary_folder())
    end)

    after_each(function()
        must(fs.remove_tree(home))
    end)

    describe("that is resized while a line is edited", function()
        local function check(text, sizes)
            local shown <close> = prompt.start({home = home})
            shown:enter("'before'")
            shown:expect("\"before\"\nno cluster>")
            shown:clear()
            shown:send("\x1b[200~" .. text .. "\x1b[201~")
            for _, size in ipairs(sizes) do
                shown:resize(size.columns, size.rows or 24)
                shown:expect_all(size.shown)
            end
        end

        it("has a longer line in fewer rows when it gets wider, and back", function()
            local text = ("0123456789"):rep(9)
            check(text, {
                {columns = 120, shown = "no cluster> " .. text .. "|"},
                {columns = 80, shown = "no cluster> " .. text:sub(1, 68) .. "\n" .. text:sub(69)
                    .. "|"},
            })
        end)

        it("has a longer line in more rows when it gets narrower", function()
            local text = ("0123456789"):rep(5)
            check(text, {
                {columns = 40, shown = "no cluster> " .. text:sub(1, 28) .. "\n" .. text:sub(29)
                    .. "|"},
                {columns = 30, shown = "no cluster> " .. text:sub(1, 18) .. "\n" .. text:sub(19, 48)
                    .. "\n" .. text:sub(49) .. "|"},
                {columns = 62, shown = "no cluster> " .. text .. "\n|"},
                {columns = 31, shown = "no cluster> " .. text:sub(1, 19) .. "\n" .. text:sub(20)
                    .. "\n|"},
                {columns = 80, shown = "no cluster> " .. text .. "|"},
            })
        end)

        it("has the rows of a text of several lines", function()
            local text = "for i = 1, 2 do\nprint(i, 'and something longer')\nend"
            check(text, {
                {columns = 30, shown = "no cluster> for i = 1, 2 do\n"
                    .. "... print(i, 'and something lo\nnger')\n... end|"},
                {columns = 80, shown = "no cluster> for i = 1, 2 do\n"
                    .. "... print(i, 'and something longer')\n... end|"},
            })
        end)

        it("has wide characters whole", function()
            check("漢字漢字漢字漢字", {
                {columns = 19, shown = "no cluster> 漢字漢\n字漢字漢字|"},
                {columns = 80, shown = "no cluster> 漢字漢字漢字漢字|"},
            })
        end)

        it("at the lower end of a full screen, too", function()
            local shown <close> = prompt.start({home = home})
            shown:enter("for i = 1, 40 do print(i) end")
            shown:expect("39\n40\nno cluster>")
            local text = ("0123456789"):rep(9)
            shown:type(text)
            shown:expect("40\nno cluster> " .. text:sub(1, 68) .. "\n" .. text:sub(69))
            local narrow = "39\n40\nno cluster> " .. text:sub(1, 29) .. "\n" .. text:sub(30, 70)
                .. "\n" .. text:sub(71)
            shown:resize(41, 24)
            shown:expect(narrow)
            shown:resize(41, 10)
            shown:expect(narrow)
            shown:resize(100, 24)
            shown:expect("39\n40\nno cluster> " .. text:sub(1, 88) .. "\n" .. text:sub(89))
        end)

        it("with its list of completions", function()
            local shown <close> = prompt.start({home = home})
            shown:type("fs.re")
            shown:press("Tab")
            shown:expect_text("remove_tree")
            for _, columns in ipairs({30, 100, 20, 80}) do
                shown:resize(columns, 24)
                shown:expect(columns == 20 and "rename(from, to, op…"
                    or columns == 30 and "rename(from, to, options)  Re…"
                    or "rename(from, to, options)  Renames in one step.")
                local _, lines = shown:text():gsub("no cluster>", "")
                assert.are.equal(1, lines)
            end
        end)

        it("has the rows of the cursor when there are fewer than the text's", function()
            check("1\n2\n3\n4\n5\n6\n7\n8", {
                {columns = 80, rows = 4, shown = "... 6\n... 7\n... 8|"},
            })
        end)
    end)

    it("of ten columns and three rows is enough", function()
        local shown <close> = prompt.start({home = home, columns = 10, rows = 3, label = ">"})
        shown:expect_all(" leaves.\nno cluster\n> |")
        shown:type("6 * 7")
        shown:expect_all(" leaves.\nno cluster\n> 6 * 7|")
        shown:press("Enter")
        shown:expect_all("42\nno cluster\n> |")
        shown:type("fs.rem")
        shown:press("Tab")
        shown:expect_text("> fs.remov")
        shown:press("Tab", "C-c")
        shown:enter("1")
        shown:expect("1\nno cluster\n>")
    end)

    it("shows wide and combining characters in their columns", function()
        local shown <close> = prompt.start({home = home})
        shown:press("C-l")
        shown:type("'漢字 e\u{301} grün'")
        shown:expect_all("no cluster> '漢字 e\u{301} grün'|")
        shown:press("C-Left")
        shown:expect_all("no cluster> '漢字 e\u{301} |grün'")
        shown:press("BSpace", "BSpace", "BSpace")
        shown:expect_all("no cluster> '漢字|grün'")
        shown:press("Enter")
        shown:expect("\"漢字grün\"\nno cluster>")
    end)

    it("gets no control character of what is typed or pasted", function()
        local shown <close> = prompt.start({home = home})
        shown:press("C-l")
        shown:send("\x1b[200~a\x07\x1b]0;title\x07\xff\u{202e}b\x1b[201~")
        shown:expect_all("no cluster> a\\x07\\x1b]0;title\\x07\u{FFFD}\\u{202e}b|")
    end)

    it("whose kind is not known is taken for a usual one", function()
        local shown <close> = prompt.start({home = home, env = {TERM = "nobody-knows"}})
        shown:type("'0'")
        shown:send("\x1b[D\x1b[D")
        shown:type("1")
        shown:press("Enter")
        shown:expect("\"10\"\nno cluster>")
    end)

    it("with colours gets some, but none with NO_COLOR", function()
        for _, case in ipairs({{false, true}, {"1", false}}) do
            local shown <close> = prompt.start({home = home, env = {NO_COLOR = case[1]}})
            shown:type("return 'text'")
            shown:expect_text("no cluster> return 'text'")
            assert.are.equal(case[2], shown:coloured_text():find("\x1b[", 1, true) ~= nil)
        end
    end)

    describe("that is dumb", function()
        local shown

        before_each(function()
            shown = prompt.start({home = home, label = ">", env = {TERM = "dumb"}})
        end)

        after_each(function()
            shown:close()
        end)

        it("gets plain lines", function()
            shown:enter("6 * 7")
            shown:expect("> 6 * 7\n42\n>")
            shown:press("C-d")
            assert.are.equal(0, shown:wait())
        end)

        it("has the modules and a client, and shows values as elsewhere", function()
            shown:type("{a = {1}}, json.encode({b = 2})")
            shown:press("Enter")
            shown:expect("{a = {1}}\n{\"b\":2}\n>")
            shown:type("c:list('pods')")
            shown:press("Enter")
            shown:expect_text("there is no kubeconfig")
        end)

        it("is not told what to do by a value", function()
            shown:enter("'\\27[31mred\\27]0;title\\7'")
            shown:expect_text("\n\\x1b[31mred\\x1b]0;title\\x07\n>")
        end)

        it("drops a line, or ends what runs, at Ctrl-C", function()
            shown:type("half")
            shown:expect("> half")
            shown:press("C-c")
            shown:expect("> half^C\n>")
            shown:enter("print('begun') while true do end")
            shown:expect("begun")
            shown:press("C-c")
            shown:expect("^Csalvor: cancelled\n>")
            shown:enter("'alive'")
            shown:expect("> 'alive'\nalive\n>")
        end)
    end)

    it("is not needed: plain lines come from a pipe and go to one", function()
        local result = must(proc.run({salvor.path, "-i"}, {
            stdin = "6 * 7\nfor i = 1, 2 do\nprint(i) end\nboom(\n)\n'end'\nfs\n", timeout = 60,
            env = salvor.environment(home, {TERM = "xterm"})}))
        assert.are.equal(0, result.code)
        assert.truthy(result.stdout:find(
            "^Salvor [^\n]*\n> 42\n> >> 1\n2\n> >> > end\n> nil\n> \n$"))
        assert.is_nil(result.stdout:find("\x1b", 1, true))
        local shown <close> = prompt.start({home = home, program = "sh", label = ">",
                                            words = {"-c", salvor.path .. " -i | cat; exit 7"}})
        shown:enter("6 * 7")
        shown:expect("> 6 * 7\n42\n>")
        shown:press("C-d")
        assert.are.equal(7, shown:wait())
    end)

    describe("is as it was found", function()
        local shell

        before_each(function()
            shell = screen.start({"--norc", "--noprofile", "-i"}, {home = home, program = "bash",
                env = {PS1 = "$ ", S = salvor.path}})
            shell:expect("$")
            shell:type("stty -g > before; $S; echo code $?; stty -g | cmp - before && echo same")
            shell:press("Enter")
            shell:expect_text("no cluster>")
        end)

        after_each(function()
            shell:close()
        end)

        local function expect_history(text)
            assert.are.equal(text, must(fs.read(fs.join(home, "state/salvor/prompt.history"))))
        end

        it("after Ctrl-D", function()
            shell:press("C-d")
            shell:expect("no cluster>\ncode 0\nsame\n$")
        end)

        it("after SIGTERM, and the history is kept", function()
            local pid = pid_of(shell)
            shell:type("if x then\ny")
            shell:expect_text("... y")
            shell:press("Up")
            must(proc.run({"kill", "-TERM", pid}))
            shell:expect("no cluster> if x then\n... y\nTerminated\ncode 143\nsame\n$")
            expect_history("\"proc.pid()\"\n")
        end)

        it("after SIGHUP", function()
            local pid = pid_of(shell)
            must(proc.run({"kill", "-HUP", pid}))
            shell:expect("no cluster>\nHangup\ncode 129\nsame\n$")
            expect_history("\"proc.pid()\"\n")
        end)

        it("after a program that has changed it", function()
            shell:type("os.execute('stty -echo -icanon')")
            shell:press("Enter")
            shell:expect("true\n\"exit\"\n0\nno cluster>")
            shell:type("6 * 7")
            shell:expect_text("no cluster> 6 * 7")
            shell:press("Enter")
            shell:expect("42\nno cluster>")
            shell:press("C-d")
            shell:expect_text("code 0")
        end)
    end)

    it("that goes away ends the prompt, also where SIGHUP is ignored", function()
        for _, prefix in ipairs({{}, {"sh", "-c", "trap '' HUP; \"$0\"; :"}}) do
            local shown = prompt.start({home = home, prefix = prefix})
            local pid = pid_of(shown)
            shown:close()
            ended.wait(pid)
        end
    end)

    it("that goes away ends what runs", function()
        local shown = prompt.start({home = home})
        local pid_of_prompt = pid_of(shown)
        shown:enter("proc.run({'sh', '-c', 'echo $$ > pid; exec sleep 1000'})")
        local pid = eventually("the child", function()
            return (fs.read(fs.join(home, "pid")) or ""):match("(%d+)\n")
        end)
        shown:close()
        ended.wait(pid)
        ended.wait(pid_of_prompt)
    end)
end)
