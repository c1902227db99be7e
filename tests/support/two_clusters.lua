--- A kubeconfig with two clusters, the contexts "here" (which is the current one) and "there".
---
---     local clusters = two_clusters.new()
---     two_clusters.write(path, {here = file, there = file})
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local yaml = require("salvor.yaml")

local two_clusters = {}

--- write(path, files) -> path: the contexts of that kubeconfig are those of one file each.
function two_clusters.write(path, files)
    local both = {apiVersion = "v1", kind = "Config", clusters = {}, users = {}, contexts = {},
                  ["current-context"] = "here"}
    for name, file in pairs(files) do
        local config = must(yaml.load(must(fs.read(file))))
        table.insert(both.clusters, {name = name, cluster = config.clusters[1].cluster})
        table.insert(both.users, {name = name, user = config.users[1].user})
        table.insert(both.contexts, {name = name, context = {cluster = name, user = name}})
    end
    must(fs.write(path, must(yaml.dump(both))))
    return path
end

--- The administrator's kubeconfig of each cluster.
function two_clusters.files()
    return {here = lab.kubeconfig(), there = lab.second_kubeconfig()}
end

--- A new namespace of the second cluster, with that name when one is given, and a client of it.
function two_clusters.namespace_there(name)
    local path = lab.second_kubeconfig()
    local client <close> = must(k8s.connect({kubeconfig = path}))
    local made = must(client:create({apiVersion = "v1", kind = "Namespace",
        metadata = {name = name, generateName = not name and "spec-" or nil}}))
    name = made.metadata.name
    return name, must(k8s.connect({kubeconfig = path, namespace = name}))
end

return two_clusters
