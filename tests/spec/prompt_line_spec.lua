-- The text that is edited. "|" is the cursor.
local line = require("salvor.prompt.line")

local function begin(shown)
    local edited = line.new()
    local before, after = shown:match("^(.-)|(.*)$")
    edited.text, edited.cursor = before .. after, #before + 1
    return edited
end

local function shown(edited)
    return edited.text:sub(1, edited.cursor - 1) .. "|" .. edited.text:sub(edited.cursor)
end

describe("an edited line", function()
    local function expect(before, after, method, ...)
        local edited = begin(before)
        edited[method](edited, ...)
        assert.are.equal(after, shown(edited))
    end

    it("moves by characters, whatever their bytes and marks are", function()
        expect("ab|", "a|b", "go", "left")
        expect("grü|n", "gr|ün", "go", "left")
        expect("|漢字", "漢|字", "go", "right")
        expect("e\u{301}|x", "|e\u{301}x", "go", "left")
        expect("|e\u{301}x", "e\u{301}|x", "go", "right")
        expect("\27|", "|\27", "go", "left")
        expect("|", "|", "go", "left")
        expect("a|", "a|", "go", "right")
    end)

    it("moves by words and lines", function()
        expect("client:list('po')|", "client:list('|po')", "go", "word-left")
        expect("client|:list()", "client:list|()", "go", "word-right")
        expect("grün und| x", "grün |und x", "go", "word-left")
        expect("one\ntw|o\nthree", "one\n|two\nthree", "go", "line-begin")
        expect("one\nt|wo\nthree", "one\ntwo|\nthree", "go", "line-end")
        expect("one\nt|wo", "|one\ntwo", "go", "begin")
        expect("o|ne\ntwo", "one\ntwo|", "go", "end")
    end)

    it("moves to the line above and below, by columns", function()
        expect("long line\nab|", "lo|ng line\nab", "go_line", -1)
        expect("long| line\nab", "long line\nab|", "go_line", 1)
        expect("漢字\nabc|d", "漢字|\nabcd", "go_line", -1)
        local edited = begin("a|b")
        assert.is_false(edited:go_line(-1))
        assert.is_false(edited:go_line(1))
    end)

    it("deletes and kills", function()
        expect("gr|ün", "gr|n", "delete", "right")
        expect("grü|n", "gr|n", "delete", "left")
        expect("one two|", "one |", "kill", "word-left")
        expect("one| two", "one|", "kill", "line-end")
        expect("one|\ntwo", "one|two", "kill", "line-end")
        expect("a.b c.d|", "a.b |", "kill", "blank-left")
        expect("one two|", "|", "kill", "line-begin")
        expect("|", "|", "kill", "word-left")
    end)

    it("yanks what was killed, kills in a row as one", function()
        local edited = begin("one two three|")
        edited:kill("word-left")
        edited:kill("word-left")
        edited:yank()
        assert.are.equal("one two three|", shown(edited))
        edited:undo()
        edited:kill("word-left")
        edited:yank()
        assert.are.equal("one |", shown(edited))
        edited:yank_earlier()
        assert.are.equal("two three|", shown(edited))
        edited:yank_earlier()
        assert.are.equal("one |", shown(edited))
        edited:go("end")
        edited:yank_earlier()
        assert.are.equal("one |", shown(edited))
    end)

    it("shares what was killed with other lines", function()
        local kills = {}
        local first, second = line.new(kills), line.new(kills)
        first:insert("word")
        first:kill("line-begin")
        second:yank()
        assert.are.equal("word|", shown(second))
    end)

    it("undoes word by word what was typed, and everything else by itself", function()
        local edited = begin("|")
        for character in ("one two"):gmatch(".") do
            edited:insert(character, true)
        end
        edited:insert("pasted text")
        edited:kill("word-left")
        local steps = {}
        repeat
            steps[#steps + 1] = shown(edited)
        until not edited:undo()
        assert.are.same({"one twopasted |", "one twopasted text|", "one two|", "one|", "|"}, steps)
    end)

    it("remembers no more than it may", function()
        local edited = begin("|")
        local text = ("x"):rep(1 << 18)
        for _ = 1, 40 do
            edited:insert(text)
        end
        assert.is_true(#edited.undone < 35)
        assert.is_true(edited.undo_bytes <= 16 << 20)
        assert.is_true(edited:undo())
        assert.are.equal(39 << 18, #edited.text)
    end)

    it("swaps characters and changes case", function()
        expect("ab|", "ba|", "swap_characters")
        expect("a|bc", "ba|c", "swap_characters")
        expect("ü|漢x", "漢ü|x", "swap_characters")
        expect("|ab", "|ab", "swap_characters")
        expect("|one two", "ONE| two", "change_case", "upper")
        expect("| oNE two", " One| two", "change_case", "capital")
        expect("ONE| TWO", "ONE two|", "change_case", "lower")
    end)

    it("is valid text whatever is put into it", function()
        expect("a|", "a\u{FFFD}b\u{FFFD}|", "insert", "\xffb\xc3")
    end)
end)
