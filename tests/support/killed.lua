--- kill -9 at every moment of a procedure, then salvor run --resume: what comes of it is what comes
--- of a run that nobody disturbed, and nothing was created twice.
--
--     killed.define({start = function() return apic.start({version = "10.0.8.0"}) end})
--
-- defines these tests inside a describe(). start(worker) makes the target of one attempt, to be
-- closed: an operation (see support.operation) with a world or a `client`, and where more than the
-- created objects counts, outcome(run) -> what must be the same in the end, times and the run's id
-- left out. worker (from 1) tells those apart that are used at the same time: a namespace has one
-- lock.
local busted = require("busted")
local fs = require("salvor.fs")
local luassert = require("luassert")
local salvor = require("support.salvor")
local task = require("salvor.task")

local killed = {}

killed.WORKERS = 4
killed.KILL_AFTER = fs.absolute("tests/support/kill_after.lua")

--- "kind/name" of everything that carries the run's label, the id left out of the names. What is
--- created is told to the journal before, so that has all the kinds.
local function created_by(target, run)
    local kinds, found = {}, {}
    for _, record in ipairs(target:journal()) do
        if record.object then
            kinds[record.object.api .. "/" .. record.object.kind] = record.object.kind
        end
    end
    for id, kind in pairs(kinds) do
        local client = target.client or target.world.client
        for _, object in ipairs(must(client:list(id, {label_selector = {["salvor-run"] = run}}))) do
            local name = object.metadata.name:gsub(run:gsub("%-", "%%-"), "RUN")
            found[#found + 1] = kind .. "/" .. name
        end
    end
    table.sort(found)
    return found
end

local function state_of(target)
    local run = target:only_run()
    return {outcome = target.outcome and target:outcome(run), created = created_by(target, run)}
end

--- As a kill in the middle of writing leaves it.
function killed.cut_last_line(target)
    local path = target:journal_path(target:only_run())
    local text = must(fs.read(path))
    must(fs.truncate(path, #text - #text:match("[^\n]*\n$") // 2))
end

--- Runs the words in the target until the moment {function, number, before|after}.
function killed.kill(target, moment, words)
    local result = target:salvor(table.move(words, 1, #words, 5,
        {killed.KILL_AFTER, moment[1], tostring(moment[2]), moment[3]}))
    if result.signal ~= 9 then
        error("it was not killed:\n" .. result.stdout .. result.stderr)
    end
end

local function go_on(run)
    return {"run", "--resume", run, "--yes"}
end

--- define{start =, shared =, words =, again =, moments =, every =}. shared: the worlds serve one
--- attempt after the other, of which one that was killed for good may still have the lock.
--- words(target) -> the command that is killed; the procedure's run, with a yes to what is lost,
--- when nil. again(run) -> the one that goes on; salvor run --resume RUN --yes when nil. What has
--- many records has its tests in several files, one for each of the moments, a set of "after",
--- "before" and "torn"; every = 7 takes each seventh record of what is tested so elsewhere.
function killed.define(options)
    local expected, records = {}, nil
    local again = options.again or go_on

    local function words_for(target)
        local words = options.words and options.words(target) or target:agreed_words()
        if options.shared then
            words[#words + 1] = "--break-lock"
        end
        return words
    end

    --- Calls fn(worker) for each worker at the same time.
    local function all_workers(fn)
        local workers = {}
        for worker = 1, killed.WORKERS do
            workers[worker] = worker
        end
        task.map(workers, fn, {workers = killed.WORKERS})
    end

    busted.setup(function()
        all_workers(function(worker)
            local target <close> = options.start(worker)
            local before = #target:runs() > 0 and #target:journal() or 0
            salvor.expect_code(0, target:salvor(words_for(target)))
            expected[worker] = state_of(target)
            records = #target:journal() - before
        end)
    end)

    local function check(worker, number, moment, spoil)
        local target <close> = options.start(worker)
        killed.kill(target, {"journal.append", number, moment}, words_for(target))
        if spoil then
            spoil(target)
        end
        salvor.expect_code(0, target:salvor(again(target:only_run())))
        luassert.same(expected[worker], state_of(target), moment .. " record " .. number)
    end

    local function check_each(first, last, moment, spoil)
        local next_one = first
        all_workers(function(worker)
            while next_one <= last do
                local number = next_one
                next_one = next_one + (options.every or 1)
                check(worker, number, moment, spoil)
            end
        end)
    end

    local function it(moment, text, test)
        if not options.moments or options.moments[moment] then
            busted.it(text, test)
        end
    end

    -- There is no run before its first record is written.
    it("after", "after each record of the journal", function()
        check_each(2, records - 1, "after")
    end)

    it("before", "before each record of the journal: what it tells of is done already", function()
        check_each(2, records, "before")
    end)

    it("torn", "while a record was written: its line is torn", function()
        check_each(2, records, "after", killed.cut_last_line)
    end)
end

return killed
