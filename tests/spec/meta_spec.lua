-- What editors show of the API is the API: each function has an entry in lua/meta, with its
-- parameters, and each entry a function. Each option that is described is one, and no other is.
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("salvor")
local store = require("salvor.store")
local task = require("salvor.task")
local tree = require("support.salvor").tree
local ui = require("salvor.ui")
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

--- One object of each class, by the module and the name that its entries bear.
local OBJECTS = {
    ["digest.object"] = require("salvor.digest").new("md5"),
    ["fs.lock"] = must(fs.lock(fs.join(folder, "lock"))),
    ["k8s.client"] = must(require("salvor.k8s").connect({kubeconfig = kubeconfig()})),
    ["k8s.forward"] = require("salvor.k8s.port_forward.forward").new("x"),
    ["k8s.session"] = require("salvor.k8s.exec.session").new({protocol = tostring}, "x", "y"),
    ["store.methods"] = must(require("salvor.store").open(folder)),
    ["task.methods"] = task.spawn(function() end),
    ["ui.progress"] = ui.progress(nil, "x"),
    ["ui.status"] = ui.status(),
    ["yaml.document"] = must(yaml.edit("")),
}

local client = OBJECTS["k8s.client"]
local opened_store = OBJECTS["store.methods"]
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
    ["salvor.json.encode_options"] = function(options) json.encode(1, options) end,
    ["salvor.yaml.edit_options"] = function(options) yaml.edit("", options) end,
}

--- The functions of a table that are not its own affair.
local function public(functions)
    local names = {}
    for name, value in pairs(functions) do
        if type(value) == "function" and not name:find("^_") then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

--- The text of each module's entries. Those of a large one are in several files: NAME.lua, and more
--- in a folder NAME.
local function read_modules()
    local modules = {}
    for path, text in pairs(tree("lua/meta")) do
        local name = path:match("^[%w_]+")
        modules[name] = (modules[name] or "") .. text
    end
    return modules
end

local modules = read_modules()

--- The entries of a text: {[variable] = {name = "a, b", ...}}; and the variable it returns.
local function read_entries(text)
    local entries = {}
    for variable, name, parameters in text:gmatch("\nfunction ([%w_]+)[.:]([%w_]+)(%b()) end") do
        entries[variable] = entries[variable] or {}
        entries[variable][name] = parameters:sub(2, -2)
    end
    return entries, text:match("\nreturn ([%w_]+)\n")
end

--- The classes of a text: {[name] = {parent = name or "", fields = {name, ...}}}.
local function read_classes(text)
    local classes, class = {}, nil
    for line in text:gmatch("[^\n]+") do
        local name, parent = line:match("^%-%-%-@class ([%w_.]+):? ?([%w_.]*)")
        local field = line:match("^%-%-%-@field ([%w_]+)")
        if name then
            class = {parent = parent, fields = {}}
            classes[name] = class
        elseif field then
            table.insert(class.fields, field)
        end
    end
    return classes
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

local function assert_described(functions, entries, is_method)
    assert.are.same(public(functions), salvor.keys(entries))
    for name, parameters in pairs(entries) do
        local expected = parameters_of(functions[name], is_method)
        if expected then
            assert.are.equal(name .. "(" .. expected .. ")", name .. "(" .. parameters .. ")")
        end
    end
end

describe("lua/meta", function()
    for module_name, text in pairs(modules) do
        local entries, module_variable = read_entries(text)

        it("describes every function of " .. module_name, function()
            local name = module_name == "salvor" and "salvor" or "salvor." .. module_name
            assert_described(require(name), entries[module_variable], false)
        end)

        for variable, methods in pairs(entries) do
            if variable ~= module_variable then
                local class = module_name .. "." .. variable
                it("describes every method of " .. class, function()
                    assert_described(getmetatable(OBJECTS[class]).__index, methods, true)
                end)
            end
        end
    end

    for _, text in pairs(modules) do
        local classes = read_classes(text)
        for name in pairs(classes) do
            if name:lower():find("options$") or TAKERS[name] then
                it("describes the options of " .. name, function()
                    local taker = TAKERS[name]
                    local _, problem = pcall(taker, {mispelt = 1})
                    assert.is_truthy(tostring(problem):find("'mispelt'", 1, true))
                    local class = classes[name]
                    while class do
                        for _, field in ipairs(class.fields) do
                            _, problem = pcall(taker, {[field] = io.stdout})
                            assert.is_nil(tostring(problem):find("unknown option", 1, true))
                        end
                        class = classes[class.parent]
                    end
                end)
            end
        end
    end

    it("describes every class of objects", function()
        for name in pairs(OBJECTS) do
            local module_name, variable = name:match("^(.*)%.(.*)$")
            local entries = read_entries(modules[module_name])
            assert.is_table(entries[variable])
        end
    end)

    teardown(function()
        OBJECTS["fs.lock"]:close()
        must(fs.remove_tree(folder))
    end)
end)
