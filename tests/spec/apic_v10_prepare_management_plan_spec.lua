-- salvor plan apic-v10/prepare-management: every change is shown, and none is made.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")

--- Everything that a plan could have changed.
local function everything(fixture)
    return {objects = fixture.world:snapshot(), kit = fs.stat(fixture.kit), runs = fixture:runs()}
end

lab.describe("plan of apic-v10/prepare-management", function()
    local fixture

    before_each(function()
        fixture = apic.start()
    end)

    after_each(function()
        fixture:close()
    end)

    it("shows each file and publication, and changes nothing", function()
        local before = everything(fixture)
        local result = fixture:plan()
        assert.equal(0, result.code, result.stderr)
        assert.equal("", result.stderr)
        for _, text in ipairs({
            "write " .. fixture.kit .. "/secrets/management%-enc%-key.yaml",
            "write " .. fixture.kit .. "/secrets/mgmt%-backup%-secret.yaml",
            "write " .. fixture.kit .. "/recreate.yaml",
            "publish " .. fixture.kit .. "/generations/",
            "not needed  take%-backup",
            "nothing was changed",
        }) do
            assert.matches(text, result.stdout)
        end
        assert.same(before, everything(fixture))
    end)

    it("shows the backup that it would take, checked by the server", function()
        local before = everything(fixture)
        local result = fixture:plan({take_backup = "true"})
        assert.equal(0, result.code, result.stderr)
        assert.matches("create ManagementBackup " .. fixture.namespace:gsub("%-", "%%-")
            .. "/management%-", result.stdout)
        assert.matches("+ spec.clusterName: management", result.stdout, 1, true)
        assert.matches("wait for managementbackups", result.stdout)
        assert.same(before, everything(fixture))
    end)

    it("writes one JSON document for programs", function()
        local before = everything(fixture)
        local plan, result = fixture:plan_json()
        assert.equal(0, result.code)
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

    it("ends with 4 when a check fails, and changes nothing", function()
        fixture.world:patch({spec = {databaseBackup = {protocol = "local"}}})
        local before = everything(fixture)
        local result = fixture:plan()
        assert.equal(4, result.code)
        assert.matches("databaseBackup.protocol is local", result.stdout, 1, true)
        assert.matches("no step is planned, nothing was changed", result.stdout, 1, true)
        assert.same(before, everything(fixture))
    end)
end)
