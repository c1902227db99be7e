--- Service accounts of the lab that may do what a Role says, and no more.
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local list = require("salvor").list
local task = require("salvor.task")
local yaml = require("salvor.yaml")

local account = {}

-- Seconds until the server's authorizer must have learnt of a new rule.
local PATIENCE = 20

local function token_of(client, namespace, name)
    return must(client:request({
        method = "POST",
        path = "/api/v1/namespaces/" .. namespace .. "/serviceaccounts/" .. name .. "/token",
        body = {apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest",
                spec = {audiences = list({})}},
    })).body.status.token
end

--- create(namespace, name, folder) -> the path of a kubeconfig in the folder for a new account
function account.create(namespace, name, folder)
    local client = lab.client()
    must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                        metadata = {name = name, namespace = namespace}}))
    local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
    config.users[1].user = {token = token_of(client, namespace, name)}
    local path = fs.join(folder, name .. ".kubeconfig")
    must(fs.write(path, must(yaml.dump(config)), {mode = tonumber("600", 8)}))
    return path
end

--- Waits until `is_so(client)` of a client with that kubeconfig, and returns what it gives.
function account.eventually(kubeconfig, namespace, is_so)
    local client <close> = must(k8s.connect({kubeconfig = kubeconfig, namespace = namespace}))
    local deadline = task.now() + PATIENCE
    while true do
        local result = is_so(client)
        if result then
            return result
        elseif task.now() > deadline then
            error("the server's rules did not change")
        end
        task.sleep(0.02)
    end
end

return account
