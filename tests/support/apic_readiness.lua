--- Simulated management and portal with their kits saved, and an operation on apic-v10/readiness.
local both = require("support.apic_both")
local busted = require("busted")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local portal_world = require("worlds.apic_v10_portal")
local salvor = require("support.salvor")
local secret_values = require("support.secret_values")
local sets = require("support.backup_sets")

local readiness = {ID = "apic-v10/readiness"}

--- Saves the kit of "management" or "portal"; where it is. `words` are added to the command.
function readiness.prepare(operation, name, words)
    local kit = fs.join(operation.home, "kit-" .. name)
    local command = {"run", "apic-v10/prepare-" .. name, "-p", "kit=" .. kit}
    salvor.expect_code(0, operation:salvor(table.move(words or {}, 1, #(words or {}), 5, command)))
    return kit
end

--- start(options of support.apic_both, words) -> operation with both kits, which looks into no
--- storage unless it is told to. options.spoil(world) is called before the kits are made; `words`
--- are added when that of management is.
function readiness.start(options, words)
    local operation = both.start(readiness.ID, options)
    if options and options.spoil then
        options.spoil(operation.world)
    end
    operation.common = merge({
        management_kit = readiness.prepare(operation, "management", words),
        portal_kit = readiness.prepare(operation, "portal"),
        storage = "false",
    }, options and options.common)
    return operation
end

--- The folder of the latest generation of a kit.
function readiness.latest(kit)
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

--- Raises unless the run has found just these gaps: costs {"rule (subsystem)" = what it takes}, of
--- which the output tells each, and the score.
function readiness.expect_gaps(result, costs)
    salvor.expect_code(4, result)
    local score = 100
    for what, cost in pairs(costs) do
        salvor.expect(result.stdout, string.format("-%d %s: ", cost, what))
        score = score - cost
    end
    salvor.expect(result.stdout, string.format("readiness %d of 100", math.max(score, 0)))
end

--- Removes all objects of a kind.
function readiness.delete_all(client, kind)
    for _, object in ipairs(must(client:list(kind))) do
        must(client:delete(kind, object.metadata.name))
    end
end

--- A test of one gap. case: {title, start (options of start()), words (of prepare-management),
--- spoil(world, operation) -> parameters or nil, params, says (a list of what is told), costs (see
--- expect_gaps)}.
function readiness.test_gap(case)
    busted.it(case[1], function()
        local operation <close> = readiness.start(case.start, case.words)
        local values = secret_values.of(operation.world.client)
        local params = case.spoil and case.spoil(operation.world, operation)
        local result = operation:run(params or case.params)
        readiness.expect_gaps(result, case.costs)
        salvor.expect(result.stdout, table.unpack(case.says))
        secret_values.expect_none(values, "the output", result.stdout .. result.stderr)
    end)
end

local SITE = "portal.example.org@acme@shop"

--- Files of a portal's backup of that time, of the system and of one site, in a folder.
function readiness.portal_files(folder, time)
    sets.tar_gz(string.format("%s/%s-%s.tar.gz", folder, portal_world.SYSTEM, time), "system")
    sets.tar_gz(string.format("%s/%s-%s.tar.gz", folder, SITE, time), "site")
end

--- The storage of a simulated portal that holds these files. where: protocol, host, path and
--- credentials.
function readiness.portal_storage(where, time)
    where.files = {{name = portal_world.SYSTEM, time = time}, {name = SITE, time = time}}
    return where
end

return readiness
