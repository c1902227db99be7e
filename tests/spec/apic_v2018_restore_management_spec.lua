-- salvor run apic-v2018/restore-management: into a running subsystem, and after a disaster into a
-- new one.
local apic = require("support.apic_v2018")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")

local function only_restore(fixture)
    assert.same({apic.BACKUP}, fixture.world.restores)
    assert.equal("completed", fixture.world:cassandra().status.ClusterRestoreStatus)
    local jobs = fixture.world:jobs()
    assert.equal(1, #jobs)
    assert.equal("Complete", jobs[1].status.conditions[1].type)
end

lab.describe("apic-v2018/restore-management into the running subsystem", function()
    local fixture, result, before

    setup(function()
        fixture = apic.start({})
        before = salvor.tree(fixture.project)
        fixture.world:tell({stuck = {{kind = "snapshot", id = "0f3c9a5e"}}})
        result = fixture:run()
        salvor.expect_code(0, result)
    end)

    teardown(function()
        fixture:close()
    end)

    it("restores the newest backup, once", function()
        only_restore(fixture)
        assert.same({"subsys exec mgmt restore " .. apic.BACKUP}, fixture:calls())
    end)

    it("notes the backup, its age, the endpoints and what DNS says of them", function()
        salvor.expect(result.stdout, "backup " .. apic.BACKUP .. ", of 2020-04-22 09:54:44 UTC",
            "api-manager-ui manager.example.org: 192.0.2.10",
            "api-gw-service gateway-service.example.org: 192.0.2.10", "3 Cassandra pods")
    end)

    it("removes stuck tasks", function()
        assert.same({}, fixture.world:now_told().stuck)
    end)

    it("says what comes next", function()
        salvor.expect(result.stdout, "Restore the Developer Portal immediately, from backups of"
            .. " 2020-04-22 09:54:44 UTC", "Then let external traffic in again")
    end)

    it("leaves the project as it was", function()
        assert.same(before, salvor.tree(fixture.project))
        assert.is_nil(fs.stat(fixture.workspace))
    end)

    it("tells no password, neither in its output nor in its journal", function()
        local text = result.stdout .. result.stderr
            .. must(fs.read(fixture:journal_path(fixture:only_run())))
        assert.is_nil(text:find(apic.PASSWORD, 1, true))
    end)

    it("keeps a journal of what it did and who agreed", function()
        local kinds = {}
        for _, record in ipairs(fixture:journal()) do
            kinds[record.type] = record
        end
        assert.equal("the management database rdd94fb4a21-apiconnect-cc in namespace "
            .. fixture.namespace, kinds.confirm.loss)
        assert.equal("done", kinds["run.end"].status)
    end)
end)

lab.describe("apic-v2018/restore-management after a disaster", function()
    local fixture, result

    setup(function()
        fixture = apic.start({disaster = true})
        must(fixture.world.client:create({apiVersion = "v1", kind = "Secret",
                                          metadata = {name = "new-secret"}}))
        result = fixture:run({registry = "new.example.org/apic", registry_secret = "new-secret",
                              output_folders = "certs"})
        salvor.expect_code(0, result)
    end)

    teardown(function()
        fixture:close()
    end)

    it("restores the newest backup of those in storage, once", function()
        only_restore(fixture)
    end)

    it("does nothing in the project but what the document says, in its order", function()
        assert.same({
            "subsys set mgmt registry new.example.org/apic",
            "subsys set mgmt registry-secret new-secret",
            "subsys set gwy registry new.example.org/apic",
            "subsys set gwy registry-secret new-secret",
            "subsys set a7s registry new.example.org/apic",
            "subsys set a7s registry-secret new-secret",
            "subsys set portal registry new.example.org/apic",
            "subsys set portal registry-secret new-secret",
            "subsys install mgmt",
            "subsys exec mgmt restore " .. apic.BACKUP,
        }, fixture:calls())
    end)

    it("says that nobody may log in, or run apicup, before the restore is done", function()
        salvor.expect(result.stdout, "warning: nobody may log in, change any settings or run"
            .. " apicup before the restore is done")
    end)

    it("asks no system for its backups that is not there", function()
        assert.is_nil(must(fs.read(fixture.log)):find("list-backups", 1, true))
        assert.is_nil(result.stdout:find("cannot be listed", 1, true))
    end)

    it("works in a copy of the project without output folders", function()
        local original, copy = salvor.tree(fixture.project), salvor.tree(fixture.workspace)
        assert.truthy(original["mgmt-out/helm/values.yaml"])
        assert.is_nil(copy["mgmt-out/helm/values.yaml"])
        assert.is_nil(copy["certs/root-ca.pem"])
        local name = "myProject-mgmt-apic-secrets.yml"
        assert.equal(original[name], copy[name])
        assert.equal("old.example.org", fixture:change_project().mgmt.CloudProperties.registry)
        assert.equal("new.example.org/apic",
            fixture:change_project(nil, fixture.workspace).mgmt.CloudProperties.registry)
        assert.equal("600", string.format("%o",
            must(fs.stat(fs.join(fixture.workspace, name))).mode))
    end)

    it("leaves nothing half-made beside the copy", function()
        for _, entry in ipairs(must(fs.list(fixture.home))) do
            assert.is_nil(entry.name:find(".part-", 1, true))
        end
    end)
end)

lab.describe("apic-v2018/restore-management", function()
    it("leaves out output folders wherever they stand in the project", function()
        local fixture <close> = apic.start({disaster = true})
        must(fs.mkdir(fs.join(fixture.project, "build/mgmt"), {parents = true}))
        must(fs.write(fs.join(fixture.project, "build/mgmt/values.yaml"), "a: 1\n"))
        must(fs.write(fs.join(fixture.project, "build/notes"), "ours\n"))
        salvor.expect_code(0, fixture:run({output_folders = "./build/mgmt/"}))
        local copy = salvor.tree(fixture.workspace)
        assert.is_nil(copy["build/mgmt/values.yaml"])
        assert.equal("ours\n", copy["build/notes"])
    end)

    it("restores the backup that is named", function()
        local fixture <close> = apic.start({})
        salvor.expect_code(0, fixture:run({backup = apic.OLDER}))
        assert.same({apic.OLDER}, fixture.world.restores)
    end)

    it("looks in storage when nothing is listed", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({backups = {}})
        local result = fixture:run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "list-backups has no backups; they are looked for in storage")
        assert.same({apic.BACKUP}, fixture.world.restores)
    end)

    it("needs no apicops before 2018.4.1.9 iFix1.0", function()
        for version, needed in pairs({["2018.4.1.8"] = false, ["2018.4.1.9"] = false,
                                      ["2018.4.1.9 iFix1.0"] = true}) do
            local fixture <close> = apic.start({version = version})
            local result = fixture:run({apicops = "no-such-program"})
            salvor.expect_code(needed and 4 or 0, result)
            assert.equal(needed and 0 or 1, #fixture.world.restores, version)
        end
    end)

    it("waits for the database, also when the job has been complete for a while", function()
        local fixture <close> = apic.start({delays = {late = 1}})
        salvor.expect_code(0, fixture:run())
        only_restore(fixture)
    end)

    it("takes no status of an earlier restore for the end of this one", function()
        local fixture <close> = apic.start({delays = {restore = 0.2, late = 0.3}})
        fixture.world:add_restore("restore-older", "Complete", "completed")
        local words = fixture:agreed_words()
        table.move({"--output", "json"}, 1, 2, #words + 1, words)
        local result = fixture:salvor(words)
        salvor.expect_code(0, result)
        assert.is_nil(result.stdout:find("restore-older", 1, true))
        assert.same({apic.BACKUP}, fixture.world.restores)
        assert.equal(2, #fixture.world:jobs())
        assert.equal(fixture.world.ended, 1) -- it was waited for
    end)
end)
