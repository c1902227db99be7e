-- salvor runs and salvor report, and what a run leaves in its journal for them.
local copy = require("salvor.copy")
local digest = require("salvor.digest")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local killed = require("support.killed")
local lab = require("support.lab")
local salvor = require("support.salvor")
local site = require("support.site")
local task = require("salvor.task")

local PRELUDE = [[
local fs = require("salvor.fs")
local home = os.getenv("HOME")
]]

lab.describe("the runs of a user", function()
    local home, closing, client, namespace

    before_each(function()
        home, closing = site.new_home()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    after_each(function()
        client:delete("ns", namespace)
        getmetatable(closing).__close()
    end)

    local function install(run, fields, step)
        local all = {run = "function(ctx) " .. run .. " end"}
        for name, value in pairs(step or {}) do
            all[name] = value
        end
        site.install(home, "site/script", PRELUDE .. site.script(fields, all))
    end

    local function command(...)
        return salvor.run({...}, {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
    end

    local function start(...)
        return command("run", "site/script", "-n", namespace, ...)
    end

    local function ids()
        local found = {}
        for index, entry in ipairs(fs.list(home .. "/state/salvor/runs") or {}) do
            found[index] = entry.name
        end
        return found
    end

    local function path_of(id)
        return home .. "/state/salvor/runs/" .. id .. "/journal.jsonl"
    end

    local function only_id()
        local found = ids()
        assert.equal(1, #found)
        return found[1]
    end

    local function listed()
        local result = command("runs", "--output", "json")
        salvor.expect_code(0, result)
        return must(json.decode(result.stdout))
    end

    local function report(id)
        local result = command("report", id, "--output", "json")
        salvor.expect_code(0, result)
        return must(json.decode(result.stdout)), result.stdout
    end

    --- A journal of a run that never was, with these records.
    local function write_journal(id, records)
        must(fs.mkdir(home .. "/state/salvor/runs/" .. id, {parents = true}))
        local lines, previous = {}, string.rep("0", 64)
        for number, record in ipairs(records) do
            local line = must(json.encode(copy.merge(record, {
                number = number, previous = previous, time = "2020-01-01T00:00:00Z"})))
            lines[number], previous = line .. "\n", digest.sha256(line)
        end
        must(fs.write(path_of(id), table.concat(lines)))
    end

    local BEGIN = {type = "run.begin", procedure = "site/script", namespace = "apic",
                   cluster = {server = "https://here", context = "prod"}}

    it("are none at first", function()
        salvor.expect_code(0, command("runs"))
        assert.same({}, listed())
        assert.is_nil(fs.stat(home .. "/state"))
    end)

    it("are listed with how they ended, the newest first", function()
        install("if fs.stat(home .. '/fail') then error('no') end")
        salvor.expect_code(0, start())
        must(fs.write(home .. "/fail", ""))
        salvor.expect_code(5, start())
        write_journal("20200101-000000-abcdef", {BEGIN})
        local rows = listed()
        assert.equal("interrupted", rows[3].status)
        -- The two others may have begun in the same second.
        local stopped = rows[1].status == "stopped" and rows[1] or rows[2]
        assert.same({"stopped", "site/script", namespace, "only",
                     "salvor run --resume " .. stopped.run},
            {stopped.status, stopped.procedure, stopped.namespace, stopped.step, stopped.go_on})
        local text = command("runs").stdout
        salvor.expect(text, "RUN", "PROCEDURE", "TARGET", "BEGAN", "TOOK", "STATUS",
            "stopped at only", "done", "prod/apic")
        local first = text:find(rows[1].run, 1, true)
        assert.is_true(first < text:find("20200101", 1, true))
    end)

    it("tell which is at work", function()
        install("while not fs.stat(home .. '/go') do require('salvor.task').sleep(0.02) end")
        local running = task.spawn(start)
        eventually("its beginning", function()
            return ids()[1] and (fs.read(path_of(ids()[1])) or ""):find("step.begin", 1, true)
        end)
        assert.equal("running", listed()[1].status)
        salvor.expect(command("runs").stdout, "running: only")
        assert.equal("running", report(only_id()).status)
        must(fs.write(home .. "/go", ""))
        salvor.expect_code(0, running:join())
        assert.equal("done", listed()[1].status)
    end)

    it("tell those that were refused, and those of which a check failed", function()
        install("", nil, {destructive = '"the database"'})
        salvor.expect_code(6, start())
        install("ctx:problem('no')", nil, {check = "true"})
        salvor.expect_code(4, start())
        local states = {}
        for _, row in ipairs(listed()) do
            states[row.status] = row.go_on or "nothing to go on with"
        end
        assert.same({refused = "nothing to go on with", preflight = "nothing to go on with"},
            states)
    end)

    describe("are checked", function()
        before_each(function()
            write_journal("20200101-000000-aaaaaa", {BEGIN, {type = "step.begin", step = "x"},
                                                     {type = "run.end", status = "done"}})
            write_journal("20200102-000000-bbbbbb", {BEGIN, {type = "step.begin", step = "x"},
                                                     {type = "run.end", status = "done"}})
        end)

        it("and are as they were written", function()
            local result = command("runs", "--check")
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "20200101-000000-aaaaaa  ok", "20200102-000000-bbbbbb  ok",
                "3 records, SHA-256 ")
        end)

        it("and a damaged one is named by its record, and hides no other", function()
            local path = path_of("20200101-000000-aaaaaa")
            must(fs.write(path, (must(fs.read(path)):gsub('"step":"x"', '"step":"y"'))))
            local result = command("runs", "--check")
            salvor.expect_code(1, result)
            salvor.expect(result.stdout, "20200102-000000-bbbbbb  ok", "20200101-000000-aaaaaa  "
                .. "DAMAGED  " .. path .. ", record 3: does not follow the record before it")
            salvor.expect_code(0, command("runs", "--check", "20200102-000000-bbbbbb"))
            salvor.expect_code(1, command("runs", "--check", "20200101-000000-aaaaaa"))
            local rows = listed()
            assert.same({"done", "damaged"}, {rows[1].status, rows[2].status})
            assert.equal("site/script", rows[2].procedure)
            local told = command("report", "20200101-000000-aaaaaa")
            salvor.expect_code(1, told)
            salvor.expect(told.stdout, "The journal of this run is damaged", "DAMAGED")
        end)

        it("and what is no journal at all hides no other either", function()
            must(fs.write(path_of("20200101-000000-aaaaaa"), "\0\255\n\n{}\n"))
            must(fs.remove(path_of("20200102-000000-bbbbbb")))
            write_journal("20200103-000000-cccccc", {BEGIN})
            local rows = listed()
            assert.same({"interrupted", "damaged", "damaged"},
                {rows[1].status, rows[2].status, rows[3].status})
            salvor.expect_code(1, command("runs", "--check"))
            salvor.expect_code(1, command("report", "20200102-000000-bbbbbb"))
        end)

        it("and a torn end is told, and is no damage", function()
            local path = path_of("20200101-000000-aaaaaa")
            must(fs.append(path, '{"type":"st'))
            local before = must(fs.read(path))
            local result = command("runs", "--check", "20200101-000000-aaaaaa")
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "11 bytes of a record that was not written to its end")
            assert.equal(before, must(fs.read(path)))
        end)
    end)

    describe("that are old are removed", function()
        local OLD = {done = "20200101-000000-aaaaaa", stopped = "20200102-000000-bbbbbb",
                     empty = "20200103-000000-cccccc"}

        before_each(function()
            install("")
            salvor.expect_code(0, start())
            write_journal(OLD.done, {BEGIN, {type = "run.end", status = "done"}})
            write_journal(OLD.stopped, {BEGIN, {type = "step.begin", step = "x"},
                                        {type = "run.end", status = "stopped", step = "x"}})
            write_journal(OLD.empty, {})
        end)

        it("but for those that can be gone on with", function()
            local result = command("runs", "--remove-older-than", "90d")
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "removed " .. OLD.done, "removed " .. OLD.empty,
                "kept    " .. OLD.stopped .. "  stopped at x; --force removes it, too")
            assert.equal(2, #ids())
            assert.equal(OLD.stopped, ids()[1])
            salvor.expect_code(0, command("runs", "--remove-older-than", "90d", "--force"))
            assert.equal(1, #ids())
        end)

        it("but for damaged ones, which are unclear, and those that are at work", function()
            local damaged, busy = "20200104-000000-dddddd", "20200105-000000-eeeeee"
            write_journal(damaged, {BEGIN, {type = "run.end", status = "done"}})
            local path = path_of(damaged)
            must(fs.write(path, (must(fs.read(path)):gsub("apic", "else"))))
            write_journal(busy, {BEGIN})
            local held <close> = must(fs.lock(fs.dirname(path_of(busy)) .. "/lock"))
            local result = command("runs", "--remove-older-than", "90d")
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "kept    " .. damaged .. "  damaged; --force removes it")
            salvor.expect_code(0, command("runs", "--remove-older-than", "90d", "--force"))
            assert.is_nil(fs.stat(path))
            assert.truthy(fs.stat(path_of(busy)))
            assert.truthy(held)
        end)

        it("as a whole, also by one that is killed", function()
            local killed_at_it = salvor.run({killed.KILL_AFTER, "fs.remove_tree", "1", "before",
                                             "runs", "--remove-older-than", "90d"}, {home = home})
            assert.equal(9, killed_at_it.signal)
            assert.equal(3, #listed())
            assert.is_nil(fs.stat(path_of(OLD.empty)))
        end)

        it("and none that is not", function()
            salvor.expect_code(0, command("runs", "--remove-older-than", "10000d"))
            assert.equal(4, #ids())
        end)

        it("and only when it is clear what is meant", function()
            for _, words in ipairs({{"soon"}, {"90d", "--check"}, {"90d", OLD.done}}) do
                salvor.expect_code(2, command("runs", "--remove-older-than", table.unpack(words)))
            end
            assert.equal(4, #ids())
        end)
    end)

    it("that nobody knows are named", function()
        must(fs.mkdir(home .. "/state/salvor/runs", {parents = true}))
        for _, id in ipairs({"20200101-000000-abcdef", "..", "../../etc"}) do
            for _, words in ipairs({{"report", id}, {"runs", "--check", id}}) do
                local result = command(table.unpack(words))
                salvor.expect_code(2, result)
                salvor.expect(result.stderr, "there is no run '" .. id .. "'", "salvor runs lists")
            end
        end
    end)

    describe("keep for their report", function()
        it("what each write has changed, and what was waited for", function()
            must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "c"},
                                data = {a = "1", b = "1"}}))
            install([[
                must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
                    metadata = {name = "new"}, data = {long = string.rep("x", 1000)}}))
                must(ctx.k8s:patch("cm", "c", {data = {a = "2"}}))
                must(ctx.k8s:update("cm", "c", function(object) object.data.b = nil end))
                must(ctx.k8s:apply({apiVersion = "v1", kind = "ConfigMap",
                    metadata = {name = "c"}, data = {c = "3"}}))
                must(ctx.k8s:apply({apiVersion = "v1", kind = "ConfigMap",
                    metadata = {name = "c"}, data = {c = "3"}}))
                must(ctx.k8s:wait("cm", "c", {timeout = 5}))
                must(ctx.k8s:delete("cm", "c"))]])
            salvor.expect_code(0, start())
            local step = report(only_id()).steps[1]
            local told = {}
            for index, effect in ipairs(step.effects) do
                local lines = {}
                for _, change in ipairs(effect.changes or {}) do
                    lines[#lines + 1] = table.concat({change.op, change.path,
                        (change.before or ""):sub(1, 5), (change.after or ""):sub(1, 5)}, " ")
                end
                told[index] = effect.verb .. ": " .. table.concat(lines, ", ")
            end
            assert.same({"create: + data.long  xxxxx", "patch: ~ data.a 1 2",
                         "update: - data.b 1 ", "apply: + data.c  3", "apply: ", "delete: "}, told)
            salvor.expect(step.effects[1].changes[1].after, "… (1000 bytes, SHA-256 ")
            assert.is_string(step.effects[1].result.uid)
            assert.same({"cm c", "to be ready", 5, true}, {step.waits[1].target,
                step.waits[1].wanted, step.waits[1].timeout, step.waits[1].ok})
        end)

        it("nothing that a Secret holds, nor what was there before", function()
            must(client:create({apiVersion = "v1", kind = "Secret", metadata = {name = "s"},
                                stringData = {key = "sunken-treasure"}}))
            install([[
                must(ctx.k8s:patch("secret", "s", {stringData = {key = "buried-treasure"}}))
                must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
                    metadata = {name = "new"}, data = {text = "the buried-treasure"}}))]])
            salvor.expect_code(0, start())
            local made, text = report(only_id())
            assert.equal("data.key", made.steps[1].effects[1].changes[1].path)
            for path, data in pairs(salvor.tree(home .. "/state")) do
                assert.is_nil(data:find("treasure", 1, true), path)
                assert.is_nil(data:find("c3Vua2VuLXRy", 1, true), path)
            end
            assert.is_nil(text:find("treasure", 1, true))
        end)

        it("the first of very many fields, and how many more", function()
            install([[
                local data = {}
                for number = 1, 300 do data["k" .. number] = "v" end
                must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
                    metadata = {name = "new"}, data = data}))]])
            salvor.expect_code(0, start())
            local effect = report(only_id()).steps[1].effects[1]
            assert.equal(200, #effect.changes)
            assert.is_true(effect.more_changes >= 100)
        end)

        it("a write that failed, and why", function()
            install([[must(ctx.k8s:patch("cm", "none", {data = {a = "1"}}))]])
            salvor.expect_code(5, start())
            local made = report(only_id())
            salvor.expect(made.steps[1].effects[1].failed, 'configmaps "none" not found')
            assert.is_nil(made.steps[1].effects[1].ended)
            salvor.expect(command("report", only_id()).stdout,
                'patch ConfigMap ' .. namespace .. '/none (failed: configmaps "none" not found')
        end)

        it("what a step has warned of before it failed", function()
            install('ctx:warn("it was half full", "empty it") error("no")')
            salvor.expect_code(5, start())
            local made = report(only_id())
            assert.same({{level = "warning", message = "it was half full", hint = "empty it"}},
                made.steps[1].findings)
            assert.equal("it was half full", made.warnings[1].text)
        end)

        it("no warning where nothing was out of the ordinary", function()
            install("")
            salvor.expect_code(0, start())
            assert.same({}, report(only_id()).warnings)
        end)

        it("who agreed to what is lost, and how", function()
            install("", nil, {destructive = '"the database"'})
            local function confirmed(result)
                local id = result.stdout:match("run (%d+%-%d+%-%x+) of")
                local given = report(id).confirmations[1]
                local row = "operator | " .. given.how .. " | only | the database | "
                    .. (given.yes and "yes" or "no")
                salvor.expect(command("report", id).stdout, row)
                salvor.expect(command("report", id, "-o", "html").stdout, "<td>"
                    .. row:gsub("only", "<code>%0</code>"):gsub(" | ", "</td><td>") .. "</td>")
                return {given.user, given.how, given.yes}
            end
            local function typing(answer)
                return salvor.run({"run", "site/script", "-n", namespace}, {home = home,
                    env = {KUBECONFIG = lab.kubeconfig()},
                    prefix = {"python3", "tests/support/terminal.py", "to go on:", answer}})
            end
            assert.same({"operator", "--yes", true}, confirmed(start("--yes")))
            assert.same({"operator", "typed", true}, confirmed(typing("the database\\n")))
            assert.same({"operator", "typed", false}, confirmed(typing("yes\\n")))
            assert.same({"operator", "nobody could be asked", false}, confirmed(start()))
        end)

        it("their parameters as they were, without secrets", function()
            install("", {params = '{{name = "a", type = "duration", default = "2h", help = "h"},'
                .. '{name = "p", type = "secret", help = "h"}}'})
            salvor.expect_code(0, start("-p", "p=buried-treasure"))
            assert.same({a = "7200s"}, report(only_id()).params)
        end)
    end)

    describe("have a report", function()
        before_each(function()
            install("ctx:note('a <b>note</b> | `here`')")
            salvor.expect_code(0, start())
        end)

        it("in the form that is asked for, or that the file's name says", function()
            local id = only_id()
            for name, beginning in pairs({["r.html"] = "<!DOCTYPE html>", ["r.json"] = "{",
                                          ["r.md"] = "# A title"}) do
                local path = home .. "/" .. name
                local result = command("report", id, "--to", path)
                salvor.expect_code(0, result)
                assert.equal("", result.stdout)
                assert.equal(beginning, must(fs.read(path)):sub(1, #beginning))
                assert.equal("600", string.format("%o", must(fs.stat(path)).mode))
            end
            assert.equal("# A title", command("report", id).stdout:sub(1, 9))
            salvor.expect_code(0, command("report", id, "-o", "html"))
            local result = command("report", id, "-o", "pdf")
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "unknown output 'pdf'", "markdown, json or html")
            salvor.expect_code(1, command("report", id, "--to", home .. "/none/r.html"))
        end)

        it("without any cluster", function()
            local result = salvor.run({"report", only_id()}, {home = home})
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "a &lt;b&gt;note&lt;/b&gt; \\| \\`here\\`")
        end)

        it("that is the same at each call", function()
            local id = only_id()
            assert.equal(command("report", id, "-o", "html").stdout,
                command("report", id, "-o", "html").stdout)
        end)
    end)
end)
