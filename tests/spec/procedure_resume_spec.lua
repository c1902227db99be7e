-- How a run goes through its steps, stops, and is resumed: with small scripts that note in a file
-- what they do.
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")

lab.describe("a run", function()
    local small, home

    before_each(function()
        small = small_procedure.new()
        home = small.home
    end)

    after_each(function()
        small:close()
    end)

    local function steps(list)
        small:steps(list)
    end

    local function command(words, options)
        return small:run(words, options)
    end

    local function notes()
        return small:notes()
    end

    local function fail(yes)
        small:set("fail", yes)
    end

    --- Leaves of the journal the first record alone, which nothing then follows that could tell of
    --- its change.
    local function rewrite_begin(run, pattern, text)
        local path = small:journal_path(run)
        local first = salvor.lines(must(fs.read(path)))[1]
        must(fs.write(path, (first:gsub(pattern, text)) .. "\n"))
    end

    --- What salvor runs tells of the last one.
    local function listed()
        local result = salvor.run({"runs", "--output", "json"}, {home = home})
        return must(json.decode(result.stdout))[1]
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
        salvor.expect(result.stdout, "not needed  no", "already so  already", "done        yes")
        local report = salvor.run({"report", listed().run, "--output", "json"}, {home = home})
        local told = {}
        for index, step in ipairs(must(json.decode(report.stdout)).steps) do
            told[index] = step.id .. ": " .. step.status
        end
        assert.same({"no: not needed", "already: already so", "yes: done"}, told)
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

    it("asks again before it destroys something again, which nobody had agreed to", function()
        steps({
            'id = "one", destructive = "all of it", run = function() note("one")'
                .. ' must(fs.write(home .. "/one", "")) end,'
                .. ' verify = function() return fs.stat(home .. "/one") end',
            'id = "two", run = function() fail_at_will() end',
        })
        fail(true)
        salvor.expect_code(5, command({"site/script", "--yes"}))
        fail(false)
        must(fs.remove(home .. "/one"))
        local refused = small:resume()
        salvor.expect_code(6, refused)
        salvor.expect(refused.stderr, "this destroys all of it; --yes agrees beforehand; "
            .. "go on with: salvor run --resume " .. small:only_run())
        assert.equal("one\n", notes())
        assert.same({"refused", "salvor run --resume " .. small:only_run()},
            {listed().status, listed().go_on})
        local typed = command({"--resume", small:only_run()}, {prefix = {"python3",
            "tests/support/terminal.py", "to go on:", "no\\n"}})
        salvor.expect(typed.stdout, "6, echo on", "the operator said no; go on with: salvor run"
            .. " --resume " .. small:only_run())
        salvor.expect_code(0, small:resume({"--yes"}))
        assert.equal("one\none\n", notes())
    end)

    it("stops when what a step did cannot be verified", function()
        steps({'id = "one", run = function() end, verify = function() return false end'})
        local result = command({"site/script"})
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step one: what it did cannot be verified")
    end)

    it("tells which step gives something else than a text", function()
        local function expect(step, ...)
            steps({step})
            salvor.expect(command({"site/script"}).stderr, ...)
        end
        expect('id = "look", check = true, run = function(ctx)'
            .. ' return ctx:problem(require("salvor.error").new({code = "Failed", message = "no"}))'
            .. ' end', "check 'look'", "ctx:problem: message: string or number expected, got ")
        expect('id = "one", run = function(ctx) ctx:warn("mind", {}) end',
            "stopped at step one", "ctx:warn: hint: string or number or nil expected, got table")
        expect('id = "one", destructive = function() end, run = function() end',
            "step 'one': destructive must give a string, gave nil")
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

    it("shows no secret of what a script says or raises", function()
        steps({'id = "look", check = true, run = function(ctx)'
                   .. ' ctx:warn("no " .. ctx.params.password, "yes " .. ctx.params.password) end',
               'id = "one", run = function(ctx) error("not " .. ctx.params.password) end'})
        local stopped = command({"site/script", "-p", "password=correct horse"})
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step one: ")
        assert.is_nil((stopped.stdout .. stopped.stderr):find("correct horse", 1, true))
        for path, data in pairs(salvor.tree(home .. "/state")) do
            assert.is_nil(data:find("correct horse", 1, true), path)
        end
    end)

    it("keeps what programs say in no known encoding", function()
        steps({[[id = "one", run = function(ctx)
            ctx:note("a note \255")
            ctx:perform({verb = "ring", target = "the bell \255", run = function()
                return nil, require("salvor.error").new({code = "Failed", message = "no \255"})
            end})
        end]]})
        local stopped = command({"site/script"})
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step one: no \\xff")
        assert.equal("the bell \\xff", small:records_of("effect.begin")[1].target)
        assert.equal("no \\xff", small:records_of("effect.failed")[1].message)
        assert.equal("no \\xff", small:records_of("step.failed")[1].message)
        assert.equal("no \\xff", listed().message)
    end)

    it("is not resumed on another cluster", function()
        steps({'id = "one", run = function() fail_at_will() note("one") end'})
        fail(true)
        local run = command({"site/script"}).stderr:match("resume (%S+)")
        fail(false)
        rewrite_begin(run, '"uid":"%x+', '"uid":"00000000')
        local result = command({"--resume", run})
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "this is another cluster than the one run " .. run
            .. " began on", "name its context with --context")
        assert.equal("", notes())
    end)

    it("is not resumed with another parameter, or in another namespace", function()
        steps({'id = "one", run = function(ctx) note(ctx.namespace) end',
               'id = "two", run = function(ctx) fail_at_will() note(ctx.params.word) end'})
        fail(true)
        command({"site/script", "-p", "word=hello"})
        fail(false)
        local run = small:only_run()
        local function resume(...)
            return salvor.run({"run", "--resume", run, ...}, {home = home})
        end
        local other = resume("-p", "word=other")
        salvor.expect_code(2, other)
        salvor.expect(other.stderr, "parameter 'word' is what it was when the run began",
            "only secret ones are given again")
        local elsewhere = resume("-n", "default")
        salvor.expect_code(2, elsewhere)
        salvor.expect(elsewhere.stderr, "run " .. run .. " works on namespace " .. small.namespace
            .. ", not on default", "leave --namespace out")
        assert.equal(small.namespace .. "\n", notes())
        salvor.expect_code(0, resume("-n", small.namespace))
        assert.equal(small.namespace .. "\nhello\n", notes())
    end)

    it("is resumed by one at a time", function()
        steps({'id = "one", run = function() note("one") wait_for_go() end'})
        local running = task.spawn(command, {"site/script"})
        small:await_note("one")
        local run = small:only_run()
        local second = command({"--resume", run})
        salvor.expect_code(1, second)
        salvor.expect(second.stderr, "run " .. run .. " is at work already", "wait for it to end")
        small:set("go", true)
        salvor.expect_code(0, running:join())
        assert.equal("one\n", notes())
    end)

    it("verifies what is finished, and keeps that", function()
        steps({
            'id = "one", run = function() note("one") end, verify = function() return true end',
            'id = "two", run = function() fail_at_will() end',
        })
        fail(true)
        command({"site/script"})
        fail(false)
        local resumed = small:resume()
        salvor.expect_code(0, resumed)
        salvor.expect(resumed.stdout, "resuming run " .. small:only_run() .. " of site/script",
            "verified    one")
        assert.equal("one", small:records_of("step.verified")[1].step)
    end)

    it("can be resumed still when that was stopped before it did anything", function()
        steps({'id = "one", run = function() error("oh") end'})
        salvor.expect_code(5, command({"site/script"}))
        local go_on = "salvor run --resume " .. small:only_run()
        local administrator, restricted = small.kubeconfig, lab.kubeconfig("restricted")
        if not restricted then
            pending("another user is needed")
        end
        small.kubeconfig = restricted
        local failed = small:resume()
        salvor.expect_code(4, failed)
        salvor.expect(failed.stdout, "FAILED      permissions",
            "a check failed: nothing more was changed; go on with: " .. go_on)
        assert.same({"preflight", go_on}, {listed().status, listed().go_on})
        small.kubeconfig = administrator
        must(small.client:create({apiVersion = "coordination.k8s.io/v1", kind = "Lease",
                                  metadata = {name = "salvor"},
                                  spec = {holderIdentity = "ann", leaseDurationSeconds = 1000}}))
        salvor.expect_code(1, small:resume())
        assert.same({"locked", go_on}, {listed().status, listed().go_on})
        salvor.expect(listed().message, "somebody works on namespace")
    end)

    it("says at which step it stopped, whichever part of that failed", function()
        for _, part in ipairs({"when", "done", "verify", "run"}) do
            local own <close> = small_procedure.new()
            own:steps({'id = "one", run = function() end, ' .. part
                .. ' = function() error("oh") end'})
            salvor.expect_code(5, own:run())
            local last = own:records_of("run.end")[1]
            assert.same({"stopped", "one"}, {last.status, last.step}, part)
            salvor.expect(last.message, "oh")
        end
    end)

    it("goes on with another Salvor, and says so", function()
        steps({'id = "one", run = function() fail_at_will() note("one") end'})
        fail(true)
        local run = command({"site/script"}).stderr:match("resume (%S+)")
        fail(false)
        rewrite_begin(run, '"salvor":"[^"]+"', '"salvor":"0.0.1"')
        local resumed = command({"--resume", run})
        salvor.expect_code(0, resumed)
        salvor.expect(resumed.stdout, "it was begun with Salvor 0.0.1, this is ")
        assert.equal(require("salvor").version, small:records_of("run.resume")[1].salvor)
    end)

    it("is not resumed by a Salvor whose bundled script is another one", function()
        local run = "20200101-000000-abcdef"
        local folder = home .. "/state/salvor/runs/" .. run
        must(fs.mkdir(folder, {parents = true}))
        must(fs.write(folder .. "/journal.jsonl", must(json.encode({
            number = 1, previous = ("0"):rep(64), time = "2020-01-01T00:00:00Z",
            type = "run.begin", run = run, procedure = "apic-v10/readiness", salvor = "0.0.1",
            script = {bundled = true, sha256 = "another"}, params = {}, namespace = "apic",
            cluster = {server = small.client.server},
        })) .. "\n"))
        local result = command({"--resume", run})
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "the script has changed since run " .. run .. " began",
            "start a new run, or go on with Salvor 0.0.1, as it was begun (this is "
                .. require("salvor").version .. ")")
    end)

    it("tells how to go on when it is interrupted", function()
        steps({'id = "one", run = function() note("one") wait_for_go() end'})
        local running = task.spawn(command, {"site/script"})
        small:await_note("one")
        local run = small:only_run()
        small:signal("INT")
        local result = running:join()
        assert.equal(2, result.signal)
        salvor.expect(result.stderr, "interrupted at step one; go on with: salvor run --resume "
            .. run)
        small:set("go", true)
        salvor.expect_code(0, command({"--resume", run}))
    end)

    it("is ended at once by a second Ctrl-C, and can be resumed still", function()
        steps({'id = "one", run = function()'
            .. ' local _ <close> = setmetatable({}, {__close = function()'
            .. ' note("closing") wait_for_go() end}) note("one") wait_for_go() end'})
        local running = task.spawn(command, {"site/script"})
        small:await_note("one")
        local run = small:only_run()
        small:signal("INT")
        small:await_note("closing")
        small:signal("INT")
        assert.equal(2, running:join().signal)
        assert.same({"interrupted", "salvor run --resume " .. run},
            {listed().status, listed().go_on})
        small:set("go", true)
        salvor.expect_code(0, command({"--resume", run}))
        assert.equal("own", small:records_of("lock.acquired")[2].how)
    end)

    it("gives its lock back when its terminal is gone", function()
        steps({'id = "one", run = function() note("one") wait_for_go() end'})
        local running = task.spawn(command, {"site/script"})
        small:await_note("one")
        small:signal("HUP")
        assert.equal(129, running:join().code)
        assert.equal(1, #small:records_of("lock.released"))
        assert.equal(1, #small:records_of("run.interrupted"))
    end)

    it("stops when its journal cannot be written any more, and goes on when it can", function()
        local list = {}
        for number = 1, 20 do
            list[number] = string.format('id = "s%d", run = function(ctx)'
                .. ' must(ctx.k8s:create(config_map(ctx:name("c%d"), {text = ("x"):rep(90)})))'
                .. ' note("s%d") end', number, number, number)
        end
        steps(list)
        -- A limit on the size of files stands for a full disk.
        local full = {prefix = {"sh", "-c", 'ulimit -f 16; trap "" XFSZ; exec "$0" "$@"'}}
        local stopped = command({"site/script"}, full)
        salvor.expect_code(5, stopped)
        local run = small:only_run()
        salvor.expect(stopped.stderr, "stopped at step s", "journal.jsonl: ",
            "go on with: salvor run --resume " .. run)
        assert.equal("NotFound", select(2, small.client:get("lease", "salvor")).code)
        assert.equal("interrupted", listed().status)
        local noted = #salvor.lines(notes())
        assert.is_true(noted > 0 and noted < 20)
        local again = command({"--resume", run}, full)
        salvor.expect_code(1, again)
        assert.equal(noted, #salvor.lines(notes()))
        salvor.expect_code(0, command({"--resume", run}))
        assert.equal(20, #must(small.client:list("cm", {label_selector = "salvor-run=" .. run})))
        salvor.expect_code(0, salvor.run({"runs", "--check"}, {home = home}))
    end)

    it("is not resumed where its journal can only be read", function()
        steps({'id = "one", run = function() fail_at_will() end'})
        fail(true)
        local run = command({"site/script"}).stderr:match("resume (%S+)")
        local folder = fs.dirname(small:journal_path(run))
        must(proc.run({"chmod", "400", fs.join(folder, "lock")}))
        must(proc.run({"chmod", "500", folder}))
        local result = command({"--resume", run}, {prefix = salvor.UNPRIVILEGED})
        local listing = salvor.run({"runs", "--check"}, {home = home,
                                                         prefix = salvor.UNPRIVILEGED})
        must(proc.run({"chmod", "700", folder}))
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "the journal of the run cannot be written: ", "/lock: ",
            "work as the user, and on the machine, that the run began with; nothing was changed")
        salvor.expect_code(0, listing)
        salvor.expect(listing.stdout, run .. "  ok")
    end)
end)
