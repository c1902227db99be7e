local age = require("salvor.k8s.age")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local layout = require("salvor.k8s.table_layout")
local proc = require("salvor.proc")
local salvor = require("salvor")
local salvor_command = require("support.salvor")
local scripted = require("support.scripted")
local secret = require("salvor.secret")
local task = require("salvor.task")

local PODS = "/api/v1/namespaces/default/pods"

local function column(name, priority)
    return {name = name, type = "string", format = "", description = "", priority = priority or 0}
end

local function row(uid, ...)
    return {cells = salvor.list({...}),
            object = {kind = "PartialObjectMetadata",
                      metadata = {name = (...), namespace = "default", uid = uid}}}
end

local function page(rows, continue)
    return {kind = "Table", apiVersion = "meta.k8s.io/v1", metadata = {continue = continue},
            columnDefinitions = {column("Name"), column("Age"), column("Node", 1)}, rows = rows}
end

--- What a table of these columns and rows of cells looks like.
local function laid_out(columns, rows, options)
    local laid = layout.new(columns, options or {})
    for number, cells in ipairs(rows) do
        rows[number] = {cells = cells}
    end
    laid:add_rows(rows)
    local parts = {}
    laid:write(function(text)
        parts[#parts + 1] = text
    end)
    return table.concat(parts)
end

describe("the layout of a table", function()
    it("has capital headers, and columns three blanks apart and at least six wide", function()
        assert.are.equal("NAME   A     LAST ONE\n"
            .. "x      y     z\n"
            .. "four   yes   \n",
            laid_out({column("Name"), column("a"), column("Last One")},
                {{"x", "y", "z"}, {"four", "yes", ""}}))
    end)

    it("is empty without rows", function()
        assert.are.equal("", laid_out({column("Name")}, {}))
    end)

    it("shows columns of another priority than 0 only when it is to be wide", function()
        local columns = {column("Name"), column("Node", 1), column("Age")}
        assert.are.equal("NAME   AGE\nx      1s\n", laid_out(columns, {{"x", "n", "1s"}}))
        assert.are.equal("NAME   NODE   AGE\nx      n      1s\n",
            laid_out(columns, {{"x", "n", "1s"}}, {wide = true}))
    end)

    it("can leave the header out", function()
        assert.are.equal("x     1s\n",
            laid_out({column("Name"), column("Age")}, {{"x", "1s"}}, {no_headers = true}))
    end)

    it("counts characters and not bytes", function()
        assert.are.equal("NAME     B\néàüö     1\nabcdef   2\n",
            laid_out({column("Name"), column("B")}, {{"éàüö", 1}, {"abcdef", 2}}))
    end)

    it("shows values as kubectl does", function()
        local values = {1, -5, 0.5, 1.0, 1e21, 1e-7, 123456789.125, true, salvor.null,
                        salvor.list({"a", 1}), {b = 1, a = salvor.list({})}, ""}
        local expected = {"1", "-5", "0.5", "1", "1e+21", "1e-07", "123456789.125", "true", "",
                          "[a 1]", "map[a:[] b:1]", ""}
        for number, value in ipairs(values) do
            assert.are.equal("A\n" .. expected[number] .. "\n", laid_out({column("A")}, {{value}}))
        end
    end)

    it("shows the first line of a cell", function()
        for _, break_char in ipairs({"\n", "\r", "\f", "\r\n"}) do
            assert.are.equal("A\none...\n", laid_out({column("A")}, {{"one" .. break_char .. "2"}}))
        end
    end)

    it("moves no terminal's cursor and keeps the columns", function()
        local text = laid_out({column("A\27[2J"), column("B")},
            {{"\27]0;title\7x", "\1\127\xff\u{9b}31m\ttab"}})
        assert.is_nil(text:find("[%z\1-\9\11-\31\127]"))
        assert.is_nil(text:find("\u{9b}", 1, true))
        assert.is_truthy(text:find("^[]0;title", 1, true))
        assert.are.equal(2, #salvor_command.lines(text))
        assert.is_truthy(utf8.len(text))
    end)

    it("keeps secrets", function()
        secret.add("tables-have-secrets")
        local text = laid_out({column("A"), column("B")}, {{"a tables-have-secrets b", "x"}})
        secret.remove("tables-have-secrets")
        assert.are.equal("A         B\na *** b   x\n", text)
    end)

    it("takes rows with too few and too many cells", function()
        assert.are.equal("A     B\nx     \nx     y\n",
            laid_out({column("A"), column("B")}, {{"x"}, {"x", "y", "z"}}))
    end)
end)

describe("an age", function()
    for _, case in ipairs({
        {-5, "<invalid>"}, {-1, "0s"}, {0, "0s"}, {1.9, "1s"}, {119, "119s"}, {120, "2m"},
        {125, "2m5s"}, {599, "9m59s"}, {600, "10m"}, {10799, "179m"}, {10800, "3h"},
        {10860, "3h1m"}, {28799, "7h59m"}, {28800, "8h"}, {172799, "47h"}, {172800, "2d"},
        {176400, "2d1h"}, {691199, "7d23h"}, {691200, "8d"}, {63071999, "729d"},
        {63072000, "2y"}, {63158400, "2y1d"}, {252288000, "8y"},
    }) do
        it("of " .. case[1] .. " s is " .. case[2], function()
            assert.are.equal(case[2], age.text(case[1]))
        end)
    end

    it("is counted from a time", function()
        assert.are.equal("5s", age.since("1970-01-01T00:00:00Z", 5))
        assert.are.equal("0s", age.since("2024-02-29T23:59:59Z", 1709251199))
        assert.are.equal("1s", age.since("2000-02-29T00:00:00Z", 951782401))
        assert.are.equal("<unknown>", age.since(salvor.null, 5))
        assert.are.equal("<unknown>", age.since("yesterday", 5))
    end)
end)

describe("a table", function()
    local server

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)

    it("is asked for as kubectl does", function()
        server:rules({{path = PODS, json = page(salvor.list({row("1", "a", "1s", "n")}))}})
        local result = must(server:client():table("pods", {label_selector = "a=b"}))
        local request = server:requests()[1]
        assert.are.equal("application/json;as=Table;v=v1;g=meta.k8s.io,"
            .. "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            request.headers.Accept)
        assert.truthy(request.query:find("limit=500", 1, true))
        assert.truthy(request.query:find("labelSelector=a%3Db", 1, true))
        assert.are.same({name = "Node", type = "string", format = "", description = "",
                         priority = 1}, result.columns[3])
        assert.are.same({"a", "1s", "n"}, result.rows[1].cells)
        assert.are.equal("1", result.rows[1].object.metadata.uid)
        assert.are.equal("NAME   AGE\na      1s\n", tostring(result))
        assert.are.equal("NAME   AGE   NODE\na      1s    n\n",
            tostring(must(server:client():table("pods", {wide = true}))))
    end)

    it("comes in pages, one after the other", function()
        server:rules({
            {path = PODS, query = "continue=c2", json = page({row("3", "ccccccc", "3s", "n")})},
            {path = PODS, query = "continue=c1", json = page({row("2", "b", "2s", "n")}, "c2")},
            {path = PODS, json = page({row("1", "a", "1s", "n")}, "c1")},
        })
        assert.are.equal("NAME      AGE\na         1s\nb         2s\nccccccc   3s\n",
            tostring(must(server:client():table("pods"))))
        for _, request in ipairs(server:requests()) do
            assert.truthy(request.query:find("limit=500", 1, true))
        end
    end)

    it("ends where the server does not go on", function()
        server:rules({{path = PODS, json = page({row("1", "a", "1s", "n")}, "c1")}})
        local rendered, err = server:client():table("pods", {timeout = 2})
        assert.is_nil(rendered)
        assert.are.equal("Corrupt", err.code)
        assert.are.equal("k8s.table", err.op)
        assert.truthy(err.message:find("the same page", 1, true))
    end)

    it("is asked for as a whole when its pages have expired", function()
        server:rules({
            {path = PODS, query = "continue=c1", status = 410,
             json = scripted.status(410, "Expired", "too old")},
            {path = PODS, query = "limit=500", json = page({row("1", "a", "1s", "n")}, "c1")},
            {path = PODS, json = page({row("2", "b", "1s", "n"), row("3", "c", "1s", "n")})},
        })
        assert.are.equal("NAME   AGE\nb      1s\nc      1s\n",
            tostring(must(server:client():table("pods"))))
        -- And is not asked for again and again.
        server:rules({{path = PODS, status = 410, json = scripted.status(410, "Gone", "no")}})
        assert.are.equal("Gone", select(2, server:client():table("pods")).code)
        assert.are.equal(1, #server:requests())
    end)

    --- What a process of its own prints of this server's pods.
    local function printed(options)
        local home = must(fs.temporary_folder())
        local result = salvor_command.run({"-e", "local c = must(require('salvor.k8s').connect{"
            .. "kubeconfig='" .. server:kubeconfig() .. "'}) must(c:print_table('pods', " .. options
            .. "))"}, {home = home})
        must(fs.remove_tree(home))
        salvor_command.expect_code(0, result)
        return result.stdout
    end

    it("is printed without asking for more than is printed", function()
        local pods = page(salvor.list({row("1", "a", "1s", "n")}))
        server:rules({{path = PODS, json = pods}, {path = "/api/v1/pods", json = pods}})
        assert.are.equal("NAME   AGE\na      1s\n", printed("nil"))
        assert.truthy(server:requests()[1].query:find("includeObject=None", 1, true))
        assert.are.equal("NAME   AGE   LABELS\na      1s    <none>\n",
            printed("{show_labels = true}"))
        assert.truthy(server:requests()[2].query:find("includeObject=Metadata", 1, true))
        assert.are.equal("NAMESPACE   NAME   AGE\ndefault     a      1s\n",
            printed("{all_namespaces = true}"))
    end)

    it("is printed once, whole, when its pages expire on the way", function()
        server:rules({
            {path = PODS, query = "continue=c1", status = 410,
             json = scripted.status(410, "Expired", "too old")},
            {path = PODS, query = "limit=500", json = page({row("1", "gone", "1s", "n")}, "c1")},
            {path = PODS, json = page({row("2", "b", "1s", "n"), row("3", "c", "1s", "n")})},
        })
        assert.are.equal("NAME   AGE\nb      1s\nc      1s\n", printed("nil"))
    end)

    it("is made of objects where the server makes none", function()
        local function object(name)
            return {metadata = {name = name, namespace = "default", labels = {a = "b"},
                                creationTimestamp = "2020-01-01T00:00:00Z"}}
        end
        server:rules({
            {path = PODS, json = {kind = "PodList", metadata = {},
                                  items = {object("a"), object("b")}}},
            {path = PODS .. "/a", json = object("a")},
        })
        local text = tostring(must(server:client():table("pods", {show_labels = true})))
        assert.truthy(text:find("^NAME   AGE +LABELS\na      %d+y%d*d? +a=b\nb      %d+y"))
        text = tostring(must(server:client():table("pods", {name = "a"})))
        assert.truthy(text:find("^NAME   AGE\na      %d+y%d*d?\n$"))
    end)

    it("takes whatever a server may say", function()
        for _, body in ipairs({
            '{"kind":"Table"}', '{"kind":"Table","metadata":null,"rows":null}',
            '{"kind":"Table","metadata":{"continue":5},"columnDefinitions":[null,1,{"name":{}}],'
                .. '"rows":[null,1,[],{"cells":null},{"cells":{"a":1},"object":[]}]}',
            '{"kind":"Table","columnDefinitions":{"a":1},"rows":{"a":1}}',
            '{"kind":"Table","columnDefinitions":[{"name":"N","priority":1.5}],'
                .. '"rows":[{"cells":[[[]],1],"object":{"metadata":{"labels":[1]}}}]}',
            '{"items":[null,1,{"metadata":null}],"metadata":[]}', "{}",
        }) do
            server:rules({{path = PODS, body = body}})
            for _, options in ipairs({{}, {wide = true, show_labels = true}}) do
                local result, err = server:client():table("pods", options)
                assert.is_true(result == nil and err.code == "Corrupt"
                    or type(tostring(result)) == "string")
            end
        end
        for _, body in ipairs({"null", "1", '"x"', ""}) do
            server:rules({{path = PODS, body = body}})
            assert.are.equal("Corrupt", select(2, server:client():table("pods")).code)
        end
    end)

    it("raises on misuse", function()
        local client = server:client()
        assert.has_error(function() client:table("pods", {name = "a", all_namespaces = true}) end)
        assert.has_error(function() client:table("pods", {name = "a/b"}) end)
        assert.has_error(function() client:table("pods", {label = "a"}) end)
        assert.has_error(function() k8s.print_table({}) end)
        local _, err = client:print_table("nonsense")
        assert.are.equal("k8s.print_table", err.op)
    end)
end)

local CRD = lab.definition("tables.salvor.example", "rows", "Row", {
    {name = "Text", type = "string", jsonPath = ".spec.text"},
    {name = "Count", type = "integer", jsonPath = ".spec.count"},
    {name = "Ratio", type = "number", jsonPath = ".spec.ratio"},
    {name = "Flag", type = "boolean", jsonPath = ".spec.flag"},
    {name = "Since", type = "date", jsonPath = ".spec.since", priority = 1},
    {name = "List", type = "string", jsonPath = ".spec.list"},
})

local function objects(namespace)
    local template = {metadata = {labels = {app = "x"}},
                      spec = {containers = {{name = "c", image = "registry.local/a:1"},
                                            {name = "d", image = "registry.local/d:1"}}}}
    local selector = {matchLabels = {app = "x"}}
    return {
        {apiVersion = "v1", kind = "Pod", metadata = {name = "one", labels = {a = "b", c = "d"}},
         spec = template.spec},
        {apiVersion = "v1", kind = "Pod", metadata = {name = "a-pod-with-a-long-name"},
         spec = template.spec},
        {apiVersion = "apps/v1", kind = "Deployment", metadata = {name = "deploy"},
         spec = {replicas = 3, selector = selector, template = template}},
        {apiVersion = "apps/v1", kind = "StatefulSet", metadata = {name = "stateful"},
         spec = {serviceName = "s", selector = selector, template = template}},
        {apiVersion = "apps/v1", kind = "DaemonSet", metadata = {name = "daemon"},
         spec = {selector = selector, template = template}},
        {apiVersion = "batch/v1", kind = "Job", metadata = {name = "job"},
         spec = {template = {spec = {restartPolicy = "Never",
                                     containers = template.spec.containers}}}},
        {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "config"},
         data = {a = "1", b = "2"}},
        {apiVersion = "v1", kind = "Secret", metadata = {name = "hidden"},
         stringData = {a = "1"}},
        {apiVersion = "v1", kind = "Service", metadata = {name = "service"},
         spec = {ports = {{port = 80, name = "http"}, {port = 443, name = "https"}},
                 selector = {app = "x"}}},
        {apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = {name = "claim"},
         spec = {accessModes = {"ReadWriteOnce"}, resources = {requests = {storage = "1Gi"}}}},
        {apiVersion = "v1", kind = "Event", metadata = {name = "event"}, type = "Warning",
         reason = "Spec", message = "one\ntwo \27[31mred\27[0m \r three",
         involvedObject = {kind = "Pod", name = "one", namespace = namespace}},
        {apiVersion = "networking.k8s.io/v1", kind = "Ingress", metadata = {name = "ingress"},
         spec = {defaultBackend = {service = {name = "s", port = {number = 80}}}}},
        {apiVersion = "rbac.authorization.k8s.io/v1", kind = "Role", metadata = {name = "role"},
         rules = {{apiGroups = {""}, resources = {"pods"}, verbs = {"get"}}}},
        {apiVersion = "tables.salvor.example/v1", kind = "Row", metadata = {name = "full"},
         spec = {text = "größer ✓", count = 123456789, ratio = 0.25, flag = true,
                 since = "2020-01-01T00:00:00Z", list = salvor.list({"a", "b"})}},
        {apiVersion = "tables.salvor.example/v1", kind = "Row", metadata = {name = "empty"}},
        {apiVersion = "tables.salvor.example/v1", kind = "Row", metadata = {name = "odd"},
         spec = {text = "\27[1m two\nlines", count = -1, ratio = 1e22, flag = false}},
    }
end

lab.describe("a table of a real server", function()
    local namespace, client, home

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        home = must(fs.temporary_folder())
        client:create(CRD)
        must(client:create({apiVersion = "v1", kind = "Node", metadata = {name = namespace},
                            status = {}}))
        must(client:wait("crd", CRD.metadata.name, {ready = "Established"}))
        for _, object in ipairs(objects(namespace)) do
            must(client:create(object))
        end
    end)
    teardown(function()
        client:delete("nodes", namespace)
        client:delete("namespaces", namespace)
        must(fs.remove_tree(home))
    end)

    local function kubectl(...)
        return must(proc.run({"kubectl", "--kubeconfig", lab.kubeconfig(), "--cache-dir",
                              fs.join(home, "kubectl"), "get", ...}, {timeout = 60}))
    end

    local function own(script, prefix)
        return salvor_command.run({"-e", "local c = must(require('salvor.k8s').connect{kubeconfig='"
            .. lab.kubeconfig() .. "', namespace='" .. namespace .. "'}) " .. script},
            {home = home, prefix = prefix})
    end

    --- Without ages, and the spaces that these make wider.
    local function without_ages(text)
        return (text:gsub(" +", " "):gsub("%f[%w]%d+[dhms]%d*[hms]?%f[^%w]", "AGE"))
    end

    --- Without what kubectl tells of kinds that other specs are removing just now.
    local function without_discovery(text)
        return (text:gsub("[^\n]*memcache%.go[^\n]*\n", ""))
    end

    --- Raises unless both print the same; on a slow machine ages are others each time.
    local function assert_same(words, script)
        local result, expected
        for _ = 1, 5 do
            expected, result = kubectl(table.unpack(words)), own(script)
            if result.stdout == expected.stdout then
                break
            end
        end
        if result.stdout ~= expected.stdout then
            assert.are.equal(without_ages(expected.stdout), without_ages(result.stdout))
        end
        assert.are.equal(without_discovery(expected.stderr), result.stderr)
        assert.are.equal(0, result.code)
    end

    if not proc.which("kubectl") then
        pending("is printed as kubectl does: there is no kubectl")
    else
        for _, kind in ipairs({"pods", "deploy", "sts", "ds", "jobs", "cm", "secrets", "svc", "pvc",
                               "events", "ingresses.networking.k8s.io", "roles", "rows", "rs"}) do
            it("is printed as kubectl does: " .. kind, function()
                assert_same({kind, "-n", namespace},
                    string.format("must(c:print_table(%q))", kind))
            end)
        end

        -- Of what no other spec makes or changes.
        for kind, name in pairs({nodes = "", ns = "", crd = CRD.metadata.name, sc = "none",
                                 clusterroles = "admin", apiservices = "v1.apps"}) do
            it("is printed as kubectl does: " .. kind, function()
                local selector = "metadata.name=" .. (name == "" and namespace or name)
                assert_same({kind, "--field-selector", selector}, string.format(
                    "must(c:print_table(%q, {field_selector = %q}))", kind, selector))
            end)
        end

        for kind, field in pairs({pods = "namespace", deploy = "namespace", svc = "namespace",
                                  rows = "namespace", cm = "namespace", nodes = "name"}) do
            it("is printed as kubectl does: everything of " .. kind, function()
                local selector = "metadata." .. field .. "=" .. namespace
                assert_same({kind, "-A", "-o", "wide", "--show-labels", "--field-selector",
                             selector}, string.format(
                    "must(c:print_table(%q, {all_namespaces = true, wide = true, "
                    .. "show_labels = true, field_selector = %q}))", kind, selector))
            end)
        end

        it("is printed as kubectl does: one object, by labels, without headers", function()
            assert_same({"pod", "one", "-n", namespace}, "must(c:print_table('pod', "
                .. "{name = 'one'}))")
            assert_same({"pod", "-l", "a=b", "-n", namespace}, "must(c:print_table('pod', "
                .. "{label_selector = 'a=b'}))")
            assert_same({"pod", "--no-headers", "-n", namespace}, "must(c:print_table('pod', "
                .. "{no_headers = true}))")
        end)

        it("says as kubectl does that there is nothing", function()
            assert_same({"pods", "-l", "no=such", "-n", namespace},
                "must(c:print_table('pods', {label_selector = 'no=such'}))")
            assert_same({"pods", "-l", "no=such", "-A"},
                "must(c:print_table('pods', {label_selector = 'no=such', all_namespaces = true}))")
            assert_same({"nodes", "-l", "no=such"},
                "require('salvor.k8s').print_table(must(c:table('nodes', "
                .. "{label_selector = 'no=such'})))")
        end)
    end

    it("says when it cannot be printed", function()
        local result = own("local rows, err = c:print_table('pods') io.stderr:write(tostring(rows),"
            .. " err.code, '\\n')", {"sh", "-c", 'exec "$0" "$@" > /dev/full'})
        assert.are.equal("nilIO", result.stderr:match("^[^\n]*"))
    end)

    it("has the server's columns, and rows with their objects' metadata", function()
        local result = must(client:table("deploy"))
        assert.are.equal("Name", result.columns[1].name)
        assert.are.equal("deploy", result.rows[1].cells[1])
        assert.are.equal("deploy", result.rows[1].object.metadata.name)
        assert.is_string(result.rows[1].object.metadata.uid)
        assert.are.equal(#result.columns, #result.rows[1].cells)
    end)

    it("of what is not there is an error", function()
        assert.are.equal("NotFound", select(2, client:table("pods", {name = "none"})).code)
    end)

    it("goes through pages of the server's", function()
        local here = lab.namespace()
        local numbers = {}
        for number = 1, 620 do
            numbers[number] = number
        end
        task.map(numbers, function(number)
            must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                metadata = {name = string.format("cm-%04d", number)}},
                {namespace = here}))
        end, {workers = 16})
        local result = must(client:table("cm", {namespace = here}))
        assert.are.equal(620, #result.rows)
        assert.are.equal("cm-0620", result.rows[620].cells[1])
        client:delete("ns", here)
    end)
end)
