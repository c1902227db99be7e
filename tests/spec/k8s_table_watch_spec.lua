--- print_table with `watch`, beside kubectl get -w, and a watch whose events have rows of tables.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local kubectl = require("support.kubectl")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("salvor")
local salvor_command = require("support.salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local PODS = "/api/v1/namespaces/default/pods"

--- Columns without ages, so that the same events give the same text whenever they are printed.
local CRD = lab.definition("followed.salvor.example", "lines", "Line", {
    {name = "Text", type = "string", jsonPath = ".spec.text"},
    {name = "Count", type = "integer", jsonPath = ".spec.count"},
    {name = "More", type = "string", jsonPath = ".spec.more", priority = 1},
})

local function line(name, text, labels)
    return {apiVersion = "followed.salvor.example/v1", kind = "Line",
            metadata = {name = name, labels = labels}, spec = {text = text, count = #text}}
end

local function text_of(path)
    return fs.stat(path) and must(fs.read(path)) or ""
end

local function count_lines(path)
    return #salvor_command.lines(text_of(path))
end

--- Runs a program with its standard output in a file, until the task is cancelled.
local function follow(words, path, env)
    return task.spawn(function()
        return must(proc.run({"sh", "-c", 'exec "$@" > "$0"', path, table.unpack(words)},
            {env = env}))
    end)
end

local function stop(run)
    run:cancel()
    pcall(run.join, run)
end

--- Raises unless that is what a program prints within 30 s.
local function assert_prints(expected, words, home)
    local path = fs.join(home, "printed")
    local run = follow(words, path, {HOME = home})
    pcall(eventually, "the text", function()
        return #text_of(path) >= #expected
    end)
    stop(run)
    local text = text_of(path)
    must(fs.remove(path))
    assert.are.equal(expected, text)
end

lab.describe("a table that is watched", function()
    local namespace, client, home

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        home = must(fs.temporary_folder())
        client:create(CRD)
        must(client:wait("crd", CRD.metadata.name, {ready = "Established"}))
    end)
    before_each(function()
        must(client:create(line("first", "a", {app = "x"})))
        must(client:create(line("second", "middle", {app = "y"})))
    end)
    after_each(function()
        must(client:delete_all("lines", {all = true}))
    end)
    teardown(function()
        client:delete("namespaces", namespace)
        must(fs.remove_tree(home))
    end)

    local function own(options)
        return {salvor_command.path, "-e", string.format("must(must(require('salvor.k8s').connect{"
            .. "kubeconfig=%q, namespace=%q}):print_table('lines', %s))", lab.kubeconfig(),
            namespace, options)}
    end

    local function kubectl_get(...)
        return {"kubectl", "--kubeconfig", lab.kubeconfig(), "--cache-dir", fs.join(home, "cache"),
                "get", "lines", "-n", namespace, "-w", ...}
    end

    --- Things that happen; each wider than all before in a column, or narrower.
    local function change()
        must(client:patch("lines", "first", {spec = {text = "grown", count = 1234567}}))
        must(client:create(line("third-with-a-long-name", "größer ✓", {app = "x"})))
        must(client:patch("lines", "second", {metadata = {labels = {app = "z"}}}))
        must(client:delete("lines", "second"))
        must(client:patch("lines", "first", {spec = {text = "", more = "wide"}}))
    end

    --- Raises unless both print the same: at first `there` lines, and `lines` after the changes.
    local function assert_same(theirs, options, there, lines)
        local paths = {fs.join(home, "kubectl"), fs.join(home, "salvor")}
        local runs = {follow(theirs, paths[1]), follow(own(options), paths[2], {HOME = home})}
        local _ <close> = setmetatable({}, {__close = function()
            for number, run in ipairs(runs) do
                stop(run)
                must(fs.remove(paths[number]))
            end
        end})
        local function both_have(count)
            return count_lines(paths[1]) >= count and count_lines(paths[2]) >= count
        end
        eventually("what is there", function() return both_have(there) end)
        change()
        eventually("what happens", function() return both_have(lines) end)
        assert.are.equal(must(fs.read(paths[1])), must(fs.read(paths[2])))
    end

    if not kubectl.is_there(20) then
        pending("is printed as kubectl get -w prints it: there is no kubectl")
    else
        it("is printed as kubectl get -w prints it", function()
            assert_same(kubectl_get(), "{watch = true}", 3, 8)
        end)

        it("is printed as kubectl get -w prints it: everything", function()
            assert_same(kubectl_get("-A", "-o", "wide", "--show-labels"),
                "{watch = true, all_namespaces = true, wide = true, show_labels = true}", 3, 8)
        end)

        it("is printed as kubectl get -w prints it: without titles, by labels", function()
            assert_same(kubectl_get("--no-headers", "-l", "app=x"),
                "{watch = true, no_headers = true, label_selector = 'app=x'}", 1, 4)
        end)

        it("is printed as kubectl get -w prints it: one object", function()
            assert_same(kubectl_get("first"), "{watch = true, name = 'first'}", 2, 4)
        end)
    end

    it("has its titles with the first row, where there is nothing at first", function()
        must(client:delete_all("lines", {all = true}))
        local creating = task.spawn(function()
            task.sleep(0.3) -- either the list or the watch may be the first to know
            must(client:create(line("later", "t")))
        end)
        assert_prints("NAME    TEXT   COUNT\nlater   t      1\n", own("{watch = true}"), home)
        creating:join()
    end)

    it("ends by its timeout, and by Ctrl-C", function()
        local words = own("{watch = true, timeout = 3}")
        assert.are.equal(0, must(proc.run(words, {env = {HOME = home}, timeout = 30})).code)
        local path = fs.join(home, "interrupted")
        local script = [[echo "$$" > "$0.pid"; exec "$@" > "$0"]]
        local run = task.spawn(function()
            return must(proc.run({"sh", "-c", script, path, table.unpack(own("{watch = true}"))},
                {env = {HOME = home}, timeout = 30}))
        end)
        eventually("what is there", function() return count_lines(path) == 3 end)
        local pid = must(fs.read(path .. ".pid")):match("%d+")
        must(proc.run({"kill", "-INT", pid}))
        assert.are.equal(2, run:join().signal)
    end)

    it("says when it cannot be printed", function()
        local result = must(proc.run({"sh", "-c", 'exec "$@" > /dev/full', "sh",
                                      table.unpack(own("{watch = true}"))},
            {env = {HOME = home}, timeout = 30}))
        assert.are.equal(1, result.code)
        assert.truthy(result.stderr:find("standard output: No space left", 1, true))
    end)

    it("of one that is not there is an error", function()
        local _, err = client:print_table("lines", {watch = true, name = "none"})
        assert.are.equal("NotFound", err.code)
        assert.are.equal("k8s.print_table", err.op)
        _, err = client:print_table("nonsense", {watch = true})
        assert.are.equal("k8s.print_table", err.op)
    end)

    it("is a value too: each event has its row", function()
        local seen = {}
        local changing
        for event in client:watch("lines", {table = true}) do
            assert.are.equal("Line", event.object.kind)
            assert.are.equal(event.row.cells[1], event.object.metadata.name)
            assert.is_nil(event.object.spec)
            local cells = event.row.cells
            seen[#seen + 1] = table.concat({event.type, cells[1], cells[2]}, " ")
            assert.are.equal("Text", event.columns[2].name)
            if #seen == 2 then
                changing = task.spawn(change)
            elseif event.type == "DELETED" then
                break
            end
        end
        changing:join()
        assert.are.equal("DELETED second middle", seen[#seen])
    end)
end)

describe("a table that is watched", function()
    local server, home

    setup(function()
        server = scripted.start()
        home = must(fs.temporary_folder())
    end)
    teardown(function()
        server:stop()
        must(fs.remove_tree(home))
    end)

    local COLUMNS = {{name = "Name", type = "string", format = "name", priority = 0},
                     {name = "State", type = "string", format = "", priority = 0}}

    local function row(name, state, version)
        return {cells = {name, state},
                object = {kind = "PartialObjectMetadata", apiVersion = "meta.k8s.io/v1",
                          metadata = {name = name, namespace = "default", uid = "uid-" .. name,
                                      resourceVersion = version}}}
    end

    local function page(version, rows, columns)
        return {kind = "Table", apiVersion = "meta.k8s.io/v1",
                metadata = {resourceVersion = version}, columnDefinitions = columns,
                rows = salvor.list(rows)}
    end

    local GONE = scripted.status(410, "Gone", "too old")

    --- Raises unless a process of its own prints that when the server answers by these rules.
    local function assert_printed(expected, rules)
        for _, rule in ipairs(rules) do
            rule.path, rule.times = PODS, 1
        end
        server:rules(rules)
        assert_prints(expected, {salvor_command.path, "-e", string.format([[
            require("salvor.k8s.watch.watcher").MIN_RESTART = 0.05
            local c = must(require('salvor.k8s').connect{kubeconfig=%q})
            must(c:print_table('pods', {watch = true}))]], server:kubeconfig())}, home)
    end

    it("takes its columns from the first event of a stream, and has its titles once", function()
        assert_printed("NAME   STATE\na      one\na      two\n"
            .. "bbbbbbbb   three\na          four\n", {
            {query = "limit=500", json = page("1", {row("a", "one", "1")}, COLUMNS)},
            {query = "resourceVersion=1", body = scripted.events(
                {"MODIFIED", page("2", {row("a", "two", "2")}, COLUMNS)},
                {"ADDED", page("3", {row("bbbbbbbb", "three", "3")})},
                {"BOOKMARK", page("9", {})})},
            {query = "resourceVersion=9", ["end"] = "hang",
             chunks = {scripted.events({"MODIFIED", page("10", {row("a", "four", "10")},
                 COLUMNS)})}},
        })
        for _, request in ipairs(server:requests()) do
            assert.truthy(request.headers.Accept:find("as=Table;v=v1;g=meta.k8s.io", 1, true))
        end
    end)

    it("goes on below when its version has expired, and tells what has gone", function()
        local end_of_initial = row("", "", "20")
        end_of_initial.object.metadata.annotations = {["k8s.io/initial-events-end"] = "true"}
        assert_printed("NAME   STATE\nsame   one\ngone   one\nsame   two\ngone   <unknown>\n", {
            {query = "limit=500",
             json = page("1", {row("same", "one", "1"), row("gone", "one", "1")}, COLUMNS)},
            {query = "resourceVersion=1", body = scripted.events({"ERROR", GONE})},
            {query = "sendInitialEvents=true", ["end"] = "hang", chunks = {scripted.events(
                {"ADDED", page("9", {row("same", "two", "9")}, COLUMNS)},
                {"BOOKMARK", page("20", {end_of_initial})})}},
        })
    end)

    it("is a value too, and what has gone unseen has no row", function()
        local function end_of_initial(version)
            local last = row("", "", version)
            last.object.metadata.annotations = {["k8s.io/initial-events-end"] = "true"}
            return {"BOOKMARK", page(version, {last})}
        end
        server:rules({
            {path = PODS, times = 1, query = "sendInitialEvents=true", body = scripted.events(
                {"ADDED", page("1", {row("a", "one", "1")}, COLUMNS)},
                {"ADDED", page("2", {row("b", "two", "2")})}, end_of_initial("3"),
                {"ERROR", GONE})},
            {path = PODS, times = 1, query = "sendInitialEvents=true", ["end"] = "hang",
             chunks = {scripted.events({"ADDED", page("1", {row("a", "one", "1")}, COLUMNS)},
                 end_of_initial("9"))}},
        })
        local seen = {}
        for event in server:client():watch("pods", {table = true}) do
            seen[#seen + 1] = table.concat({event.type, event.object.kind,
                                            event.object.metadata.name,
                                            event.row and event.row.cells[2] or "no row",
                                            event.columns and event.columns[2].name}, " ")
            if event.partial then
                break
            end
        end
        assert.are.same({"ADDED Pod a one State", "ADDED Pod b two State", "DELETED Pod b no row"},
            seen)
    end)

    it("has titles again when the columns have changed", function()
        local others = {COLUMNS[1], {name = "Phase", type = "string", format = "", priority = 0}}
        assert_printed("NAME   STATE\na      one\nNAME   PHASE\na      two\n", {
            {query = "limit=500", json = page("1", {row("a", "one", "1")}, COLUMNS)},
            {query = "resourceVersion=1", ["end"] = "hang", chunks = {scripted.events(
                {"MODIFIED", page("2", {row("a", "two", "2")}, others)})}},
        })
    end)

    it("is made of objects where the server makes none", function()
        local function pod(name, version)
            return {kind = "Pod", apiVersion = "v1",
                    metadata = {name = name, namespace = "default", uid = name,
                                resourceVersion = version,
                                creationTimestamp = os.date("!%Y-%m-%dT%H:%M:%SZ",
                                    os.time() - 100 * 86400)}}
        end
        assert_printed("NAME   AGE\na      100d\nb      100d\n", {
            {query = "limit=500", json = {kind = "PodList", apiVersion = "v1",
                                          metadata = {resourceVersion = "1"},
                                          items = {pod("a", "1")}}},
            {query = "resourceVersion=1", ["end"] = "hang",
             chunks = {scripted.events({"ADDED", pod("b", "2")})}},
        })
    end)

    for title, event in pairs({
        ["no row"] = page("2", {}, COLUMNS),
        ["a row of no object"] = page("2", {{cells = {"a"}}}, COLUMNS),
        ["a row of an object without a name"] = page("2", {{cells = {"a"}, object = {}}}, COLUMNS),
        ["rows that are no list"] = {kind = "Table", rows = 5},
    }) do
        it("is not believed when an event has " .. title, function()
            server:rules({
                {path = PODS, query = "limit=500", json = page("1", {}, COLUMNS)},
                {path = PODS, query = "resourceVersion=1",
                 body = scripted.events({"ADDED", event})},
            })
            local _, err = server:client():print_table("pods", {watch = true, timeout = 60})
            assert.are.equal("Corrupt", err.code)
            assert.are.equal("k8s.print_table", err.op)
        end)
    end

    it("is not believed when a list has rows of no objects", function()
        server:rules({{path = PODS, json = page("1", {{cells = {"a"}}}, COLUMNS)}})
        local _, err = server:client():print_table("pods", {watch = true, timeout = 60})
        assert.are.equal("Corrupt", err.code)
    end)
end)
