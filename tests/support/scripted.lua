--- An HTTPS server that answers as a spec tells it to: tests/support/scripted_server.py.
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local salvor = require("salvor")

local scripted = {}
local server = {}
server.__index = server

local RESOURCES = {
    {name = "pods", singularName = "", namespaced = true, kind = "Pod", verbs = {"get"}},
    {name = "configmaps", singularName = "", namespaced = true, kind = "ConfigMap",
     verbs = {"get"}, shortNames = {"cm"}},
}

local function write(path, text)
    local file <close> = assert(io.open(path, "w"))
    assert(file:write(text))
end

--- What every client asks first.
local DISCOVERY = {
    {path = "/api", json = {kind = "APIVersions", versions = salvor.list({"v1"})}},
    {path = "/api/v1", json = {kind = "APIResourceList", groupVersion = "v1",
                               resources = RESOURCES}},
    {path = "/apis", json = {kind = "APIGroupList", groups = salvor.list({})}},
}

--- mode: nil, "plain", "expired", "other-name", "other-ca" or "client-cert".
function scripted.start(mode)
    local pipe <close> = assert(io.popen("mktemp -d"))
    local self = setmetatable({folder = assert(pipe:read("l"))}, server)
    self:rules({})
    local command = "exec python3 tests/support/scripted_server.py %s %s"
    self.output = assert(io.popen(command:format(self.folder, mode or "")))
    self.port, self.pid = assert(self.output:read("l")):match("^(%d+) (%d+)$")
    self.url = (mode == "plain" and "http" or "https") .. "://127.0.0.1:" .. self.port
    return self
end

function server:stop()
    os.execute("kill " .. self.pid)
    self.output:close()
    os.execute("rm -rf " .. self.folder)
end

--- From now on these rules hold; the requests so far are forgotten.
function server:rules(rules)
    self.answered = {["/api"] = true, ["/api/v1"] = true, ["/apis"] = true}
    for _, rule in ipairs(rules) do
        self.answered[rule.path] = nil
    end
    table.move(DISCOVERY, 1, #DISCOVERY, #rules + 1, rules)
    os.remove(self.folder .. "/requests.jsonl")
    write(self.folder .. "/rules.json.new", json.encode(rules))
    assert(os.rename(self.folder .. "/rules.json.new", self.folder .. "/rules.json"))
end

--- The requests since then, those that DISCOVERY answered left out.
function server:requests()
    local result = {}
    local file = io.open(self.folder .. "/requests.jsonl")
    if file then
        for line in file:lines() do
            local request = must(json.decode(line))
            if not self.answered[request.path] then
                result[#result + 1] = request
            end
        end
        file:close()
    end
    return result
end

--- The path of a kubeconfig for it; `cluster` and `user` are further fields of these entries.
function server:kubeconfig(cluster, user)
    cluster = cluster or {["certificate-authority"] = "ca.crt"}
    user = user or {token = "secret-token"}
    cluster.server = cluster.server or self.url
    local path = self.folder .. "/kubeconfig"
    write(path, json.encode({
        ["current-context"] = "scripted",
        contexts = {{name = "scripted", context = {cluster = "c", user = "u"}}},
        clusters = {{name = "c", cluster = cluster}},
        users = {{name = "u", user = user}},
    }))
    return path
end

function server:client(opts)
    local all = {kubeconfig = self:kubeconfig()}
    for key, value in pairs(opts or {}) do
        all[key] = value
    end
    return must(k8s.connect(all))
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
