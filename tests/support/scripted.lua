--- An HTTPS server that answers as a spec tells it to: tests/support/scripted_server.py.
local json = require("salvor.json")
local python_server = require("support.python_server")
local salvor = require("salvor")

local scripted = {}
local server = python_server.class()

local RESOURCES = {
    {name = "pods", singularName = "", namespaced = true, kind = "Pod", verbs = {"get"}},
    {name = "configmaps", singularName = "", namespaced = true, kind = "ConfigMap",
     verbs = {"get"}, shortNames = {"cm"}},
}

--- What every client asks first.
local DISCOVERY = {
    {path = "/api", json = {kind = "APIVersions", versions = salvor.list({"v1"})}},
    {path = "/api/v1", json = {kind = "APIResourceList", groupVersion = "v1",
                               resources = RESOURCES}},
    {path = "/apis", json = {kind = "APIGroupList", groups = salvor.list({})}},
}

--- mode: nil, "plain", "expired", "other-name", "other-ca" or "client-cert".
function scripted.start(mode)
    local self = python_server.start(server, "scripted_server.py", nil, mode)
    self.url = (mode == "plain" and "http" or "https") .. "://127.0.0.1:" .. self.port
    self:rules({})
    return self
end

--- From now on these rules hold; the requests so far are forgotten.
function server:rules(rules)
    self.answered = {["/api"] = true, ["/api/v1"] = true, ["/apis"] = true}
    for _, rule in ipairs(rules) do
        self.answered[rule.path] = nil
    end
    table.move(DISCOVERY, 1, #DISCOVERY, #rules + 1, rules)
    os.remove(self.folder .. "/requests.jsonl")
    self:put("rules.json", json.encode(rules))
end

--- The requests since then, those that DISCOVERY answered left out.
function server:requests()
    return self:entries("requests.jsonl", function(request)
        return not self.answered[request.path]
    end)
end

--- The paths of these, sorted.
function server:paths()
    local paths = {}
    for number, request in ipairs(self:requests()) do
        paths[number] = request.path
    end
    table.sort(paths)
    return paths
end

--- The path of a kubeconfig for it; `cluster` and `user` are further fields of these entries.
function server:kubeconfig(cluster, user)
    cluster = cluster or {["certificate-authority"] = "ca.crt"}
    cluster.server = cluster.server or self.url
    return self:put_kubeconfig(cluster, user)
end

function scripted.config_map(name, version, uid)
    return {
        apiVersion = "v1",
        kind = "ConfigMap",
        metadata = {name = name, namespace = "default", uid = uid or "uid-" .. name,
                    resourceVersion = version},
    }
end

function scripted.list(version, items, continue)
    return {kind = "ConfigMapList", apiVersion = "v1",
            metadata = {resourceVersion = version, continue = continue}, items = items}
end

--- The text of watch events, {type, object} each.
function scripted.events(...)
    local lines = {}
    for _, event in ipairs({...}) do
        lines[#lines + 1] = json.encode({type = event[1], object = event[2]})
    end
    return table.concat(lines, "\n")
end

function scripted.status(code, reason, message, more)
    local result = {kind = "Status", apiVersion = "v1", status = "Failure", code = code,
                    reason = reason, message = message}
    for key, value in pairs(more or {}) do
        result[key] = value
    end
    return result
end

return scripted
