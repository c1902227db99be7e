-- What each key of the prompt does, on a terminal. "|" is the cursor.
local fs = require("salvor.fs")
local keymap = require("salvor.prompt.keymap")
local prompt = require("support.prompt")
local screen = require("support.screen")

-- What a terminal sends for the keys whose bytes do not follow from their names.
local BYTES = {
    Backspace = "\x7f", Delete = "\x1b[3~", Down = "\x1b[B", End = "\x1b[F", Enter = "\r",
    Escape = "\x1b", Home = "\x1b[H", KPEnter = "\x1bOM", Left = "\x1b[D", Right = "\x1b[C",
    Tab = "\t", Up = "\x1b[A",
    ["S-Tab"] = "\x1b[Z", ["C-Delete"] = "\x1b[3;5~",
    ["C-Left"] = "\x1b[1;5D", ["C-Right"] = "\x1b[1;5C", ["C-Home"] = "\x1b[1;5H",
    ["C-End"] = "\x1b[1;5F", ["M-Left"] = "\x1b[1;3D", ["M-Right"] = "\x1b[1;3C",
    -- By themselves these are Tab and Enter; some terminals tell them apart.
    ["C-i"] = "\x1b[105;5u", ["C-m"] = "\x1b[109;5u",
}

local function bytes_of(name)
    local first, second = name:match("^(%S+) (%S+)$")
    if first then
        return bytes_of(first) .. bytes_of(second)
    elseif BYTES[name] then
        return BYTES[name]
    end
    local modifier, key = name:match("^([CM])%-(.+)$")
    return modifier == "M" and "\x1b" .. bytes_of(key)
        or modifier == "C" and string.char(key:upper():byte() & 0x1f) or name
end

describe("a key of the prompt", function()
    local home, shown
    local tested = {}

    -- The screen as it is while `text` is edited at its top.
    local function rows(text)
        return "no cluster> " .. (text:gsub("\n", "\n... "))
    end

    -- Makes the line what `text` says.
    local function begin(text)
        local before, after = text:match("^(.-)|(.*)$")
        shown:send("\x1b[200~" .. before .. after .. "\x1b[201~"
            .. ("\x02"):rep(utf8.len((after:gsub("\u{301}", "")))))
        shown:expect_all(rows(text))
    end

    local function press(name)
        tested[name] = true
        shown:send(bytes_of(name))
    end

    setup(function()
        home = must(fs.temporary_folder())
        -- It wants the terminal as it was before the prompt.
        must(fs.write(fs.join(home, "editor"), [[#!/bin/sh
            case $(stty -a) in *-icanon*) exit 4 ;; esac
            case $(cat "$1") in
            fail) exit 3 ;;
            *) echo 'print("edited")' >> "$1" ;;
            esac]], {mode = tonumber("755", 8)}))
        shown = prompt.start({home = home, env = {VISUAL = "", EDITOR = fs.join(home, "editor")}})
        shown:enter("'first'")
        shown:enter("'second'")
        shown:expect("\"second\"\nno cluster>")
    end)

    before_each(function()
        shown:send("\x03\x0c")
        shown:expect_all("no cluster> |")
    end)

    teardown(function()
        shown:close()
        must(fs.remove_tree(home))
    end)

    for _, case in ipairs({
        {"C-a Home", "one\ntwo|", "one\n|two"},
        {"C-e End", "|one\ntwo", "one|\ntwo"},
        {"C-b Left", "grün|", "grü|n"},
        {"C-b Left", "漢字|", "漢|字"},
        {"C-b Left", "ae\u{301}|", "a|e\u{301}"},
        {"C-f Right", "|漢字", "漢|字"},
        {"M-b C-Left M-Left", "fs.read(p)|", "fs.read(|p)"},
        {"M-f C-Right M-Right", "fs|.read(p)", "fs.read|(p)"},
        {"C-p Up", "one\ntwo|", "one|\ntwo"},
        {"C-n Down", "o|ne\ntwo", "one\nt|wo"},
        {"C-Home", "one\ntw|o", "|one\ntwo"},
        {"C-End", "o|ne\ntwo", "one\ntwo|"},
        {"Backspace C-h", "grü|n", "gr|n"},
        {"Backspace C-h", "one\n|two", "one|two"},
        {"Delete C-d", "gr|ün", "gr|n"},
        {"C-k", "one| two\nthree", "one|\nthree"},
        {"C-u", "one\ntwo |three", "one\n|three"},
        {"C-w", "a.b c.d|", "a.b |"},
        {"M-Backspace M-C-h", "a.b c.d|", "a.b c.|"},
        {"M-d C-Delete", "a.|b c", "a.| c"},
        {"C-t", "ab|", "ba|"},
        {"M-u", "|one two", "ONE| two"},
        {"M-l", "|ONE TWO", "one| TWO"},
        {"M-c", "|oNE two", "One| two"},
        {"M-Enter C-o", "one|two", "one\n|two"},
        {"Tab C-i", "fs.writa|", "fs.writable(|path)"},
    }) do
        local names, before, after = table.unpack(case)
        for name in names:gmatch("%S+") do
            it(string.format("%s makes %q of %q", name, after, before), function()
                begin(before)
                press(name)
                shown:expect_all(rows(after))
            end)
        end
    end

    it("C-y puts back what was killed, M-y what was killed before", function()
        begin("one|")
        press("C-u")
        begin("two|")
        press("C-u")
        press("C-y")
        shown:expect_all(rows("two|"))
        press("M-y")
        shown:expect_all(rows("one|"))
    end)

    for _, name in ipairs({"C-_", "C-x C-u"}) do
        it(name .. " undoes", function()
            begin("one|")
            press("C-u")
            shown:expect_all(rows("|"))
            press(name)
            shown:expect_all(rows("one|"))
        end)
    end

    for _, name in ipairs({"Enter", "C-j", "C-m", "KPEnter"}) do
        it(name .. " runs what is entered, from anywhere in it", function()
            begin("6 |* 7")
            press(name)
            shown:expect_all("no cluster> 6 * 7\n42\nno cluster> |")
        end)
    end

    for _, names in ipairs({{"Up", "Down"}, {"C-p", "C-n"}}) do
        it(table.concat(names, " and ") .. " go through the history and back", function()
            begin("draft|")
            press(names[1])
            shown:expect_text("no cluster> 6 * 7")
            press(names[2])
            shown:expect_all(rows("draft|"))
        end)
    end

    it("M-< goes to the oldest entry, M-> back to the line", function()
        begin("draft|")
        press("M-<")
        shown:expect_all(rows("'first'|"))
        press("M->")
        shown:expect_all(rows("draft|"))
    end)

    it("S-Tab goes back through the completions", function()
        begin("fs.rem|")
        press("Tab")
        shown:expect_text("remove_tree")
        press("S-Tab")
        shown:expect_text("no cluster> fs.remove_tree")
        press("S-Tab")
        shown:expect_text("no cluster> fs.remove\n")
    end)

    for _, name in ipairs({"C-g", "Escape"}) do
        it(name .. " takes the completions away, and nothing else", function()
            begin("fs.rem|")
            press("Tab")
            shown:expect_text("remove_tree")
            assert.truthy(shown:text_with_cursor():find("no cluster> fs.remove|\n", 1, true))
            press(name)
            shown:expect_all(rows("fs.remove|(path)"))
        end)
    end

    it("C-r searches back, C-s forth, and C-g gives the line back", function()
        begin("draft|")
        press("C-r")
        shown:expect_all("(search) '': draft|")
        shown:type("'")
        shown:expect_all("(search) ''': |'second'")
        press("C-r")
        shown:expect_all("(search) ''': |'first'")
        press("C-r")
        shown:expect_all("(failed search) ''': |'first'")
        press("C-s")
        shown:expect_all("(search) ''': |'second'")
        press("Backspace")
        shown:type("fir")
        shown:expect_all("(search) 'fir': '|first'")
        press("C-g")
        shown:expect_all(rows("draft|"))
    end)

    it("that is none of a search ends it: the entry is the line, Down the line before", function()
        begin("draft|")
        press("C-r")
        shown:type("'fir")
        press("C-e")
        shown:expect_all(rows("'first'|"))
        press("M->")
        shown:expect_all(rows("draft|"))
    end)

    it("C-l clears the terminal and keeps the line", function()
        shown:enter("6 * 7")
        shown:type("one")
        shown:expect("42\nno cluster> one")
        press("C-l")
        shown:expect_all(rows("one|"))
    end)

    it("C-x C-e edits the line in $EDITOR", function()
        begin("x = 1|")
        press("C-x C-e")
        shown:expect_text("... print(\"edited\")")
        shown:press("Enter")
        shown:expect("edited\nno cluster>")
    end)

    it("C-x C-e tells that the editor failed, and keeps the line", function()
        begin("fail|")
        press("C-x C-e")
        shown:expect_text("ended with 3")
        shown:expect("no cluster> fail")
    end)

    for _, name in ipairs({"C-c", "C-x C-c"}) do
        it(name .. " drops the line", function()
            begin("one\ntwo|")
            press(name)
            shown:expect_all("no cluster> one\n... two\nno cluster> |")
        end)
    end

    it("after a key of two that is none begins anew", function()
        begin("one|")
        press("C-x")
        shown:type("a")
        press("C-e")
        shown:expect_all(rows("onea|"))
    end)

    it("C-z suspends, and fg goes on with the line", function()
        local shell <close> = screen.start({"--norc", "-i"}, {home = home, program = "bash",
            env = {PS1 = "$ ", PROMPT = require("support.salvor").path}})
        shell:expect("$")
        shell:type("stty -g > before; $PROMPT")
        shell:press("Enter")
        shell:expect_text("no cluster>")
        shell:type("local line = 1")
        shell:expect_text("no cluster> local line = 1")
        tested["C-z"] = true
        shell:send(bytes_of("C-z"))
        shell:expect_text("Stopped")
        shell:type("stty -g | cmp - before && echo restored")
        shell:press("Enter")
        shell:expect_text("\nrestored\n")
        shell:type("fg")
        shell:press("Enter")
        shell:expect("$PROMPT\nno cluster> local line = 1")
        shell:press("C-e")
        shell:type("00")
        shell:press("Enter")
        shell:expect("no cluster> local line = 100\nno cluster>")
        shell:type("line")
        shell:press("Enter")
        shell:expect("no cluster> line\n100\nno cluster>")
    end)

    it("is tested here", function()
        for name in pairs(keymap) do
            assert(tested[name], name .. " is not tested")
        end
    end)
end)
