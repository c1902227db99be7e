-- What editors, :help and salvor-api(7) show of the API is the API: each function has an entry in
-- lua/meta, with its parameters, and each entry a function. Each option that is described is one,
-- and no other is.
local contract = require("salvor.procedure.contract")
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local reference = require("salvor.reference")
local salvor = require("salvor")
local store = require("salvor.store")
local task = require("salvor.task")
local ui = require("salvor.ui")
local value = require("salvor.value")
local yaml = require("salvor.yaml")

local KUBECONFIG = [[
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: none}}]
]]

local folder = must(fs.temporary_folder())

local function kubeconfig()
    local path = fs.join(folder, "config")
    must(fs.write(path, KUBECONFIG))
    return path
end

--- One object of each class that has methods.
local OBJECTS = {
    ["k8s.Client"] = must(require("salvor.k8s").connect({kubeconfig = kubeconfig()})),
    ["k8s.Forward"] = require("salvor.k8s.port_forward.forward").new("x"),
    ["k8s.Session"] = require("salvor.k8s.exec.session").new({protocol = tostring}, "x", "y"),
    ["salvor.Context"] = require("salvor.procedure.context").new({performer = {
        perform = function(_, effect)
            return effect.run()
        end}}),
    ["salvor.Digest"] = require("salvor.digest").new("md5"),
    ["salvor.FsLock"] = must(fs.lock(fs.join(folder, "lock"))),
    ["salvor.Kit"] = must(require("salvor.procedure.kit").open(folder)),
    ["salvor.Store"] = must(require("salvor.store").open(folder)),
    ["salvor.Task"] = task.spawn(function() end),
    ["salvor.UiProgress"] = ui.progress(nil, "x"),
    ["salvor.UiStatus"] = ui.status(),
    ["salvor.YamlDocument"] = must(yaml.edit("")),
}

--- What the engine calls of them, and no script does.
local ENGINES = {
    ["salvor.Context"] = {discard_kits = true},
    ["salvor.Kit"] = {close = true, discard = true},
}

--- What only Salvor itself requires. Anything else below "salvor." is for everybody.
local INTERNAL = {
    "block", "inspect", "kube", "local", "scheduler", "set_files", "sftp", "store_http", "transfer",
    "value", -- what the modules below stand on
    "action", "catch", "check", "condition", "copy", "dates", "fit", "folders", "guard",
    "log_writer", "suggest", "usage", "verify", -- what they share
    "cli", "completion", "console", "doctor", "global_options", "manual", "options", "prompt",
    "reference", "repl", -- the program
    "apiconnect", "cassandra", "fortanix", "medusa", -- what bundled procedures share
}

local client = OBJECTS["k8s.Client"]
local opened_store = OBJECTS["salvor.Store"]
local object = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "a", namespace = "b"}}
local some_file = fs.join(folder, "file")

--- For each class of options a function that takes it.
local TAKERS = {
    ["salvor.IsEmptyOptions"] = function(options) store.is_empty(folder, options) end,
    ["salvor.PgbackrestCopyOptions"] = function(options)
        require("salvor.pgbackrest").copy(folder, folder, options)
    end,
    ["salvor.VerifyOptions"] = function(options) store.verify(folder, options) end,
    ["salvor.ArchiveOptions"] = function(options)
        require("salvor.archive").check(some_file, options)
    end,
    ["salvor.CommandOptions"] = function(options)
        OBJECTS["salvor.Context"]:command({"true"}, options)
    end,
    ["k8s.ApplyOptions"] = function(options) client:apply(object, options) end,
    ["k8s.CanOptions"] = function(options) client:can("get", "pods", options) end,
    ["k8s.ConnectOptions"] = function(options) require("salvor.k8s").connect(options) end,
    ["k8s.ContextsOptions"] = function(options) require("salvor.k8s").contexts(options) end,
    ["k8s.DeleteAllOptions"] = function(options) client:delete_all("pods", options) end,
    ["k8s.DeleteOptions"] = function(options) client:delete("pods", "a", options) end,
    ["k8s.DownloadOptions"] = function(options) client:download("a", "b", "c", options) end,
    ["k8s.EachLogOptions"] = function(options) client:each_log("a", options) end,
    ["k8s.EachOptions"] = function(options) client:each("pods", options) end,
    ["k8s.EvictOptions"] = function(options) client:evict("a", options) end,
    ["k8s.ExecOptions"] = function(options)
        client:exec("a", {"b"}, options)
        client:attach("a", options)
    end,
    ["k8s.GetOptions"] = function(options) client:get("pods", "a", options) end,
    ["k8s.ImpersonateOptions"] = function(options)
        require("salvor.k8s").connect({impersonate = options})
    end,
    ["k8s.ListOptions"] = function(options) client:list("pods", options) end,
    ["k8s.OpenExecOptions"] = function(options)
        client:open_exec("a", {"b"}, options)
        client:open_attach("a", options)
    end,
    ["k8s.LogsOptions"] = function(options) client:logs("a", options) end,
    ["k8s.PatchOptions"] = function(options) client:patch("pods", "a", {}, options) end,
    ["k8s.PortForwardOptions"] = function(options) client:port_forward("a", 1, options) end,
    ["k8s.PrintTableOptions"] = function(options) client:print_table("pods", options) end,
    ["k8s.ReplaceOptions"] = function(options) client:replace(object, options) end,
    ["k8s.RequestOptions"] = function(options) client:request(options) end,
    ["k8s.EventsOptions"] = function(options) client:events("pods", "a", options) end,
    ["k8s.OwnersOptions"] = function(options) client:owners(object, options) end,
    ["k8s.TableOptions"] = function(options) client:table("pods", options) end,
    ["k8s.TreeOptions"] = function(options) client:tree("pods", "a", options) end,
    ["k8s.WaitAllItem"] = function(options) client:wait_all({options}) end,
    ["k8s.WaitAllOptions"] = function(options) client:wait_all({{}}, options) end,
    ["k8s.ScaleOptions"] = function(options) client:scale("deploy", "a", 1, options) end,
    ["k8s.UpdateOptions"] = function(options) client:update("cm", "a", print, options) end,
    ["k8s.UploadOptions"] = function(options) client:upload("a", "b", "c", options) end,
    ["k8s.WaitOptions"] = function(options) client:wait("pods", "a", options) end,
    ["k8s.WatchOptions"] = function(options) client:watch("pods", options) end,
    ["k8s.WriteOptions"] = function(options) client:create(object, options) end,
    ["salvor.FsMkdirOptions"] = function(options) fs.mkdir(some_file, options) end,
    ["salvor.FsModeOptions"] = function(options) fs.append(some_file, "", options) end,
    ["salvor.FsReadOptions"] = function(options) fs.read(some_file, options) end,
    ["salvor.FsRenameOptions"] = function(options) fs.rename(some_file, some_file, options) end,
    ["salvor.FsStatOptions"] = function(options) fs.stat(some_file, options) end,
    ["salvor.FsSymlinkOptions"] = function(options) fs.symlink("a", some_file, options) end,
    ["salvor.FsWriteOptions"] = function(options) fs.write(some_file, "", options) end,
    ["salvor.ProcOptions"] = function(options) proc.run({"true"}, options) end,
    ["salvor.StoreCopyOptions"] = function(options) store.copy(folder, folder, options) end,
    ["salvor.StoreLeftoversOptions"] = function(options)
        opened_store:leftovers("", options)
    end,
    ["salvor.StoreReadOptions"] = function(options) opened_store:read("x", options) end,
    ["salvor.StoreTransferOptions"] = function(options)
        opened_store:upload("x", "y", options)
        opened_store:download("x", "y", options)
    end,
    ["salvor.StoreWriteOptions"] = function(options) opened_store:write("x", "", options) end,
    ["salvor.TaskMapOptions"] = function(options) task.map({}, print, options) end,
    ["salvor.UiColumn"] = function(options) ui.format_table({options}, {}) end,
    ["salvor.UiConfirmOptions"] = function(options) ui.confirm("?", options) end,
    ["salvor.UiProgressOptions"] = function(options) ui.progress(1, "x", options) end,
    ["salvor.UiStatusOptions"] = function(options) ui.status(nil, options) end,
    ["salvor.UiStream"] = function(options) ui.colour("red", "x", options) end,
    ["salvor.ErrorFields"] = function(options) require("salvor.error").new(options) end,
    ["salvor.JsonEncodeOptions"] = function(options) json.encode(1, options) end,
    ["salvor.YamlEditOptions"] = function(options) yaml.edit("", options) end,
}

--- The names of a table that are not its own affair: those of functions, or of all else.
local function public(functions, is_function, internal)
    local names = {}
    for name, member in pairs(functions) do
        if (type(member) == "function") == is_function and not name:find("^_")
            and not (internal or {})[name] then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

local function names_of(list, field)
    local names = {}
    for index, item in ipairs(list) do
        names[index] = item[field]
    end
    table.sort(names)
    return names
end

--- The parameters of a function written in Lua as its entry gives them; nil of one written in C.
local function parameters_of(fn, is_method)
    local info = debug.getinfo(fn, "Su")
    if info.what == "C" then
        return nil
    end
    local names = {}
    for number = is_method and 2 or 1, info.nparams do
        names[#names + 1] = debug.getlocal(fn, number)
    end
    if info.isvararg then
        names[#names + 1] = "..."
    end
    return table.concat(names, ", ")
end

local function assert_described(functions, owner, internal)
    local entries = reference.members(owner)
    assert.are.same(public(functions, true, internal), names_of(entries, "method"))
    for _, entry in ipairs(entries) do
        local expected = parameters_of(functions[entry.method], entry.separator == ":")
        if expected then
            assert.are.equal(entry.name .. "(" .. expected .. ")", entry.signature)
        end
    end
end

--- The owners of all entries; those that are no modules are classes.
local function owners()
    local found = {}
    for _, entry in ipairs(reference.load().functions) do
        found[entry.owner] = true
    end
    found._G = nil
    return salvor.keys(found)
end

--- What is said of an option that there is not, and the names of those that there are.
local function ask(taker, options)
    local _, problem = pcall(taker, options)
    local known = {}
    for name in (tostring(problem):match("known are ([%w_, ]+)") or ""):gmatch("[%w_]+") do
        known[#known + 1] = name
    end
    table.sort(known)
    return tostring(problem), known
end

local function is_options(name)
    return name:lower():find("options$") ~= nil or TAKERS[name] ~= nil
end

-- What the language has by itself; "any" and "fun" are the annotations' own.
local BUILTIN = {any = true, fun = true, boolean = true, integer = true, lightuserdata = true,
                 number = true, string = true, table = true, ["nil"] = true, ["true"] = true,
                 ["false"] = true, file = true}

--- Calls fn(type, where) for each type that the reference names.
local function each_type(fn)
    local all = reference.load()
    for _, entry in ipairs(all.functions) do
        for _, list in ipairs({entry.params, entry.returns}) do
            for _, item in ipairs(list) do
                fn(item.type, entry.name, entry.generics)
            end
        end
    end
    for name, class in pairs(all.classes) do
        for _, field in ipairs(class.fields) do
            fn(field.type, name .. "." .. field.name, {})
        end
        for _, parent in ipairs(class.parents) do
            fn(parent, name, {})
        end
    end
    for name, alias in pairs(all.aliases) do
        fn(alias.type, name, {})
    end
end

describe("lua/meta", function()
    for name in pairs(reference.load().modules) do
        it("describes every function and value of " .. name, function()
            assert_described(require(name), name)
            local values = {}
            for _, entry in ipairs(reference.load().values) do
                values[#values + 1] = entry.owner == name and entry.method or nil
            end
            table.sort(values)
            assert.are.same(public(require(name), false), values)
        end)
    end

    for _, owner in ipairs(owners()) do
        if not reference.load().modules[owner] then
            it("describes every method of " .. owner, function()
                assert.is_truthy(OBJECTS[owner], "no object of this class is known here")
                assert_described(getmetatable(OBJECTS[owner]).__index, owner, ENGINES[owner])
            end)
        end
    end

    it("describes every class of objects", function()
        for name in pairs(OBJECTS) do
            assert.is_truthy(reference.members(name)[1], name)
        end
    end)

    it("describes every module that is for scripts", function()
        local expected = {salvor = true}
        for _, path in ipairs(value.embedded_paths("lua/salvor/")) do
            expected["salvor." .. path:match("^lua/salvor/([%w_]+)")] = true
        end
        expected["salvor.init"] = nil
        for name in must(fs.read("src/lua/host.c")):gmatch('{"(salvor[%w_.]+)", luaopen_') do
            expected[name] = true
        end
        for _, name in ipairs(INTERNAL) do
            assert.is_truthy(expected["salvor." .. name], name .. " is gone")
            expected["salvor." .. name] = nil
        end
        -- Folders that hold what belongs to a module, or to procedures and commands.
        expected["salvor.procedure"], expected["salvor.ssh"] = nil, nil
        assert.are.same(salvor.keys(expected), salvor.keys(reference.load().modules))
    end)

    it("describes what is at the prompt by its name", function()
        for _, name in ipairs(require("salvor.prompt.environment").MODULES) do
            assert.is_truthy(reference.load().modules["salvor." .. name], name)
        end
    end)

    it("describes the globals that Salvor adds", function()
        assert.are.same({"must"}, names_of(reference.members("_G"), "name"))
        assert.is_function(must)
    end)

    it("names only types that there are", function()
        local all = reference.load()
        each_type(function(kind, where, generics)
            -- Texts, and the names of fields and parameters, are no types.
            local names = kind:gsub('"[^"]*"', ""):gsub("[%w_]+%??:%s", "")
            for name in names:gmatch("[%a_][%w_.]*") do
                assert.is_truthy(BUILTIN[name] or all.classes[name] or all.aliases[name]
                    or generics[name], where .. ": there is no type " .. name)
            end
        end)
    end)

    it("names every code of errors that Salvor makes", function()
        local text = reference.load().classes["salvor.Error"].text
        local files = must(proc.run({"find", "lua/salvor", "scripts", "src", "-type", "f"})).stdout
        for path in files:gmatch("[^\n]+") do
            local source = must(fs.read(path))
            for _, pattern in ipairs({'code = "(%u%a+)"', 'error_set%([^"]-, "(%u%a+)"'}) do
                for code in source:gmatch(pattern) do
                    assert.is_truthy(text:find("`" .. code .. "`", 1, true), path .. ": " .. code)
                end
            end
        end
    end)

    it("uses every alias and every class of options", function()
        local used = {}
        each_type(function(kind)
            for name in kind:gmatch("[%a_][%w_.]*") do
                used[name] = true
            end
        end)
        for name in pairs(reference.load().aliases) do
            assert.is_truthy(used[name], name)
        end
        for name in pairs(reference.load().classes) do
            assert.is_truthy(used[name] or not is_options(name), name)
        end
    end)

    for name in pairs(reference.load().classes) do
        if is_options(name) then
            it("describes the options of " .. name, function()
                local described = reference.fields(name)
                local problem, known = ask(TAKERS[name], {mispelt = 1})
                assert.is_truthy(problem:find("'mispelt'", 1, true))
                for _, field in ipairs(described) do
                    problem = ask(TAKERS[name], {[field.name] = io.stdout})
                    assert.is_nil(problem:find("unknown option", 1, true))
                end
                assert.are.same(known, names_of(described, "name"))
            end)
        end
    end

    for class, of in pairs({["salvor.Procedure"] = "procedure", ["salvor.Step"] = "step",
                            ["salvor.ProcedureParam"] = "param",
                            ["salvor.Permission"] = "permission",
                            ["salvor.ProcedureSystem"] = "system"}) do
        it("describes " .. class .. " as procedures are checked", function()
            local fields, required = {}, {}
            for name, rule in pairs(contract.fields[of]) do
                fields[name], required[name] = true, rule.required or nil
            end
            assert.are.same(salvor.keys(fields), names_of(reference.fields(class), "name"))
            for _, field in ipairs(reference.fields(class)) do
                assert.are.equal(required[field.name] or false, not field.optional, field.name)
            end
        end)
    end

    it("describes the types of a procedure's parameters", function()
        local types = {}
        for name in reference.load().aliases["salvor.ParamType"].type:gmatch('"(%a+)"') do
            types[#types + 1] = name
        end
        table.sort(types)
        assert.are.same(salvor.keys(require("salvor.procedure.params").types), types)
    end)

    teardown(function()
        OBJECTS["salvor.FsLock"]:close()
        must(fs.remove_tree(folder))
    end)
end)

describe("a file of lua/meta", function()
    local reader = require("salvor.reference.reader")

    local function read(...)
        local all = {functions = {}, values = {}, classes = {}, aliases = {}, modules = {}}
        reader.read(all, "lua/meta/x.lua", table.concat({"---@meta salvor.x", ...}, "\n"))
        return all
    end

    it("gives types with blanks, and texts of several lines", function()
        local all = read("", "--- Text", "---   code", "local x = {}", "",
            "---@param a fun(b: string, c?: integer): string, any Text", "--- that goes on.",
            "---@param b? { c: string }|(integer|string)[]|\"d e\"", "---@return x.Y? y",
            "function x.f(a, b) end", "",
            "---@class x.Y: x.Z, x.W", "---@field [integer] any", "local y = {}", "",
            "function y:g() end")
        assert.are.equal("Text\n  code", all.modules["salvor.x"])
        local f, g = all.functions[1], all.functions[2]
        assert.are.same({name = "a", optional = false, text = "Text that goes on.",
                         type = "fun(b: string, c?: integer): string, any"}, f.params[1])
        assert.are.same({name = "b", optional = true, text = "",
                         type = '{ c: string }|(integer|string)[]|"d e"'}, f.params[2])
        assert.are.same({type = "x.Y?", text = "y"}, f.returns[1])
        assert.are.same({"x.f(a, b)", "salvor.x"}, {f.signature, f.owner})
        assert.are.same({"y:g()", "x.Y"}, {g.signature, g.owner})
        assert.are.same({"x.Z", "x.W"}, all.classes["x.Y"].parents)
        assert.are.equal("[integer]", all.classes["x.Y"].fields[1].name)
    end)

    for _, case in ipairs({
        {"an unknown tag", "unknown tag @parm", "---@parm a string"},
        {"a parameter without a type", "a name and a type expected", "---@param a"},
        {"a bracket that stays open", "a type expected", "---@param a table<string, any"},
        {"a field of no class", "a field of no class", "---@field a string"},
        {"a class without a name", "is no class", "---@class"},
        {"a quote that stays open", "a type expected", "---@param a \"b|string"},
        {"an alias without a type", "the alias has no type", "---@alias a"},
        {"what describes nothing at its end", "what is described has no function",
         "---@return string"},
        {"a type that goes on behind nothing", "no alias goes on here", "---| string"},
        {"another module's function", "y is neither the module nor a class",
         "local x = {}", "function y.f() end"},
        {"a second table that is no class", "z is neither", "local x = {}", "", "local z = {}"},
        {"a parameter that has no entry", "described are (a), its parameters are (a, b)",
         "local x = {}", "---@param a string", "function x.f(a, b) end"},
        {"parameters in another order", "described are (b, a)", "local x = {}",
         "---@param b string", "---@param a string", "function x.f(a, b) end"},
        {"what describes nothing", "what is described has no function", "local x = {}",
         "---@param a string", "", "function x.f() end"},
        {"a value without a type", "a value has a @type", "local x = {}", "x.y = 1"},
        {"other code", "'print(1)' is nothing that is described", "print(1)"},
    }) do
        it("is refused with " .. case[1], function()
            local ok, problem = pcall(read, table.unpack(case, 3))
            assert.is_false(ok)
            assert.is_truthy(problem:find("^lua/meta/x.lua:%d+: "), problem)
            assert.is_truthy(problem:find(case[2], 1, true), problem)
        end)
    end

    it("is refused without its module", function()
        local ok, problem = pcall(reader.read, {}, "lua/meta/x.lua", "---@meta")
        assert.are.same({false, "lua/meta/x.lua:1: @meta names the module, or is _"}, {ok, problem})
    end)
end)

describe(".luarc.json", function()
    it("leads editors to lua/meta", function()
        local settings = must(json.decode(must(fs.read(".luarc.json"))))
        assert.are.equal("Lua 5.4", settings["runtime.version"])
        for _, path in ipairs(settings["workspace.library"]) do
            assert.are.equal("folder", must(fs.stat(path)).type)
        end
        assert.are.same({"lua/meta"}, settings["workspace.library"])
        assert.are.equal("must", settings["diagnostics.globals"][1])
    end)
end)
