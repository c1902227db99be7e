--- Kubernetes. `k8s.connect{...}` gives a client; what its methods take and return is written in
--- lua/meta/k8s.lua and the folder lua/meta/k8s.
---
--- What can fail returns nil and an error object; an iterator (each, watch) raises that object,
--- since a loop would take nil for the end. Misuse raises.
---
--- Every read goes through client:_read and every change through client:_write, so that plan mode
--- needs to wrap these two (lua/salvor/k8s/funnel.lua) and client:request, which sends anything.
local call = require("salvor.k8s.call")
local check = require("salvor.k8s.check")
local copy = require("salvor.copy")
local discovery = require("salvor.k8s.discovery")
local discovery_cache = require("salvor.k8s.discovery_cache")
local folders = require("salvor.folders")
local impersonate = require("salvor.k8s.impersonate")
local kinds = require("salvor.k8s.kinds")
local kube = require("salvor.kube")
local log = require("salvor.log")
local warnings = require("salvor.k8s.warnings")

local TIMEOUT = 30
local MAX_WARNINGS = 1000 -- different ones; whoever sends more is not read any further

local k8s = {}

--- Where each method is: a module below salvor.k8s, loaded when one of its methods is first used. A
--- script pays for what it uses, and mostly that is little.
local PARTS = {
    funnel = {"_namespace", "_selection", "_read", "_send", "_stream", "_write"},
    read = {"get", "list", "each"},
    watch = {"watch"},
    tables = {"table", "print_table"},
    write = {"create", "replace", "apply", "patch", "update", "scale"},
    remove = {"delete", "delete_all", "evict"},
    wait = {"wait", "wait_all", "_wait"},
    events = {"events"},
    owners = {"owners", "tree"},
    logs = {"logs", "each_log"},
    exec = {"exec", "attach", "open_exec", "open_attach", "_open_exec", "_command",
            "_remote"},
    port_forward = {"port_forward", "_forward"},
    files = {"download", "upload", "_transfer"},
    can = {"can"},
}

local part_of = {}
for part, names in pairs(PARTS) do
    for _, name in ipairs(names) do
        part_of[name] = part
    end
end

local loading = {}

function loading.__index(methods, name)
    local part = part_of[name]
    local method = part and require("salvor.k8s." .. part)[name]
    methods[name] = method
    return method
end

--- Who lists the methods gets all of them.
function loading.__pairs(methods)
    for name in pairs(part_of) do
        loading.__index(methods, name)
    end
    return next, methods
end

local methods = setmetatable({}, loading)

local metatable = {__index = methods, __name = "k8s client"}

function metatable.__tostring(self)
    return string.format("k8s client (%s, namespace %s)", self.context or self.server,
        self.namespace)
end

function metatable.__close(self)
    self._kube:close()
end

local connect_options = {
    kubeconfig = "string", context = "string", namespace = "string", timeout = "number",
    on_warning = "function", impersonate = "table", cache = "boolean|string",
}
local contexts_options = {kubeconfig = "string"}

local function log_warning(text)
    log.warning(text)
end

--- Where what discovery learns is kept: a folder, or false for nowhere.
local function new_cache(client, folder)
    if folder == nil or folder == true then
        folder = folders.cache()
    end
    return folder and discovery_cache.new(folder, client.server, client.cluster) or nil
end

function k8s.connect(opts)
    opts = check.options(opts, connect_options, "k8s.connect")
    check.options(opts.impersonate, impersonate.options, "k8s.connect: impersonate")
    local handle, err = kube.connect({
        kubeconfig = opts.kubeconfig,
        context = opts.context,
        namespace = opts.namespace,
        timeout = opts.timeout or TIMEOUT,
        impersonate = opts.impersonate and impersonate.read(opts.impersonate),
    })
    if not handle then
        return nil, err
    end
    local client = handle:info()
    client.timeout = opts.timeout or TIMEOUT
    client._kube = handle
    client._warned = {}
    client._warnings = 0
    client._on_warning = opts.on_warning or log_warning
    if client.warning then
        client._on_warning(client.warning)
        client.warning = nil
    end
    client._discovery = discovery.new(client, new_cache(client, opts.cache))
    client._kinds = kinds.new(client._discovery)
    return setmetatable(client, metatable)
end

function k8s.contexts(opts)
    return kube.contexts(check.options(opts, contexts_options, "k8s.contexts"))
end

function k8s.state(object)
    return require("salvor.k8s.ready").state(object)
end

function k8s.neat(object)
    return require("salvor.k8s.neat")(object)
end

function k8s.print_table(rendered)
    return require("salvor.k8s.tables").print(rendered)
end

--- A server repeats its warnings with every answer; a person needs each once.
function methods:_warn(text)
    if not self._warned[text] and self._warnings < MAX_WARNINGS then
        self._warned[text] = true
        self._warnings = self._warnings + 1
        self._on_warning(text)
    end
end

--- The Warning header of an answer, if it has one.
function methods:_heed(header)
    for _, text in ipairs(warnings.texts(header)) do
        self:_warn(text)
    end
end

function methods:kind(kind)
    return self._kinds:resolve(check.kind(kind, "k8s.kind"))
end

function methods:kinds()
    return self._discovery:kinds()
end

local request_options = {method = "string", path = "string", query = "table", headers = "table",
                         body = "table|string", timeout = "number", raw = "boolean"}

function methods:request(opts)
    opts = check.options(opts, request_options, "k8s.request")
    return call(self, copy.merge(opts, {op = "k8s.request", method = opts.method or "GET"}))
end

return k8s
