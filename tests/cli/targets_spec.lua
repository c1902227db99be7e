-- One procedure on several targets: contexts or sites, each with a run of its own.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local scripts = require("support.site")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

-- What the steps may use: they note what they do in a file of their target's.
local PRELUDE = [[
local fs = require("salvor.fs")
local task = require("salvor.task")
local home = os.getenv("HOME")
local function note(ctx, text)
    must(fs.append(home .. "/notes-" .. ctx.namespace, text .. " "))
end
local function await(name)
    for _ = 1, 6000 do
        if fs.stat(home .. "/" .. name) then return end
        task.sleep(0.02)
    end
    error("no " .. name)
end
]]

lab.describe("several targets", function()
    local NAMES = {"one", "two", "three", "four"}
    local home, closing, kubeconfig
    local namespaces = {}

    setup(function()
        for _, name in ipairs(NAMES) do
            namespaces[name] = lab.namespace()
        end
    end)

    teardown(function()
        for _, namespace in pairs(namespaces) do
            lab.client():delete("namespaces", namespace)
        end
    end)

    before_each(function()
        home, closing = scripts.new_home()
        local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
        local context = config.contexts[1].context
        for _, name in ipairs(NAMES) do
            table.insert(config.contexts, {name = name, context = {
                cluster = context.cluster, user = context.user, namespace = namespaces[name]}})
        end
        kubeconfig = home .. "/kubeconfig"
        must(fs.write(kubeconfig, must(yaml.dump(config))))
    end)

    after_each(function()
        getmetatable(closing).__close()
    end)

    --- The code with the namespaces' names in it: NS_ONE.
    local function with_names(code)
        return (code:gsub("NS_(%u+)", function(name)
            return namespaces[name:lower()]
        end))
    end

    --- A procedure with one step.
    local function install(run, more)
        local step = {run = "function(ctx) " .. with_names(run) .. " end"}
        for name, value in pairs(more or {}) do
            step[name] = value
        end
        scripts.install(home, "site/script", PRELUDE .. scripts.script({}, step))
    end

    local function command(words, options)
        local all = {home = home, env = {KUBECONFIG = kubeconfig}}
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        return salvor.run(words, all)
    end

    local function notes(name)
        return fs.read(home .. "/notes-" .. namespaces[name])
    end

    --- The row of a target in the table of results.
    local function row(result, name)
        return result.stdout:match("TARGET .*\n(" .. name .. "  [^\n]*)")
    end

    it("are planned side by side, each line with its name", function()
        install('note(ctx, "never")', {done = "function() return true end"})
        local result = command({"plan", "site/script", "--context", "one,three"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "one   | plan of site/script", "three | plan of site/script",
            "one   | on https://", "(context three), namespace " .. namespaces.three,
            "one   |   done        only")
        assert.matches("^one +done$", row(result, "one"))
        assert.matches("^three +done$", row(result, "three"))
        assert.is_nil(fs.stat(home .. "/state"))
    end)

    it("are run each for itself: what one fails in does not stop the others", function()
        install('if ctx.namespace == "NS_TWO" then must(nil, require("salvor.error").new{'
            .. 'code = "Failed", message = "no luck"}) end note(ctx, "done")')
        local result = command({"run", "site/script", "--context", "one,two,three"})
        salvor.expect_code(5, result)
        assert.equal("done ", notes("one"))
        assert.equal("done ", notes("three"))
        assert.is_nil(notes("two"))
        local runs = {}
        for _, name in ipairs({"one", "two", "three"}) do
            local status, run = row(result, name):match("^%S+ +(%S+) +(%d+%-%d+%-%x+)")
            assert.equal(name == "two" and "stopped" or "done", status)
            runs[run] = true
        end
        assert.equal(3, #require("salvor").keys(runs))
        salvor.expect(row(result, "two"), "stopped at step only: no luck")
        salvor.expect(result.stderr,
            "salvor: two: stopped at step only: no luck; go on with: salvor run --resume ")
    end)

    it("may be one whose cluster cannot be reached", function()
        install('note(ctx, "done")')
        local config = must(yaml.edit(must(fs.read(kubeconfig))))
        must(config:set("clusters[2]", {name = "gone", cluster = {server = "https://127.0.0.1:9"}}))
        must(config:set("contexts[6]", {name = "gone", context = {cluster = "gone", user = "x"}}))
        must(config:set("users[2]", {name = "x", user = {token = "t"}}))
        must(fs.write(kubeconfig, tostring(config)))
        local result = command({"run", "site/script", "--context", "gone,one,nowhere"})
        salvor.expect_code(1, result)
        assert.equal("done ", notes("one"))
        salvor.expect(row(result, "gone"), "failed", "cannot reach 127.0.0.1:9")
        salvor.expect(row(result, "nowhere"), "failed", "nowhere")
    end)

    it("end with the exit code of the one that is worst off", function()
        --- What happens in one and two, and the exit code: a check that fails, a step that fails.
        local CHECK, STEP = {'ctx:problem("not today")', 4}, {'error("fault")', 5}
        for _, case in ipairs({{CHECK, CHECK, 4}, {CHECK, STEP, 5}, {STEP, CHECK, 5}}) do
            scripts.install(home, "site/script", PRELUDE .. with_names(scripts.script({steps = [[{
                {id = "look", title = "T", why = "W", check = true, run = function(ctx)
                    if ctx.namespace == "NS_ONE" then ONE else TWO end end},
                {id = "act", title = "T", why = "W", run = function(ctx)
                    if ctx.namespace == "NS_ONE" then THREE else FOUR end end},
            }]]})):gsub("%u%u%u+", {
                ONE = case[1] == CHECK and CHECK[1] or "",
                TWO = case[2] == CHECK and CHECK[1] or "",
                THREE = case[1] == STEP and STEP[1] or "",
                FOUR = case[2] == STEP and STEP[1] or "",
            }))
            local result = command({"run", "site/script", "--context", "one,two"})
            salvor.expect_code(case[3], result)
        end
    end)

    it("are told in the table which check of theirs has failed", function()
        install('if ctx.namespace == "NS_ONE" then ctx:problem("not today", "tomorrow")'
            .. ' ctx:problem("nor tomorrow") end', {check = "true"})
        for _, verb in ipairs({"run", "plan"}) do
            local result = command({verb, "site/script", "--context", "one,two"})
            salvor.expect_code(4, result)
            assert.matches("a check failed .*only: not today$", row(result, "one"))
            assert.matches("^two +done", row(result, "two"))
        end
    end)

    it("are one list in JSON", function()
        install('ctx.facts.where = ctx.namespace'
            .. ' if ctx.namespace == "NS_TWO" then error("fault") end')
        local result = command({"run", "site/script", "--context", "one,two", "--output", "json"})
        salvor.expect_code(5, result)
        local list = must(json.decode(result.stdout))
        assert.equal("one done done", table.concat({list[1].target, list[1].result,
                                                    list[1].status}, " "))
        assert.truthy(fs.stat(list[1].journal))
        assert.same({where = namespaces.one}, list[1].facts)
        assert.equal("two stopped Stopped", table.concat({list[2].target, list[2].result,
                                                          list[2].error.code}, " "))
        assert.matches("^%d+%-%d+%-%x+$", list[2].run)
        salvor.expect(result.stderr, "one | run ", "two | run ")
        local plans = must(json.decode(command({"plan", "site/script", "--context", "one,two",
                                                "-o", "json"}).stdout))
        assert.equal(namespaces.one, plans[1].namespace)
        assert.equal("InvalidScript", plans[2].error.code)
    end)

    it("may be sites, by their names", function()
        install('note(ctx, "done")')
        for name, context in pairs({frankfurt = "one", berlin = "two"}) do
            must(fs.write(home .. "/" .. name .. ".yaml", "name: " .. name .. "\ncontext: "
                .. context .. "\n"))
        end
        must(fs.write(home .. "/broken.yaml", "nam: x\n"))
        local words = {"run", "site/script"}
        for _, name in ipairs({"frankfurt", "berlin", "broken"}) do
            table.move({"--site", home .. "/" .. name .. ".yaml"}, 1, 2, #words + 1, words)
        end
        local result = command(words)
        salvor.expect_code(2, result)
        salvor.expect(result.stdout, "frankfurt   | site frankfurt", "berlin      | site berlin")
        salvor.expect(row(result, "broken.yaml"), "usage", "unknown key 'nam'")
        assert.equal("done done ", notes("one") .. notes("two"))
    end)

    it("may be sites in one context", function()
        install("")
        local words = {"plan", "site/script", "--context", "two", "--output", "json"}
        for _, name in ipairs({"a", "b"}) do
            must(fs.write(home .. "/" .. name .. ".yaml", "context: one\n"))
            table.move({"--site", home .. "/" .. name .. ".yaml"}, 1, 2, #words + 1, words)
        end
        local result = command(words)
        salvor.expect_code(0, result)
        for _, plan in ipairs(must(json.decode(result.stdout))) do
            assert.equal(namespaces.two, plan.namespace)
        end
    end)

    it("are worked on so many at a time as --parallel says", function()
        install([[note(ctx, "begin") fs.append(home .. "/all", "+")
            task.sleep(0.05) fs.append(home .. "/all", "-")]])
        local ALL = "one,two,three,four"
        salvor.expect_code(0, command({"run", "site/script", "--context", ALL, "--parallel", "1"}))
        assert.equal("+-+-+-+-", must(fs.read(home .. "/all")))
        must(fs.remove(home .. "/all"))
        salvor.expect_code(0, command({"run", "site/script", "--context", ALL, "--parallel", "2"}))
        local now, most = 0, 0
        for sign in must(fs.read(home .. "/all")):gmatch(".") do
            now = now + (sign == "+" and 1 or -1)
            most = math.max(most, now)
        end
        assert.is_true(most <= 2)
        -- Two that wait for each other get on only when both are at work.
        install('fs.append(home .. "/at-" .. ctx.namespace, "")'
            .. ' await("at-" .. (ctx.namespace == "NS_ONE" and "NS_TWO" or "NS_ONE"))')
        salvor.expect_code(0, command({"run", "site/script", "--context", "one,two"}))
    end)

    describe("with a step that destroys something", function()
        before_each(function()
            install('note(ctx, "done")', {destructive = '"the data"'})
        end)

        it("change nothing where nobody can be asked", function()
            local result = command({"run", "site/script", "--context", "one,two"})
            salvor.expect_code(6, result)
            salvor.expect(row(result, "two"), "refused")
            assert.is_nil(notes("one") or notes("two"))
        end)

        it("are all agreed to by --yes", function()
            local result = command({"run", "site/script", "--context", "one,two", "--yes"})
            salvor.expect_code(0, result)
            assert.equal("done done ", notes("one") .. notes("two"))
        end)

        local function answer(text, words)
            local argv = {"python3", fs.absolute("tests/support/terminal.py"),
                          "type the data to go on: ", text, salvor.path, "run", "site/script",
                          "--context", "one,two"}
            table.move(words or {}, 1, #(words or {}), #argv + 1, argv)
            return must(proc.run(argv, {timeout = 60, env = {
                HOME = home, KUBECONFIG = kubeconfig, XDG_STATE_HOME = home .. "/state",
                XDG_CONFIG_HOME = home .. "/config", XDG_CACHE_HOME = home, NO_COLOR = "1",
            }})).stdout
        end

        for _, parallel in ipairs({"1", "4"}) do
            it("ask for each before any is begun, " .. parallel .. " at a time", function()
                local shown = answer("the data\\nthe data\\n", {"--parallel", parallel})
                salvor.expect(shown, "0, echo on", "one: this destroys the data; type the data",
                    "two: this destroys the data; type the data")
                -- What else is to be told waits for the answer.
                assert.matches("^[^?]-type the data to go on: the data", shown)
                local _, asked = shown:find("this destroys.*this destroys")
                assert.is_true(asked < shown:find("done        only", 1, true), shown)
                assert.equal("done done ", notes("one") .. notes("two"))
            end)
        end

        it("go on where a yes was said", function()
            local shown = answer("the data\\nno\\n")
            salvor.expect(shown, "6, echo on")
            assert.equal("done ", (notes("one") or "") .. (notes("two") or ""))
        end)
    end)

    it("are all stopped by Ctrl-C, and each can be resumed", function()
        install('note(ctx, "begin") fs.append(home .. "/at-" .. ctx.namespace, "")'
            .. ' await("go") note(ctx, "end")')
        local running = task.spawn(command, {"run", "site/script", "--context", "one,two"})
        eventually("the steps of both", function()
            return notes("one") and notes("two")
        end)
        local runs = must(fs.list(home .. "/state/salvor/runs"))
        assert.equal(2, #runs)
        local pid = must(fs.read(home .. "/state/salvor/runs/" .. runs[1].name .. "/lock"))
        must(proc.run({"kill", "-INT", pid:match("%d+")}))
        local result = running:join()
        assert.equal(2, result.signal)
        must(fs.write(home .. "/go", ""))
        for _, name in ipairs({"one", "two"}) do
            local id = result.stderr:match(name .. ": interrupted; go on with: salvor run "
                .. "%-%-resume (%S+)")
            salvor.expect_code(0, command({"run", "--resume", id}))
            assert.equal("begin begin end ", notes(name))
        end
    end)

    it("are refused when it is not clear what is meant", function()
        install("")
        must(fs.write(home .. "/a.yaml", "name: same\n"))
        must(fs.write(home .. "/b.yaml", "name: same\n"))
        local A, B = home .. "/a.yaml", home .. "/b.yaml"
        local CASES = {
            {{"site/script", "--context", "one,one"}, "target 'one' is named twice"},
            {{"site/script", "--site", A, "--site", B}, "target 'same' is named twice"},
            {{"site/script", "--context", "one,"}, "--context 'one,' has a name that is empty"},
            {{"site/script", "--context", ","}, "--context ',' has a name that is empty"},
            {{"site/script", "--context", "one,two", "--site", A, "--site", B},
             "several contexts and several sites"},
            {{"site/script", "--context", "one,two", "--parallel", "0"}, "--parallel is a number"},
            {{"site/script", "--context", "one,two", "--parallel", "x"}, "--parallel is a number"},
            {{"--resume", "x", "--context", "one,two"}, "--resume is about one target"},
        }
        for _, case in ipairs(CASES) do
            local result = command(table.move(case[1], 1, #case[1], 2, {"run"}))
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, case[2])
        end
        assert.is_nil(fs.stat(home .. "/state"))
    end)
end)
