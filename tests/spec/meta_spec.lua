-- What editors show of the API is the API: each function has an entry in lua/meta, with its
-- parameters, and each entry a function.
local fs = require("salvor.fs")

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
    ["task.methods"] = require("salvor.task").spawn(function() end),
    ["ui.progress"] = require("salvor.ui").progress(nil, "x"),
    ["ui.status"] = require("salvor.ui").status(),
    ["yaml.document"] = must(require("salvor.yaml").edit("")),
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

--- The entries of one file: {[variable] = {name = "a, b", ...}}; and the variable it returns.
local function read_entries(path)
    local text = must(fs.read(path))
    local entries = {}
    for variable, name, parameters in text:gmatch("\nfunction ([%w_]+)[.:]([%w_]+)(%b()) end") do
        entries[variable] = entries[variable] or {}
        entries[variable][name] = parameters:sub(2, -2)
    end
    return entries, text:match("\nreturn ([%w_]+)\n$")
end

local function sorted_keys(map)
    local keys = {}
    for key in pairs(map) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
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
    assert.are.same(public(functions), sorted_keys(entries))
    for name, parameters in pairs(entries) do
        local expected = parameters_of(functions[name], is_method)
        if expected then
            assert.are.equal(name .. "(" .. expected .. ")", name .. "(" .. parameters .. ")")
        end
    end
end

describe("lua/meta", function()
    for _, file in ipairs(must(fs.list("lua/meta"))) do
        local module_name = file.name:match("^(.*)%.lua$")
        local entries, module_variable = read_entries(fs.join("lua/meta", file.name))

        it("describes every function of " .. module_name, function()
            local name = module_name == "salvor" and "salvor" or "salvor." .. module_name
            assert_described(require(name), entries[module_variable], false)
        end)

        for variable, methods in pairs(entries) do
            if variable ~= module_variable then
                local object = module_name .. "." .. variable
                it("describes every method of " .. object, function()
                    assert_described(getmetatable(OBJECTS[object]).__index, methods, true)
                end)
            end
        end
    end

    it("describes every class of objects", function()
        for name in pairs(OBJECTS) do
            local module_name, variable = name:match("^(.*)%.(.*)$")
            local entries = read_entries(fs.join("lua/meta", module_name .. ".lua"))
            assert.is_table(entries[variable])
        end
    end)

    teardown(function()
        OBJECTS["fs.lock"]:close()
        must(fs.remove_tree(folder))
    end)
end)
