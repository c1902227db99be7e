--- A simulated Fortanix CCM with a kit's folder, and the commands of an operator on it.
local fortanix = require("worlds.fortanix")
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")

local support = {CR = fortanix.PLATFORMS .. "/ccm"}

local Fixture = operation.new_class()

local operation_words = Fixture.words

--- start(id, options of the world) -> an operation on the procedure, with `kit`.
function support.start(id, options)
    local where = {kubeconfig = lab.kubeconfig(), namespace = lab.namespace()}
    local world = fortanix.start(merge(options, where))
    local fixture = setmetatable(operation.start(merge(where, {id = id, world = world})), Fixture)
    fixture.kit = fs.join(fixture.home, "kit")
    return fixture
end

local COMMON = {
    ["fortanix-ccm/backup"] = {cr = support.CR},
    ["fortanix-ccm/restore"] = {cr = support.CR, settle = "1s"},
}

function Fixture:common_params()
    return merge({kit = self.kit, nodes = "agentpool=" .. self.namespace}, COMMON[self.id])
end

--- The words of a command, with a yes to what is lost where that is asked for.
function Fixture:words(command, params)
    local words = operation_words(self, command, params)
    if command == "run" then
        words[#words + 1] = "--yes"
    end
    return words
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

return support
