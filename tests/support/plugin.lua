--- A credential plugin and the kubeconfig that names it, in a folder of their own.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")

local plugin = {}
local methods = {}
plugin.__index = methods

plugin.V1 = "client.authentication.k8s.io/v1"
plugin.V1BETA1 = plugin.V1 .. "beta1"

--- What a plugin prints. status: {token=, clientCertificateData=, ...}
function plugin.credential(status, version)
    return json.encode({kind = "ExecCredential", apiVersion = version or plugin.V1,
                        status = status})
end

--- cluster: the cluster entry of its kubeconfigs.
function plugin.new(cluster)
    return setmetatable({folder = must(fs.temporary_folder()), cluster = cluster,
                         generation = 0}, plugin)
end

function methods:remove()
    must(fs.remove_tree(self.folder))
end

function methods:path(name)
    return fs.join(self.folder, name)
end

--- What the program does: shell commands, run in the folder. Each run leaves its number in "runs".
--- From now on kubeconfigs are of another plugin, since what one printed is kept.
function methods:does(commands)
    self.generation = self.generation + 1
    must(fs.write(self:path("plugin"),
        "#!/bin/sh\ncd '" .. self.folder .. "' && echo $$ >> runs\n" .. commands .. "\n",
        {mode = 448}))
    os.remove(self:path("runs"))
end

function methods:prints(text)
    must(fs.write(self:path("output"), text))
    self:does("cat output")
end

--- The process ids of its runs.
function methods:runs()
    local numbers = {}
    for number in (fs.read(self:path("runs")) or ""):gmatch("%d+") do
        numbers[#numbers + 1] = number
    end
    return numbers
end

--- exec, user, cluster: further fields of these entries.
function methods:kubeconfig(exec, user, cluster)
    local entry = {command = "./plugin", apiVersion = plugin.V1, interactiveMode = "Never",
                   installHint = "generation " .. self.generation}
    local all, whole = {exec = entry}, {}
    for _, pair in ipairs({{entry, exec}, {all, user}, {whole, self.cluster}, {whole, cluster}}) do
        for name, value in pairs(pair[2] or {}) do
            pair[1][name] = value
        end
    end
    local path = self:path("kubeconfig")
    must(fs.write(path, json.encode({
        ["current-context"] = "main",
        contexts = {{name = "main", context = {cluster = "c", user = "jane"}}},
        clusters = {{name = "c", cluster = whole}},
        users = {{name = "jane", user = all}},
    })))
    return path
end

function methods:client(exec, user, opts)
    local all = {kubeconfig = self:kubeconfig(exec, user), timeout = 60}
    for name, value in pairs(opts or {}) do
        all[name] = value
    end
    return must(k8s.connect(all))
end

return plugin
