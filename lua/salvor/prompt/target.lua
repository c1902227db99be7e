--- What the prompt works on: a cluster, found as by a plan or run, and whether it is production.
local cells = require("salvor.prompt.show.cells")
local k8s = require("salvor.k8s")
local settings = require("salvor.procedure.settings")
local site = require("salvor.procedure.site")

local Target = {}
Target.__index = Target

local target = {}

--- open(given) -> target; raises what is wrong with a site's file. given: context, namespace,
--- kubeconfig, site (texts, or nil).
function target.open(given)
    local opened = site.open(given.site)
    local chosen = settings.target("", opened, given)
    return setmetatable({context = chosen.context, namespace = chosen.namespace,
                         kubeconfig = chosen.kubeconfig, site = given.site,
                         layers = opened.layers}, Target)
end

local function connect(self, context, namespace)
    return cells.keep(must(k8s.connect({kubeconfig = self.kubeconfig, context = context,
                                        namespace = namespace})))
end

--- The client is this one from now on.
local function replace(self, client)
    if self.connected then
        getmetatable(self.connected).__close(self.connected)
    end
    self.connected, self.is_outdated = client, false
end

--- The client, connected at the first use; raises when there is none.
function Target:client()
    if self.is_outdated then
        self.context = self.connected.context
        replace(self, connect(self, self.context, self.connected.namespace))
    elseif not self.connected then
        self.connected = connect(self, self.context, self.namespace)
    end
    return self.connected
end

--- Another context or namespace: another client from now on.
function Target:use(context, namespace)
    replace(self, connect(self, context, namespace))
    self.context, self.namespace = context, namespace
end

--- The server takes the credentials no more: the next use of the client reads the kubeconfig again,
--- which may have others by then. Context and namespace stay, whatever is current in it.
function Target:outdate()
    self.is_outdated = self.connected ~= nil
end

--- Where the prompt is: its client, or as much as is known without one.
function Target:here()
    local ok, client = true, self.connected
    if not client then
        ok, client = pcall(self.client, self)
    end
    return ok and client or {context = self.context}
end

-- Production

--- An address in the one form in which it is compared: kubeconfigs have it as people write it.
local function canonical(address)
    return (address:lower():gsub("/+$", ""):gsub("^(https://[^/]*):443%f[/\0]", "%1"))
end

--- Whether both are the address of one server.
local function are_same(one, other)
    return one ~= nil and other ~= nil and canonical(one) == canonical(other)
end

--- The address of a context's cluster. One cluster has many contexts, one for each of its users.
local function server_of(self, layer)
    local kubeconfig = layer.value.kubeconfig
    for _, context in ipairs(k8s.contexts({
        kubeconfig = kubeconfig and layer.file:absolute(kubeconfig) or self.kubeconfig}) or {}) do
        if context.name == layer.value.context then
            return context.server
        end
    end
end

local function is_about(self, layer, place)
    local context = layer.value.context
    return context ~= nil and (context == place.context
        or are_same(place.server, server_of(self, layer)))
end

--- is_production({context, server}): what the first of the site's files says that names the
--- context, or another one of its cluster; else the first that says it without naming any.
function Target:is_production(place)
    local general
    for _, layer in ipairs(self.layers) do
        local said = layer.value.production
        if said ~= nil and is_about(self, layer, place) then
            return said
        elseif layer.value.context == nil and general == nil then
            general = said
        end
    end
    return general or false
end

--- What stands before the line: context and namespace, from the kubeconfig alone, and whether that
--- is production.
function Target:label()
    if not self.shown or self.connected ~= self.labelled then
        local here = self:here()
        self.labelled = self.connected
        self.shown = here.namespace and string.format("%s/%s", here.context or here.server,
            here.namespace) or "no cluster"
        self.shown_production = self:is_production(here)
    end
    return self.shown, self.shown_production
end

return target
