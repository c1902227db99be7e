--- What the simulated operators of all systems share: kinds of our own on a real API server, and
--- controllers that move the objects through the states the real ones do.
---
---     local World = operator.new_class()
---     local self = operator.start(World, {kubeconfig = file, namespace = "apic"}, fields)
---     self:control("managementclusters.example.org", function(self, object) ... end)
---     self:close()
---
--- A controller gets each object without a status once; what a test spoils afterwards
--- (self.client) stays as it is.
local errors = require("salvor.error")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local salvor = require("salvor")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

local operator = {
    -- Controllers leave objects with this label alone: their status is the test's.
    SEEDED = "salvor-test-seeded",
    PATIENCE = 60, -- seconds for anything that is waited for here
    eventually = require("support.eventually"),
}

--- Installs the kinds of a file of CustomResourceDefinitions; safe to do at any time by any number
--- of specs. change(text), if given, makes other kinds of the file's text.
function operator.install(client, file, change)
    local text = must(fs.read(file))
    for _, crd in ipairs(must(yaml.load_all(change and change(text) or text))) do
        must(client:apply(crd, {force = true, field_manager = "salvor-tests"}))
        -- The server says Established a moment before it serves the kind.
        operator.eventually(crd.metadata.name, function()
            local found = client:kind(crd.metadata.name)
            return found and client:list(crd.metadata.name)
        end)
    end
end

function operator.random_bytes(count)
    local source <close> = assert(io.open("/dev/urandom", "rb"))
    return source:read(count)
end

function operator.hex(count)
    return (operator.random_bytes(count):gsub(".", function(byte)
        return string.format("%02x", byte:byte())
    end))
end

function operator.owner_reference(object)
    return salvor.list({{apiVersion = object.apiVersion, kind = object.kind,
                         name = object.metadata.name, uid = object.metadata.uid,
                         controller = true, blockOwnerDeletion = true}})
end

local methods = {}

--- What goes by itself: the server is away, or is back but does not know all its kinds yet.
local function is_passing(err)
    return errors.is(err) and err.code ~= "Invalid" and err.code ~= "Cancelled"
end

--- Like the real operator this one outlives its API server. An object that is gone needs no status.
function methods:set_status(object, status)
    local kind, name = object.apiVersion .. "/" .. object.kind, object.metadata.name
    operator.eventually("the status of " .. kind .. " " .. name, function()
        local done, err = self.client:patch(kind, name, {status = status}, {subresource = "status"})
        if not done and not is_passing(err) then
            error(err, 0)
        end
        -- With its name in the answer it is the object that is not found, not the kind.
        return done or salvor.dig(err, "details", "name") == name, err
    end)
end

--- A pod that runs and is ready, as a kubelet would tell; one that is there stays as it is.
function methods:running_pod(name, labels, containers)
    local made, err = self.client:create({
        apiVersion = "v1", kind = "Pod", metadata = {name = name, labels = labels},
        -- No scheduler gives it to a node that is there.
        spec = {schedulerName = "nobody", containers = containers},
    })
    if not made and err.code == "AlreadyExists" then
        return
    end
    local statuses = {}
    for index, container in ipairs(containers) do
        statuses[index] = {name = container.name, image = container.image, imageID = "",
                           ready = true, restartCount = 0, started = true,
                           state = {running = {startedAt = os.date("!%Y-%m-%dT%H:%M:%SZ")}}}
    end
    self:set_status(must(made, err), {
        phase = "Running",
        conditions = salvor.list({{type = "Ready", status = "True"},
                                  {type = "ContainersReady", status = "True"}}),
        containerStatuses = salvor.list(statuses),
    })
end

local function is_new(object)
    return not (object.metadata.labels or {})[operator.SEEDED]
        and not salvor.dig(object, "status", "phase")
end

--- `wanted`: {object = is it for the controller (is_new), types = {event's type = true}}
local function watch_objects(self, kind, reconcile, wanted)
    for event in self.client:watch(kind) do
        wanted.watching = true
        if wanted.types[event.type] and wanted.object(event.object) then
            reconcile(self, event.object)
        end
    end
end

local ADDED = {ADDED = true}

--- reconcile(self, object) for each object of the kind that has no phase yet, one after the other.
--- With options: object(object) -> whether it is of interest, types = {MODIFIED = true, ...}. The
--- table that is returned has `watching` = true once an object was seen: a deletion from then on is
--- not missed.
function methods:control(kind, reconcile, options)
    options = options or {}
    local wanted = {object = options.object or is_new, types = options.types or ADDED}
    table.insert(self.tasks, task.spawn(function()
        while true do
            local ok, err = pcall(watch_objects, self, kind, reconcile, wanted)
            if not ok and not is_passing(err) then
                error(err, 0)
            end
            task.sleep(0.1)
        end
    end))
    return wanted
end

--- "kind/name" -> "uid/resourceVersion" of everything in the namespace, events left out.
function methods:snapshot()
    local seen = {}
    for _, kind in ipairs(must(self.client:kinds())) do
        local verbs = table.concat(kind.verbs, " ")
        if kind.namespaced and verbs:find("list") and kind.kind ~= "Event" then
            local objects, err = self.client:list(kind.api_version .. "/" .. kind.kind)
            -- A kind that another spec has just removed is not of this world.
            if not objects and err.code ~= "NotFound" then
                error(err, 0)
            end
            for _, object in ipairs(objects or {}) do
                seen[kind.plural .. "." .. kind.group .. "/" .. object.metadata.name] =
                    object.metadata.uid .. "/" .. object.metadata.resourceVersion
            end
        end
    end
    return seen
end

--- Ends the controllers; raises what one failed with, if it did.
function methods:close()
    local failure
    for _, running in ipairs(self.tasks) do
        running:cancel()
        local ok, err = pcall(running.join, running)
        if not ok and not errors.is(err, "Cancelled") then
            failure = err
        end
    end
    self.tasks = {}
    if self.client then
        getmetatable(self.client).__close(self.client)
        self.client = nil
    end
    if failure then
        error(failure, 0)
    end
end

--- The methods of a world, to be extended by its own.
function operator.new_class()
    local class = {}
    for name, method in pairs(methods) do
        class[name] = method
    end
    class.__index = class
    class.__close = class.close
    return class
end

--- start(class, {kubeconfig, namespace}, fields) -> a world without controllers.
function operator.start(class, where, fields)
    fields.kubeconfig, fields.namespace, fields.tasks = where.kubeconfig, where.namespace, {}
    fields.client = must(k8s.connect({
        kubeconfig = where.kubeconfig,
        namespace = where.namespace,
        on_warning = function() end, -- of kinds that are listed only for the snapshot
    }))
    return setmetatable(fields, class)
end

return operator
