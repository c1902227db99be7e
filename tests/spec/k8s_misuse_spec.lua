-- Misuse raises before anything is sent: at the line of the script, naming method and argument.
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")

local KUBECONFIG = [[
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: none}}]
]]

local NAN = 0 / 0

local object = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a"}}

--- A call of each method with its arguments before the options.
local CALLS = {
    apply = {object},
    attach = {"a"},
    can = {"get", "pods"},
    create = {object},
    delete = {"cm", "a"},
    delete_all = {"cm"},
    download = {"a", "b", "c"},
    each = {"cm"},
    each_log = {"a"},
    events = {"cm", "a"},
    evict = {"a"},
    exec = {"a", {"b"}},
    get = {"cm", "a"},
    list = {"cm"},
    logs = {"a"},
    open_attach = {"a"},
    open_exec = {"a", {"b"}},
    owners = {object},
    patch = {"cm", "a", {}},
    port_forward = {"a", 1},
    print_table = {"cm"},
    replace = {object},
    request = {},
    scale = {"deploy", "a", 1},
    table = {"cm"},
    tree = {"cm", "a"},
    update = {"cm", "a", print},
    upload = {"a", "b", "c"},
    wait = {"cm", "a"},
    wait_all = {{{kind = "cm", name = "a"}}},
    watch = {"cm"},
}

local NO_OPTIONS = {kind = true, kinds = true}
local NO_NAMESPACE = {owners = true, request = true}
local SELECTING = {each = true, list = true, watch = true, table = true, print_table = true,
                   delete_all = true, wait = true}
local COUNTS = {
    list = {"limit"}, events = {"limit"}, logs = {"limit", "tail", "limit_bytes"},
    each_log = {"tail", "limit_bytes"}, exec = {"limit"}, attach = {"limit"}, download = {"limit"},
    delete = {"grace_period"}, delete_all = {"grace_period"}, evict = {"grace_period"},
    scale = {"current_replicas"},
}
local KINDS = {"delete", "delete_all", "each", "events", "get", "kind", "list", "patch",
               "print_table", "scale", "table", "tree", "update", "wait", "watch"}

describe("misuse of a client", function()
    local client

    setup(function()
        local folder = must(fs.temporary_folder())
        must(fs.write(fs.join(folder, "config"), KUBECONFIG))
        client = must(k8s.connect({kubeconfig = fs.join(folder, "config"), cache = false}))
        must(fs.remove_tree(folder))
    end)

    local function call(name, arguments)
        client[name](client, table.unpack(arguments, 1, arguments.n or #arguments))
        return nil -- so that the call is none in the tail, and this is the script's line
    end

    local function refuses(name, arguments, words)
        local ok, problem = pcall(call, name, arguments)
        local place, text = tostring(problem):match("^(.-):%d+: (.*)$")
        assert.is_false(ok)
        assert.are.equal("tests/spec/k8s_misuse_spec.lua", place, tostring(problem))
        assert.are.equal("k8s." .. name, text:match("^[%w._]+"), text)
        assert.truthy(text:find(words, 1, true), text)
    end

    local function with(name, options)
        local arguments = {table.unpack(CALLS[name])}
        table.insert(arguments, options)
        return arguments
    end

    it("is looked for in every method", function()
        for name in pairs(getmetatable(client).__index) do
            assert.is_truthy(name:find("^_") or NO_OPTIONS[name] or CALLS[name], name)
        end
    end)

    it("is an option that is unknown, or of another type", function()
        for name in pairs(CALLS) do
            refuses(name, with(name, {mispelt = 1}), "unknown option 'mispelt'")
            refuses(name, with(name, {timeout = "1"}), "option 'timeout'")
            refuses(name, with(name, {timeout = NAN}), "option 'timeout' is not a number")
            refuses(name, with(name, 1), "options must be a table")
        end
    end)

    it("is a namespace that would lead to another path", function()
        for name in pairs(CALLS) do
            if not NO_NAMESPACE[name] then
                refuses(name, with(name, {namespace = ".."}), "option 'namespace': '..'")
            end
        end
        for _, name in ipairs({"create", "replace", "apply"}) do
            local elsewhere = {apiVersion = "v1", kind = "ConfigMap",
                               metadata = {name = "a", namespace = "b/c"}}
            refuses(name, {elsewhere}, "metadata.namespace: 'b/c'")
        end
    end)

    it("is a selector that says nothing, which would select everything", function()
        for name in pairs(SELECTING) do
            for _, option in ipairs({"label_selector", "field_selector"}) do
                for _, selector in ipairs({{["a b"] = "c"}, {a = {}}, {""}}) do
                    local arguments = with(name, {[option] = selector})
                    if name == "wait" then
                        arguments = table.pack("cm", nil, {[option] = selector})
                    end
                    refuses(name, arguments, "option '" .. option .. "'")
                end
            end
        end
        refuses("wait_all", {{{kind = "cm", label_selector = {a = {}}}}}, "'label_selector'")
    end)

    it("is a number of things that is none", function()
        for name, options in pairs(COUNTS) do
            for _, option in ipairs(options) do
                for _, number in ipairs({-1, 1.5, math.huge}) do
                    local opts = {[option] = number, all = name == "delete_all" or nil}
                    refuses(name, with(name, opts),
                        "option '" .. option .. "' must be a whole number")
                end
            end
        end
    end)

    it("is a kind or a name that is none", function()
        for _, name in ipairs(KINDS) do
            refuses(name, {""}, "kind must be a string such as 'pods', got an empty one")
        end
        for _, name in ipairs({"attach", "evict", "logs", "open_attach", "each_log"}) do
            refuses(name, {"a/b"}, "'a/b' is not the name of an object")
        end
        for _, name in ipairs({"delete", "events", "get", "tree", "wait"}) do
            refuses(name, {"cm", ".."}, "'..' is not the name of an object")
        end
        refuses("wait", {"cm", {"a", "b/c"}}, "'b/c' is not the name of an object")
        refuses("table", {"cm", {name = "a/b"}}, "'a/b' is not the name of an object")
        refuses("watch", {"cm", {name = ""}}, "option 'name' is empty")
    end)

    it("is a terminal's size without one", function()
        for name in pairs({exec = true, open_exec = true}) do
            refuses(name, {"a", {"b"}, {size = {width = 1, height = 1}}}, "option 'size'")
        end
        refuses("delete", {"cm", "a", {propagation = "none"}}, "option 'propagation'")
    end)
end)
