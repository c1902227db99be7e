-- How the prompt shows a value.
local cells = require("salvor.prompt.show.cells")
local dates = require("salvor.dates")
local errors = require("salvor.error")
local limit = require("support.limit")
local salvor = require("salvor")
local show = require("salvor.prompt.show")

local function text(v, options)
    return show.text(v, options or {})
end

local function object(name, more)
    local made = {apiVersion = "v1", kind = "ConfigMap",
                  metadata = {name = name, namespace = "apic", managedFields = {{manager = "x"}},
                              creationTimestamp = "2020-01-01T00:00:00Z"}}
    for key, value in pairs(more or {}) do
        made[key] = value
    end
    return made
end

local function rows(...)
    return table.concat({...}, "\n")
end

describe("a value at the prompt", function()
    it("is Lua that can be read when it is nothing else", function()
        assert.are.equal("42", text(42))
        assert.are.equal("nil", text(nil))
        assert.are.equal("\"one line\\n\"", text("one line\n"))
        assert.are.equal("{a = {1, 2}}", text({a = {1, 2}}))
        assert.are.equal("{}", text(salvor.list({})))
    end)

    it("is a text of several lines as it stands, but for bytes that are none", function()
        assert.are.equal("one\ntwo", text("one\ntwo\n"))
        assert.are.equal("\"one\\n\\xfftwo\"", text("one\n\xfftwo"))
        assert.are.equal("\"one\\n\\x00two\"", text("one\n\0two"))
        assert.are.equal("\"one\\ntwo\"", text("one\ntwo", {output = "lua"}))
    end)

    it("is an error in one line, with its hint", function()
        local err = errors.new({code = "NotFound", op = "fs.read", message = "no\n file",
                                hint = "look"})
        assert.are.equal("fs.read: no file; look", text(err))
    end)

    it("is a list of what lies in a store, with sizes and ages", function()
        local now = os.time()
        local day = os.date("!%Y-%m-%d %H:%M", now - 3 * 86400 - 1)
        assert.are.equal(rows(
            "PATH     SIZE    AGE  MODIFIED (UTC)",
            "a        12 B  3d    " .. day,
            "big   1.5 GiB  20m    " .. os.date("!%Y-%m-%d %H:%M", now - 1230),
            "sub/"):gsub(" +", " "),
            (text({{path = "a", kind = "file", size = 12, modified = now - 3 * 86400 - 0.5},
                   {path = "big", kind = "file", size = 3 << 29, modified = now - 1230},
                   {path = "sub/", kind = "folder"}}):gsub(" +", " ")))
    end)

    it("is what a command printed, and how it ended", function()
        local function result(code, stdout, stderr)
            return text({code = code, stdout = stdout, stderr = stderr})
        end
        assert.are.equal("one\ntwo", result(0, "one\ntwo\n", ""))
        assert.are.equal("out\nerr\n(exit code 3)", result(3, "out\n", "err\n"))
        assert.are.equal("err", result(0, "", "err"))
        assert.are.equal("(exit code 0)", result(0, "", ""))
        assert.are.equal("{code = 0, stdout = \"a\"}", text({code = 0, stdout = "a"}))
        assert.are.equal("{code = 0, stderr = \"\", stdout = \"a\"}",
            text({code = 0, stdout = "a", stderr = ""}, {output = "lua"}))
    end)

    it("is events as a table", function()
        local function event(fields)
            local made = {time = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 3 * 86400),
                          type = "Warning", reason = "BackOff", object = "pod/db-0",
                          message = "Back-off\npulling image", count = 2, source = "kubelet"}
            for name, value in pairs(fields or {}) do
                made[name] = value
            end
            return made
        end
        assert.are.equal(rows("AGE      TYPE     REASON   OBJECT    MESSAGE",
            "3d (x2)  Warning  BackOff  pod/db-0  Back-off\\npulling image",
            "3d       Normal   BackOff  pod/db-0  Back-off\\npulling image"),
            text({event(), event({type = "Normal", count = 1})}))
        local shown = text({event({namespace = "one"}), event({namespace = "two"})})
        assert.truthy(shown:find("^NAMESPACE  AGE .*\none        3d .*\ntwo        3d "))
        assert.are.equal("{", text({event({type = 5})}):sub(1, 1))
    end)

    it("is an object as YAML, without what only servers read", function()
        assert.are.equal(rows(
            "apiVersion: v1", "data:", "  a: \"1\"", "kind: ConfigMap", "metadata:",
            "  creationTimestamp: \"2020-01-01T00:00:00Z\"", "  name: settings",
            "  namespace: apic"), text(object("settings", {data = {a = "1"}})))
    end)

    it("is a Secret without its values, until the whole is asked for", function()
        local annotations = {["kubectl.kubernetes.io/last-applied-configuration"] = "aHVudGVyMg==",
                             other = "kept"}
        local made = object("login", {kind = "Secret", data = {password = "aHVudGVyMg=="}})
        made.metadata.annotations = annotations
        for _, shown in ipairs({text(made, {name = "_1"}),
                                text({made}, {output = "yaml", name = "_1"}),
                                text({made}, {output = "json", name = "_1"})}) do
            assert.is_nil(shown:find("aHVudGVyMg", 1, true))
            assert.truthy(shown:find("(7 bytes)", 1, true))
            assert.truthy(shown:find("kept", 1, true))
            assert.truthy(shown:find("\n… :all _1 shows the whole", 1, true))
        end
        assert.truthy(text(made, {whole = true}):find("aHVudGVyMg", 1, true))
        assert.are.equal("aHVudGVyMg==", made.data.password)
        assert.are.equal("aHVudGVyMg==",
            annotations["kubectl.kubernetes.io/last-applied-configuration"])
    end)

    it("has no values of Secrets wherever these are in it, until the whole is asked for", function()
        local function secret(more)
            local made = object("login", {kind = "Secret", data = {password = "aHVudGVyMg=="},
                                          stringData = {user = "clear text"}})
            for key, value in pairs(more or {}) do
                made[key] = value
            end
            return made
        end
        local from_list = secret()
        from_list.kind = nil
        for what, v in pairs({
            ["itself"] = secret(),
            ["in a field"] = {a = secret()},
            ["watch events"] = {{type = "ADDED", object = secret()}, {type = "BOOKMARK"}},
            ["deep"] = {{{secret()}}},
            ["without metadata"] = {kind = "Secret", data = {password = "aHVudGVyMg=="},
                                    stringData = {user = "clear text"}},
            ["a list as a server sends it"] = {kind = "SecretList",
                                               items = {from_list, secret()}},
            ["a List"] = {apiVersion = "v1", kind = "List", metadata = {}, items = {secret()}},
        }) do
            for _, output in ipairs({"lua", "yaml", "json", false}) do
                local shown = text(v, {output = output or nil, name = "_1"})
                local is_table = not output and shown:find("^NAME")
                for value, size in pairs({aHVudGVyMg = "(7 bytes)", clear = "(10 bytes)"}) do
                    assert.is_nil(shown:find(value, 1, true), what)
                    assert.truthy(is_table or shown:find(size, 1, true), what .. "\n" .. shown)
                end
                assert.truthy(is_table or shown:find("… :all _1 shows the whole", 1, true), what)
                assert.truthy(is_table or text(v, {output = output or nil, whole = true})
                    :find("aHVudGVyMg==", 1, true), what)
            end
        end
        local list = {kind = "SecretList", items = {from_list, secret()}}
        for _, output in ipairs({"lua", "yaml", "json"}) do
            local _, count = text(list, {output = output}):gsub("%(7 bytes%)", "")
            assert.are.equal(2, count)
        end
        local same = secret()
        local twice = text({same, {same}}, {output = "json"})
        assert.are.equal(2, select(2, twice:gsub("%(7 bytes", "")))
        assert.is_nil(text({"x", secret({data = "clear", stringData = {{"clear"}}})},
            {output = "yaml"}):find("clear", 1, true))
        assert.truthy(text({salvor.list({}), secret()}, {output = "json"}):find("^%[\n  %[%],"))
        assert.are.equal("items: []\nkind: SecretList",
            text({kind = "SecretList", items = salvor.list({})}, {output = "yaml"}))
        local cyclic = {secret()}
        cyclic[2] = cyclic
        assert.is_nil(text(cyclic):find("aHVudGVyMg", 1, true))
        assert.is_false((pcall(text, cyclic, {output = "yaml"})))
    end)

    it("is a list of objects as a table of what every object has", function()
        local age = require("salvor.k8s.age").text(os.time() - dates.iso("2020-01-01T00:00:00Z"))
        local expected = rows("NAME   AGE" .. (" "):rep(#age) .. "STATE",
            "a      " .. age .. "   ready", "bcd    " .. age .. "   ready")
        assert.are.equal(expected, text({object("a"), object("bcd")}))
        local list = {apiVersion = "v1", kind = "ConfigMapList", metadata = {},
                      items = {object("a"), object("bcd")}}
        assert.are.equal(expected, text(list))
    end)

    it("has the state of each in the last column: a long one makes no other row long", function()
        local stuck = object("b", {kind = "Pod", status = {phase = "Pending", conditions = {
            {type = "PodScheduled", status = "False", reason = "Unschedulable",
             message = ("no node is large enough "):rep(10)}}}})
        local shown = text({object("a", {kind = "Pod", status = {phase = "Succeeded"}}), stuck})
        assert.truthy(shown:find("\na +%w+ +ready\nb +%w+ +waiting: .*large enough"))
        assert.is_true(#shown:match("\n(a[^\n]*)") < 40)
    end)

    it("has a table for each kind, and a column for namespaces when there are several", function()
        local other = object("c", {kind = "Thing", apiVersion = "example.com/v1"})
        other.metadata.namespace = "other"
        local shown = text({object("a"), other, object("b")})
        local _, _, first, second = shown:find("^(NAMESPACE.*)\n\n(NAMESPACE.*)$")
        assert.truthy(first:find("\napic +configmap/a .*\napic +configmap/b "))
        assert.truthy(second:find("\nother +thing/c "))
    end)

    it("is YAML or JSON when that is chosen, or an error that says why not", function()
        assert.are.equal("- 1\n- b: x", text({1, {b = "x"}}, {output = "yaml"}))
        assert.are.equal("{\n  \"a\": 1\n}", text({a = 1}, {output = "json"}))
        assert.is_nil(text({object("a")}, {output = "yaml"}):find("managedFields", 1, true))
        assert.is_nil(text({object("a")}, {output = "json"}):find("managedFields", 1, true))
        local cyclic = {}
        cyclic.me = cyclic
        for _, v in ipairs({cyclic, {print}, {0 / 0}, {"\xff"}}) do
            for _, output in ipairs({"yaml", "json"}) do
                local ok, err = pcall(text, v, {output = output})
                assert.is_false(ok)
                assert.are.equal("Invalid", err.code)
            end
        end
    end)

    it("is bounded, and says how to see the rest", function()
        local many = {}
        for index = 1, 2000 do
            many[index] = object("name-" .. index)
        end
        local shown = text(many, {name = "_7"})
        assert.are.equal(1000, select(2, shown:gsub("\n", "\n")))
        assert.truthy(shown:find("\nname%-999 .*\n… :all _7 shows the whole$"))
        assert.truthy(text(many, {whole = true}):find("name-2000", 1, true))
        local lines = ("line\n"):rep(1000)
        assert.are.equal(lines:sub(1, -2), text(lines, {name = "_1"}))
        assert.truthy(text(lines .. "x", {name = "_1"}):find("shows the whole", 1, true))
        local long = text("ab\n" .. ("ü"):rep(200000), {name = "_1"})
        assert.is_true(#long < 300000 and utf8.len(long) ~= nil)
        assert.truthy(text({1, ("x"):rep(5000)}, {name = "_2"}):find(":all _2 shows", 1, true))
        assert.is_nil(text({("x"):rep(5000)}):find(":all", 1, true))
    end)

    describe("in which tables stand many times", function()
        local shared = {1, 2}
        for _ = 1, 60 do
            shared = {shared, shared} -- 2^61 numbers, all in all
        end
        local cases = {
            ["as YAML"] = {shared, "yaml", "- - - - "},
            ["as JSON"] = {{a = shared}, "json", '{\n  "a": %[\n    %[\n'},
            ["as Lua"] = {shared, "lua", "{\n  {\n    {\n"},
            ["as itself"] = {{shared}, nil, "{\n  {\n    {\n"},
            ["as an object"] = {object("a", {data = shared}), nil, "apiVersion: v1\n"},
        }
        for how, case in pairs(cases) do
            it("is bounded " .. how .. ", also when the whole is asked for", limit(function()
                local short = text(case[1], {output = case[2], name = "_1"})
                assert.truthy(short:find("^" .. case[3]))
                assert.truthy(short:find("\n… :all _1 shows the whole$"))
                local whole = text(case[1], {output = case[2], whole = true})
                assert.truthy(whole:find("^" .. case[3]))
                assert.truthy(whole:find("\n… what is left out is too large or too deep", 1, true))
                assert.is_true(#whole > 1 << 20 and #whole < 128 << 20)
            end))
        end

        it("is whole where it can be", function()
            local twice = {("x"):rep(3000)}
            for _, output in ipairs({"yaml", "json", "lua"}) do
                local whole = text({twice, twice}, {output = output, whole = true})
                assert.are.equal(6000, select(2, whole:gsub("x", "")))
                assert.is_nil(whole:find("…", 1, true))
            end
        end)
    end)

    it("may pretend to be something and fail", function()
        local function fails()
            error("must not be heard of")
        end
        local broken = setmetatable({name = "x"}, {__index = fails, __pairs = fails})
        local pretending = object("a")
        pretending.metadata = broken
        for _, v in ipairs({broken, pretending, {pretending}, {object("a"), pretending},
                            {{path = "x", kind = "file", size = {}}},
                            {{path = "x", kind = "file", modified = 0 / 0}},
                            {apiVersion = "v1", kind = "List", metadata = {}, items = {1, broken}},
                            object("a", {data = {print}})}) do
            assert.are.equal("string", type(text(v)))
        end
    end)

    it("cannot act on the terminal in a table, whatever it is named", function()
        local name = "a\27[2J\u{202e}\xff\tb\nc"
        local shown = text({object(name)})
        assert.is_nil(shown:find("[^\n\32-\126]"))
        assert.truthy(shown:find("a^[[2J\\u{202e}\\xff\\tb...", 1, true))
    end)
end)

describe("the cells of a list", function()
    it("are only those of a client that keeps them", function()
        assert.is_nil(cells.of(object("a")))
        assert.is_nil(cells.nothing({}))
    end)
end)
