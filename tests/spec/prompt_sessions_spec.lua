-- The history at the prompt: over sessions, at the same time, and when its file cannot be used.
local fs = require("salvor.fs")
local salvor = require("support.salvor")
local prompt = require("support.prompt")

describe("the prompt's history", function()
    local home, path

    local function start(options)
        options = options or {}
        options.home = home
        return prompt.start(options)
    end

    local function enter(shown, text, answer)
        shown:type(text)
        shown:press("Enter")
        shown:expect((answer or "no cluster> " .. text) .. "\nno cluster>")
    end

    before_each(function()
        home = must(fs.temporary_folder())
        path = fs.join(home, "state/salvor/prompt.history")
        must(fs.mkdir(fs.dirname(path), {parents = true}))
    end)

    after_each(function()
        must(fs.remove_tree(home))
    end)

    it("is of all sessions, also of those at the same time, each input once", function()
        local one <close> = start()
        local other <close> = start()
        enter(one, "'a'", "\"a\"")
        enter(other, "'b'", "\"b\"")
        enter(one, "'a'", "\"a\"")
        enter(other, "'a'", "\"a\"")
        enter(one, "if true then\nreturn 1\nend", "1")
        assert.are.equal(tonumber("600", 8), must(fs.stat(path)).mode)
        local third <close> = start()
        third:clear()
        third:press("Up")
        third:expect_all("no cluster> if true then\n... return 1\n... end|")
        third:press("M-<")
        third:expect_all("no cluster> 'b'|")
        third:press("Down")
        third:expect_all("no cluster> 'a'|")
        third:press("Down")
        third:expect_all("no cluster> if true then\n... return 1\n... end|")
    end)

    it("has no secret, which Up recalls in this session all the same", function()
        local shown <close> = start()
        enter(shown, "password = 'hidden'")
        enter(shown, " token = 1")
        enter(shown, "'kept'", "\"kept\"")
        assert.are.equal("\"'kept'\"\n", must(fs.read(path)))
        shown:press("Up", "Up", "Up")
        shown:expect("no cluster> password = 'hidden'")
    end)

    it("is searched with ^R over sessions", function()
        local before = start()
        enter(before, "'needle'", "\"needle\"")
        before:close()
        local shown <close> = start()
        shown:press("C-r")
        shown:type("dle")
        shown:expect("(search) 'dle': 'needle'")
        shown:press("Enter")
        shown:expect("\"needle\"\nno cluster>")
    end)

    -- What the file is, and what is said of it.
    for name, case in pairs({
        ["has lines that are damaged"] = {"4 damaged lines were left out", function()
            must(fs.write(path, "\"'kept'\"\n\xff\xfe\0\n{}\n\"\\ud800\"\n\"torn"))
        end},
        ["is binary"] = {"damaged line", function()
            os.execute("head -c 100000 /dev/urandom > '" .. path .. "'")
        end},
        ["is too large"] = {"more than 67108864", function()
            os.execute("truncate -s 1G '" .. path .. "'")
        end},
        ["is a folder"] = {"not a file", function()
            must(fs.mkdir(path))
        end},
        ["is a pipe"] = {"not a file", function()
            os.execute("mkfifo '" .. path .. "'")
        end},
        ["is a link to nowhere below a file"] = {"Not a directory", function()
            must(fs.write(fs.join(home, "file"), ""))
            must(fs.symlink(fs.join(home, "file/below"), path))
        end},
        ["cannot be read"] = {"Permission denied", function()
            must(fs.write(path, "", {mode = 0}))
        end},
        ["is in a folder that cannot be written to"] = {"Permission denied", function()
            os.execute("chmod 500 '" .. fs.dirname(path) .. "'")
        end},
    }) do
        it("costs a warning, once, when its file " .. name, function()
            case[2]()
            local shown <close> = start({prefix = salvor.UNPRIVILEGED, columns = 200})
            enter(shown, "6 * 7", "42")
            enter(shown, "'alive'", "\"alive\"")
            shown:expect_text("history: ")
            shown:expect_text(case[1])
            local _, count = shown:text():gsub("\nhistory: ", "")
            assert.are.equal(1, count)
            shown:press("Up", "Up")
            shown:expect("no cluster> 6 * 7")
        end)
    end

    it("may be a link, whose target then has it", function()
        local target = fs.join(home, "elsewhere")
        must(fs.write(target, "\"'there'\"\n", {mode = tonumber("644", 8)}))
        must(fs.symlink(target, path))
        local shown <close> = start()
        shown:press("Up")
        shown:expect("no cluster> 'there'")
        shown:press("C-u")
        enter(shown, "'more'", "\"more\"")
        assert.are.equal("\"'there'\"\n\"'more'\"\n", must(fs.read(target)))
    end)
end)
