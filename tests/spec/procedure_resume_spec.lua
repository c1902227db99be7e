-- How a run goes through its steps, stops, and is resumed: with small scripts that note in a file
-- what they do.
local fs = require("salvor.fs")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local site = require("support.site")
local task = require("salvor.task")

-- What the steps of these scripts may use: they note, and fail as long as a file "fail" is there.
local PRELUDE = [[
local fs = require("salvor.fs")
local home = os.getenv("HOME")
local function note(text)
    must(fs.append(home .. "/notes", text .. "\n"))
end
local function fail_at_will()
    must(not fs.stat(home .. "/fail"), require("salvor.error").new{
        code = "Timeout", message = "not yet", hint = "be patient", retryable = true})
end
]]

lab.describe("a run", function()
    local home, closing

    before_each(function()
        home, closing = site.new_home()
    end)

    after_each(function()
        getmetatable(closing).__close()
    end)

    local function steps(list)
        local texts = {}
        for index, step in ipairs(list) do
            texts[index] = '{title = "A step", why = "Because.", ' .. step .. "}"
        end
        site.install(home, "site/script", PRELUDE .. site.script({
            steps = "{" .. table.concat(texts, ",\n") .. "}",
            params = '{{name = "word", type = "string", help = "a word", default = "none"},'
                .. ' {name = "folder", type = "path", help = "a folder", default = "here"},'
                .. ' {name = "password", type = "secret", help = "a secret"}}'}))
    end

    local function command(words, options)
        local all = {"run"}
        table.move(words, 1, #words, 2, all)
        local more = options or {}
        return salvor.run(all, {home = home, cwd = more.cwd,
                                env = {KUBECONFIG = more.kubeconfig or lab.kubeconfig()}})
    end

    local function notes()
        return fs.read(home .. "/notes") or ""
    end

    local function fail(yes)
        if yes then
            must(fs.write(home .. "/fail", ""))
        else
            must(fs.remove(home .. "/fail"))
        end
    end

    it("leaves out steps that are not wanted or already so", function()
        steps({
            'id = "no", when = function() return false end, run = function() note("no") end',
            'id = "already", done = function() return true end,'
                .. ' run = function() note("already") end',
            'id = "yes", run = function() note("yes") end',
        })
        local result = command({"site/script"})
        salvor.expect_code(0, result)
        assert.equal("yes\n", notes())
        salvor.expect(result.stdout, "already so  already", "done        yes")
    end)

    it("gives facts to later steps, and to those of a resumed run", function()
        steps({
            'id = "one", run = function(ctx) ctx.facts.word = ctx.params.word note("one") end',
            'id = "two", run = function(ctx) fail_at_will() note(ctx.facts.word) end',
        })
        fail(true)
        local stopped = command({"site/script", "-p", "word=hello"})
        salvor.expect_code(5, stopped)
        local run = stopped.stderr:match("go on with: salvor run %-%-resume (%S+)")
        salvor.expect(stopped.stderr, "stopped at step two: not yet; be patient; then go on with:")
        fail(false)
        local resumed = command({"--resume", run})
        salvor.expect_code(0, resumed)
        assert.equal("one\nhello\n", notes())
        salvor.expect(resumed.stdout, "before      one", "done        two")
    end)

    it("does a finished step again when it does not hold any more", function()
        steps({
            'id = "one", run = function() note("one") must(fs.write(home .. "/one", "")) end,'
                .. ' verify = function() return fs.stat(home .. "/one") end',
            'id = "two", run = function() fail_at_will() end',
        })
        fail(true)
        local run = command({"site/script"}).stderr:match("%-%-resume (%S+)")
        fail(false)
        must(fs.remove(home .. "/one"))
        salvor.expect_code(0, command({"--resume", run}))
        assert.equal("one\none\n", notes())
    end)

    it("stops when what a step did cannot be verified", function()
        steps({'id = "one", run = function() end, verify = function() return false end'})
        local result = command({"site/script"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step one: what it did cannot be verified")
    end)

    it("tries a step again after a passing failure, as often as it says", function()
        steps({'id = "one", retry = 2, run = function()'
            .. ' note("try") if #fs.read(home .. "/notes") < 12 then fail_at_will() end end'})
        fail(true)
        local result = command({"site/script"})
        salvor.expect_code(0, result)
        assert.equal("try\ntry\ntry\n", notes())
        salvor.expect(result.stdout, "tried again after: not yet")
    end)

    it("stops a step that takes longer than it says", function()
        steps({'id = "one", timeout = 0.1, run = function() require("salvor.task").sleep(60) end'})
        local result = command({"site/script"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step one", "not done within 0.1 s")
    end)

    it("keeps the place that a relative path meant", function()
        steps({'id = "one", run = function(ctx) fail_at_will() note(ctx.params.folder) end'})
        fail(true)
        must(fs.mkdir(home .. "/first"))
        must(fs.mkdir(home .. "/second"))
        local run = command({"site/script"}, {cwd = home .. "/first"}).stderr:match("resume (%S+)")
        fail(false)
        salvor.expect_code(0, command({"--resume", run}, {cwd = home .. "/second"}))
        assert.equal(home .. "/first/here\n", notes())
    end)

    it("keeps no secret: it is given again", function()
        steps({'id = "one", run = function(ctx) fail_at_will() note(#ctx.params.password) end'})
        fail(true)
        local stopped = command({"site/script", "-p", "password=correct horse"})
        local run = stopped.stderr:match("resume (%S+)")
        fail(false)
        for path, data in pairs(salvor.tree(home .. "/state")) do
            assert.is_nil(data:find("correct horse", 1, true), path)
        end
        salvor.expect_code(0, command({"--resume", run, "-p", "password=correct horse"}))
        assert.equal("13\n", notes())
    end)

    it("is not resumed on another cluster", function()
        steps({'id = "one", run = function() fail_at_will() note("one") end'})
        fail(true)
        local run = command({"site/script"}).stderr:match("resume (%S+)")
        fail(false)
        -- The journal says another cluster; its first line is not followed by a digest of it.
        local path = home .. "/state/salvor/runs/" .. run .. "/journal.jsonl"
        local first = salvor.lines(must(fs.read(path)))[1]
        must(fs.write(path, (first:gsub('"uid":"%x+', '"uid":"00000000')) .. "\n"))
        local result = command({"--resume", run})
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "this is another cluster than the one run " .. run
            .. " began on", "name its context with --context")
        assert.equal("", notes())
    end)

    it("is resumed by one at a time", function()
        steps({'id = "one", run = function() note("one")'
            .. ' while not fs.stat(home .. "/go") do require("salvor.task").sleep(0.02) end end'})
        local running = task.spawn(command, {"site/script"})
        while notes() == "" do
            task.sleep(0.02)
        end
        local run = must(fs.list(home .. "/state/salvor/runs"))[1].name
        local second = command({"--resume", run})
        salvor.expect_code(1, second)
        salvor.expect(second.stderr, "run " .. run .. " is at work already", "wait for it to end")
        must(fs.write(home .. "/go", ""))
        salvor.expect_code(0, running:join())
        assert.equal("one\n", notes())
    end)

    it("tells how to go on when it is interrupted", function()
        steps({'id = "one", run = function() note("one")'
            .. ' if not fs.stat(home .. "/go") then require("salvor.task").sleep(60) end end'})
        local running = task.spawn(command, {"site/script"})
        while notes() == "" do
            task.sleep(0.02)
        end
        local lock = must(fs.list(home .. "/state/salvor/runs"))[1].name
        local pid = must(fs.read(home .. "/state/salvor/runs/" .. lock .. "/lock")):match("%d+")
        must(proc.run({"kill", "-INT", pid}))
        local result = running:join()
        assert.equal(2, result.signal)
        salvor.expect(result.stderr, "interrupted; go on with: salvor run --resume " .. lock)
        must(fs.write(home .. "/go", ""))
        salvor.expect_code(0, command({"--resume", lock}))
    end)
end)
