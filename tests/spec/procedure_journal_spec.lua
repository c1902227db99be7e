-- The journal of a run: a chain of records, of which only the last may be torn.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local salvor = require("support.salvor")

describe("a journal", function()
    local folder, path

    before_each(function()
        folder = must(fs.temporary_folder())
        path = fs.join(folder, "journal.jsonl")
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function write_three()
        local made = journal.create(path)
        made:append({type = "run.begin", run = "r"})
        made:append({type = "step.begin", step = "one"})
        made:append({type = "step.end", step = "one", facts = {list = {1, 2}}})
        return must(fs.read(path))
    end

    it("gives back what was appended, numbered and timed", function()
        write_three()
        local records = must(journal.read(path))
        assert.equal(3, #records)
        for number, record in ipairs(records) do
            assert.equal(number, record.number)
            assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", record.time)
        end
        assert.equal("one", records[2].step)
        assert.equal(2, records[3].facts.list[2])
    end)

    it("carries the SHA-256 of the line before in each line", function()
        local lines = salvor.lines(write_three())
        local records = must(journal.read(path))
        assert.equal(string.rep("0", 64), records[1].previous)
        assert.equal(digest.sha256(lines[1]), records[2].previous)
        assert.equal(digest.sha256(lines[2]), records[3].previous)
    end)

    it("is readable by its owner only, and is not made twice", function()
        write_three()
        assert.equal("600", string.format("%o", must(fs.stat(path)).mode))
        assert.has_error(function()
            journal.create(path)
        end)
    end)

    --- What Ctrl-C does, which may come between any two instructions of Lua: before the line is
    --- written, or after it.
    for _, moment in ipairs({"before", "after"}) do
        it("goes on after an interruption " .. moment .. " a line was written", function()
            local made = journal.create(path)
            local echoed = {}
            made.echo = function(text) echoed[#echoed + 1] = text end
            made:append({type = "run.begin"})
            local append = fs.append
            function fs.append(...)
                fs.append = append
                local written = moment == "after" and append(...)
                error(written and "interrupted after" or "interrupted before", 0)
            end
            assert.has_error(function()
                made:append({type = "step.begin"})
            end, "interrupted " .. moment)
            assert.equal(moment == "after" and 3 or 2, made:append({type = "end"}).number)
            local records = must(journal.read(path))
            assert.equal("end", records[#records].type)
            assert.same(salvor.lines(must(fs.read(path))), echoed)
        end)
    end

    it("goes on after it was opened again", function()
        write_three()
        local opened, records = journal.open(path)
        assert.equal(3, #records)
        opened:append({type = "run.resume"})
        assert.equal(4, #must(journal.read(path)))
    end)

    it("has its torn last line cut off, wherever it is torn", function()
        local text = write_three()
        local whole = #text - #text:match("[^\n]*\n$")
        for size = whole, #text - 1 do
            must(fs.write(path, text:sub(1, size)))
            local opened, records = journal.open(path)
            assert.equal(2, #records)
            assert.equal(whole, must(fs.stat(path)).size)
            opened:append({type = "again"})
            assert.equal(3, #must(journal.read(path)))
        end
    end)

    it("has it cut off however long it is", function()
        local text = write_three()
        must(fs.append(path, string.rep("\0", 4 << 20)))
        local _, records = journal.open(path)
        assert.equal(3, #records)
        assert.equal(text, must(fs.read(path)))
    end)

    it("may be empty", function()
        must(fs.write(path, ""))
        local _, records = journal.open(path)
        assert.same({}, records)
    end)

    it("is Corrupt after any change of one byte, and stays as it is", function()
        local text = write_three()
        for position = 1, #text do
            local other = string.char((text:byte(position) + 1) % 256)
            local changed = text:sub(1, position - 1) .. other .. text:sub(position + 1)
            must(fs.write(path, changed))
            local opened, err = journal.open(path)
            if position < #text and not opened then
                assert.equal("Corrupt", err.code)
                assert.matches("journal.jsonl, record %d: ", err.message)
                assert.equal(changed, must(fs.read(path)))
            else
                -- Nothing follows the last record that could tell that it was changed.
                assert.is_true(position > #text - #text:match("[^\n]*\n$"))
            end
        end
    end)

    it("is Corrupt when its last record has another number", function()
        local text = write_three()
        must(fs.write(path, (text:gsub('"number":3', '"number":4'))))
        assert.equal("Corrupt", select(2, journal.open(path)).code)
    end)

    it("is Corrupt when lines are missing, swapped or added", function()
        local lines = salvor.lines(write_three())
        for _, order in ipairs({{2, 3}, {1, 3}, {1, 3, 2}, {1, 1, 2, 3}, {3}}) do
            local text = {}
            for index, number in ipairs(order) do
                text[index] = lines[number] .. "\n"
            end
            must(fs.write(path, table.concat(text)))
            local opened, err = journal.open(path)
            assert.is_nil(opened)
            assert.equal("Corrupt", err.code)
            assert.matches("start a new run", err.hint)
        end
    end)
end)
