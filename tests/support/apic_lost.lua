--- An installation of API Connect v10 that is lost: management and portal were prepared for a
--- disaster, and backed up as a pair.
local both = require("support.apic_both")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local recovery = require("worlds.apic_v10_recovery")
local salvor = require("support.salvor")

local lost = {}

local HOUR = 3600

local Lost = {}
Lost.__index = Lost

local function expect_run(operation, id, params)
    operation.id, operation.common = id, params
    salvor.expect_code(0, operation:run())
end

--- lose(options) -> {management_kit, portal_kit, records (folders), remote, storage (what the two
--- worlds have stored), secrets}, to be closed. options: version, top (the name of an
--- APIConnectCluster above both). The storage has one older backup
--- of each, of different times, and the pair.
function lost.lose(options)
    options = options or {}
    local version, top = options.version or "10.0.5.3", options.top
    local operation = both.start("apic-v10/backup", {
        management = {version = version, owner = top, backups = {{30 * HOUR}}},
        portal = {version = version, owner = top, name = top and top .. "-ptl",
                  backups = {29 * HOUR}},
    })
    local self = setmetatable({home = must(fs.temporary_folder()), version = version,
                               portal_name = operation.world.portal.name}, Lost)
    for _, name in ipairs({"management_kit", "portal_kit", "records"}) do
        self[name] = fs.join(self.home, name)
    end
    expect_run(operation, "apic-v10/backup", {record = self.records})
    expect_run(operation, "apic-v10/prepare-management", {kit = self.management_kit})
    expect_run(operation, "apic-v10/prepare-portal", {kit = self.portal_kit})
    local world = operation.world
    self.remote, self.storage = recovery.remote(world.management), world.portal.storage
    self.secrets = merge(world.management.secrets, {portal = world.portal.secrets})
    operation:close()
    return self
end

function Lost:close()
    must(fs.remove_tree(self.home))
end

Lost.__close = Lost.close

--- start(lost) -> an operation on apic-v10/recover, with the operators alone in its namespace.
function lost.start(self, options)
    local operation = both.start("apic-v10/recover", {
        management = merge({version = self.version, empty = true, remote = self.remote},
            options and options.management),
        portal = merge({version = self.version, install = false, storage = self.storage,
                        name = self.portal_name},
            options and options.portal),
    })
    operation.common = {
        management_kit = self.management_kit, portal_kit = self.portal_kit, record = self.records,
        management_backups_settle = "1s", portal_records_settle = "1s",
        portal_check_sites = "false",
    }
    return operation
end

return lost
