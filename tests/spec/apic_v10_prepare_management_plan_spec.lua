-- salvor plan apic-v10/prepare-management: every change is shown, and none is made.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")

--- Everything that a plan could have changed. What is in the cache is nothing but remembered.
local function everything(fixture)
    local home = salvor.tree(fixture.home)
    for path in pairs(home) do
        home[path] = not path:find("^cache/") and home[path] or nil
    end
    return {objects = fixture.world:snapshot(), home = home, kit = fs.stat(fixture.kit)}
end

lab.describe("plan of apic-v10/prepare-management", function()
    local fixture, before

    before_each(function()
        fixture = apic.start()
        before = everything(fixture)
    end)

    after_each(function()
        fixture:close()
    end)

    it("shows each file and the publication, and changes nothing", function()
        local result = fixture:plan()
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
        salvor.expect(result.stdout,
            "write " .. fixture.kit .. "/secrets/management-enc-key.yaml",
            "write " .. fixture.kit .. "/secrets/mgmt-backup-secret.yaml",
            "write " .. fixture.kit .. "/recreate.yaml",
            "publish " .. fixture.kit .. "/generations/",
            "not needed  take-backup",
            "nothing was changed")
        assert.same(before, everything(fixture))
    end)

    it("shows the backup that it would take, as the server would make it", function()
        local result = fixture:plan({take_backup = "true"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout,
            "create ManagementBackup " .. fixture.namespace .. "/management-",
            "+ spec.clusterName: management",
            "+ spec.type: full",
            "+ metadata.labels.salvor-run: plan",
            "wait for managementbackups")
        assert.same(before, everything(fixture))
    end)

    it("writes one JSON document for programs", function()
        local plan, result = fixture:plan_json()
        salvor.expect_code(0, result)
        assert.equal("apic-v10/prepare-management", plan.procedure)
        assert.equal(fixture.namespace, plan.namespace)
        assert.is_false(plan.failed)
        local status = {}
        for _, step in ipairs(plan.steps) do
            status[step.step] = step.status
        end
        assert.same({["take-backup"] = "not-needed", ["save-secrets"] = "planned",
                     ["save-resource"] = "planned", publish = "planned", ["read-back"] = "planned"},
            status)
        assert.same(before, everything(fixture))
    end)

    it("ends with 4 when a check fails", function()
        fixture.world:patch({spec = {databaseBackup = {protocol = "local"}}})
        before = everything(fixture)
        local result = fixture:plan()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "databaseBackup.protocol is local",
            "no step is planned, nothing was changed")
        assert.same(before, everything(fixture))
    end)
end)
