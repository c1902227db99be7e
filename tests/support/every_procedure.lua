--- The bundled procedures, each in a world in which it runs to its end: what is true of all of them
--- is tested with each.
---
---     every_procedure.describe(function(start, id)
---         it("...", function()
---             local operation <close> = start()
---             salvor.expect_code(0, operation:salvor(operation:agreed_words()))
---         end)
---     end)
local apic = require("support.apic")
local apic_v2018 = require("support.apic_v2018")
local both = require("support.apic_both")
local busted = require("busted")
local fortanix = require("support.fortanix")
local fs = require("salvor.fs")
local keys = require("salvor").keys
local lost_installation = require("support.apic_lost")
local management_recovery = require("support.apic_recovery")
local merge = require("salvor.copy").merge
local platform = require("worlds.fortanix")
local portal = require("support.portal")
local portal_recovery = require("support.portal_recovery")
local readiness = require("support.apic_readiness")
local s3_operation = require("support.s3_operation")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

local every = {}

--- The operation with more parameters of every command.
local function with(operation, params)
    local common = operation.common_params
    function operation:common_params()
        return merge(common(self), params)
    end
    return operation
end

--- The operation, with which what was lost goes.
local function of_lost(lost, operation)
    local close = operation.close
    operation.folders = {lost.home}
    function operation:close()
        close(self)
        lost:close()
    end
    return operation
end

--- The operation as if nothing had been run for it before.
local function without_runs(operation)
    must(fs.remove_tree(fs.join(operation.home, "state")))
    return operation
end

local STARTS = {
    ["apic-v10/prepare-management"] = function()
        return with(apic.start(), {take_backup = "true"})
    end,
    ["apic-v10/prepare-portal"] = function()
        return with(portal.start(), {take_backup = "true"})
    end,
    ["apic-v10/backup"] = function()
        return both.start("apic-v10/backup")
    end,
    ["apic-v10/configure-s3-backup"] = function()
        -- From 10.0.8 on there is no stanza, which a pod would have to be asked for.
        return with(s3_operation.start({version = "10.0.8.0"}),
            {schedule = "0 0 3 * * *", database = "edb"})
    end,
    ["apic-v10/recover-management"] = function()
        local lost = management_recovery.lose()
        return of_lost(lost, management_recovery.start(lost))
    end,
    ["apic-v10/recover-portal"] = function()
        local lost = portal_recovery.lose()
        local operation = of_lost(lost, portal_recovery.start(lost))
        return with(operation, {resource = portal_recovery.write_file(operation)})
    end,
    ["apic-v10/recover"] = function()
        local lost = lost_installation.lose()
        return of_lost(lost, lost_installation.start(lost))
    end,
    ["apic-v10/readiness"] = function()
        local operation = readiness.start()
        salvor.expect_code(0, operation:salvor({"run", "apic-v10/backup",
                                                "-p", "record=" .. operation.records}))
        return without_runs(with(operation, {record = operation.records}))
    end,
    ["apic-v2018/restore-management"] = function()
        return with(apic_v2018.start({disaster = true}), {registry = "new.example.org"})
    end,
    ["fortanix-ccm/backup"] = function()
        return fortanix.start("fortanix-ccm/backup")
    end,
    ["fortanix-ccm/restore"] = function()
        local operation = fortanix.start("fortanix-ccm/restore")
        operation:back_up()
        -- As on a cluster that was recreated, where there is the most to do.
        must(operation.world.client:delete("configmaps", platform.CONFIG_MAP))
        must(operation.world.client:delete("secrets", platform.SECRET))
        return without_runs(operation)
    end,
}

--- Which servers of support.store_lab they need.
local SERVERS = {["apic-v10/configure-s3-backup"] = "s3"}

--- The ids of those that only check, and so take no lock.
every.CHECKS = {["apic-v10/readiness"] = true}

every.ids = keys(STARTS)

--- A describe() for each: body(start, id); start() -> an operation (support.operation), to be
--- closed.
function every.describe(body)
    for _, id in ipairs(every.ids) do
        local function define()
            body(STARTS[id], id)
        end
        if SERVERS[id] then
            store_lab.describe(id, SERVERS[id], define)
        else
            busted.describe(id, define)
        end
    end
end

return every
