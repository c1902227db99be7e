--- An operation on a procedure that makes or reads a recovery kit in the folder `kit`.
---
---     local Fixture = kit_operation.new_class()
---     local fixture = kit_operation.start(Fixture, world, {id = "apic-v10/backup"}, options)
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")

local kit_operation = {}

local methods = {}

function methods:common_params()
    return merge({kit = self.kit}, self.common)
end

--- salvor run with a yes to what is destructive.
function methods:recover(params, options)
    return self:salvor(self:agreed_words(params), options)
end

--- The same until after a step.
function methods:recover_until(step, params)
    local words = self:agreed_words(params)
    table.move({"--until", step}, 1, 2, #words + 1, words)
    return self:salvor(words)
end

--- Goes on with the only run, or the one that is named, with the same yes.
function methods:go_on(run, options)
    return self:salvor({"run", "--resume", run or self:only_run(), "--yes"}, options)
end

--- The folder of the latest generation of the kit in the folder `kit`, this fixture's when nil.
function methods:latest(kit)
    kit = kit or self.kit
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

function methods:manifest()
    return must(json.decode(must(fs.read(fs.join(self:latest(), "manifest.json")))))
end

--- What the latest generation holds: {path = data}
function methods:files()
    return salvor.tree(self:latest())
end

--- From now on the kit is a copy of its own, which a test may spoil.
function methods:copy_kit()
    local folder = fs.join(self.home, "copied-kit")
    for path, data in pairs(salvor.tree(self.kit)) do
        must(fs.mkdir(fs.dirname(fs.join(folder, path)), {parents = true}))
        must(fs.write(fs.join(folder, path), data))
    end
    self.kit = folder
end

--- Spoils a file of a copy of the kit: change(text) -> text; with honest = true its entry in the
--- manifest is changed as well.
function methods:change_kit(path, change, options)
    self:copy_kit()
    local file = fs.join(self:latest(), path)
    local text = change(must(fs.read(file)))
    must(fs.write(file, text))
    if options and options.honest then
        local manifest = self:manifest()
        manifest.files[path].sha256, manifest.files[path].size = digest.sha256(text), #text
        must(fs.write(fs.join(self:latest(), "manifest.json"), must(json.encode(manifest))))
    end
end

--- Spoils the manifest of a copy of the kit: change(manifest).
function methods:change_manifest(change)
    self:change_kit("manifest.json", function(text)
        local manifest = must(json.decode(text))
        change(manifest)
        return must(json.encode(manifest))
    end)
end

--- A class of such operations, to be extended.
function kit_operation.new_class()
    local class = operation.new_class()
    for name, method in pairs(methods) do
        class[name] = method
    end
    return class
end

--- start(class, world (a module with start(options)), fields of the operation, options of the
--- world) -> operation. Its kit is fields.kit, or a folder of its home.
function kit_operation.start(class, world, fields, options)
    local given = merge(options)
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local self = setmetatable(operation.start(merge({
        kubeconfig = given.kubeconfig, namespace = given.namespace, world = world.start(given),
    }, fields)), class)
    self.kit = self.kit or fs.join(self.home, "kit")
    self.folders = {self.kit}
    return self
end

return kit_operation
