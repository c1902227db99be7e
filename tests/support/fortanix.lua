--- A simulated Fortanix CCM with a kit's folder, and the commands of an operator on it.
local fortanix = require("worlds.fortanix")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local support = {CR = fortanix.PLATFORMS .. "/ccm"}

local Fixture = operation.new_class()

--- start(id, options of the world, where) -> an operation on the procedure, with `kit`. where:
--- {kubeconfig, namespace}, the lab's when nil.
function support.start(id, options, where)
    where = where or {kubeconfig = lab.kubeconfig(), namespace = lab.namespace()}
    local world = fortanix.start(merge(options, where))
    local fixture = setmetatable(operation.start(merge(where, {id = id, world = world})), Fixture)
    fixture.kit = fs.join(fixture.home, "kit")
    return fixture
end

local COMMON = {
    ["fortanix-ccm/backup"] = {cr = support.CR},
    ["fortanix-ccm/restore"] = {cr = support.CR, settle = "0s"},
}

function Fixture:common_params()
    return merge({kit = self.kit, nodes = "agentpool=" .. self.namespace}, COMMON[self.id])
end

--- With a yes to what is lost.
function Fixture:run(params, options)
    return self:salvor(self:agreed_words(params), options)
end

--- Runs fortanix-ccm/backup, so that there is a kit.
function Fixture:back_up()
    local own = self.id
    self.id = "fortanix-ccm/backup"
    local result = self:run()
    self.id = own
    salvor.expect_code(0, result)
    return result
end

--- A run with more words than parameters.
function Fixture:run_with(words, params)
    local all = self:agreed_words(params)
    return self:salvor(table.move(words, 1, #words, #all + 1, all))
end

function Fixture:resume(run, options)
    return self:salvor({"run", "--resume", run, "--yes"}, options)
end

--- The folder of the kit's latest generation.
function Fixture:generation()
    return fs.join(self.kit, (must(fs.read(fs.join(self.kit, "latest"))):gsub("\n", "")))
end

--- Changes the manifest of the kit by change(manifest).
function Fixture:edit_manifest(change)
    local path = fs.join(self:generation(), "manifest.json")
    local manifest = must(json.decode(must(fs.read(path))))
    change(manifest)
    must(fs.write(path, must(json.encode(manifest))))
end

--- Makes a file of the kit what change(what it says) gives or makes of it, with the right checksum:
--- as somebody would who knows how.
function Fixture:forge(name, change)
    local path = fs.join(self:generation(), name)
    local part = must(yaml.load(must(fs.read(path))))
    local text = must(yaml.dump(change(part) or part))
    must(fs.write(path, text))
    self:edit_manifest(function(manifest)
        manifest.files[name].size, manifest.files[name].sha256 = #text, digest.sha256(text)
    end)
end

return support
