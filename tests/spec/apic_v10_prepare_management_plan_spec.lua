-- salvor plan apic-v10/prepare-management: every change is shown, and none is made.
local apic = require("support.apic")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("support.salvor")

lab.describe("plan of apic-v10/prepare-management", function()
    local fixture, before

    before_each(function()
        fixture = apic.start()
        before = fixture:everything()
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
        assert.same(before, fixture:everything())
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
        assert.same(before, fixture:everything())
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
        assert.same(before, fixture:everything())
    end)

    it("can be saved and run from, and what was run has a report", function()
        local file = fs.join(fixture.home, "plan.json")
        local saved = fixture:salvor({"plan", apic.ID, "-p", "kit=" .. fixture.kit,
                                      "-p", "take_backup=true", "--save", file})
        salvor.expect_code(0, saved)
        salvor.expect(saved.stdout, "plan: 1 object created, 0 changed, 0 deleted, 1 wait")
        local result = salvor.run({"run", "--plan", file, "--kubeconfig", fixture.kubeconfig},
            {home = fixture.home})
        salvor.expect_code(0, result)
        local id = apic.run_id(result)
        for _, form in ipairs({"markdown", "json", "html"}) do
            local report = salvor.run({"report", id, "--output", form}, {home = fixture.home})
            salvor.expect_code(0, report)
            salvor.expect(report.stdout, "Take a backup", "ManagementBackup", "recreate.yaml",
                "spec.clusterName", must(json.decode(must(fs.read(file)))).digest)
            for _, secret in pairs(fixture.world.secrets) do
                for _, value in pairs(secret.data) do
                    assert.is_falsy(#value > 12 and report.stdout:find(value, 1, true))
                end
            end
        end
    end)

    it("ends with 4 when a check fails", function()
        fixture.world:patch({spec = {databaseBackup = {protocol = "local"}}})
        before = fixture:everything()
        local result = fixture:plan()
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "databaseBackup.protocol is local",
            "no step is planned, nothing was changed")
        assert.same(before, fixture:everything())
    end)
end)
