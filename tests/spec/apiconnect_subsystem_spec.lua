-- salvor.apiconnect.subsystem: what it says of a resource that a server's schema would not let pass
-- today, and of times.
local null = require("salvor").null
local subsystem = require("salvor.apiconnect.subsystem")
local subsystems = require("salvor.apiconnect.subsystems")

--- A ctx of a subsystem with these settings of its backups; `said` has what was told.
local function ctx_of(field, settings, version)
    local object = {metadata = {name = "x", uid = "u"}, spec = {[field] = settings}}
    local said = {}
    local function say(level)
        return function(_, message, hint)
            said[#said + 1] = level .. ": " .. message .. (hint and "; " .. hint or "")
        end
    end
    return {
        facts = {name = "x", uid = "u", version = version or "10.0.5.3"},
        params = {}, namespace = "apic", said = said,
        problem = say("problem"), warn = say("warning"), note = say("note"),
        k8s = {get = function()
            return object
        end},
    }
end

describe("the place of the backups", function()
    local WHOLE = {protocol = "sftp", host = "h", path = "/p", credentials = "c"}

    local function with(changes)
        local settings = {}
        for _, fields in ipairs({WHOLE, changes}) do
            for key, value in pairs(fields) do
                settings[key] = value
            end
        end
        return settings
    end

    for name, one in pairs({databaseBackup = subsystems.management(),
                            portalBackup = subsystems.portal()}) do
        it("of " .. name .. " is whole when nothing is wrong", function()
            local ctx = ctx_of(name, WHOLE)
            assert.same({WHOLE, true}, {one:check_backup_settings(ctx)})
            assert.same({}, ctx.said)
        end)

        it("of " .. name .. " is given, but not whole, when something is", function()
            for _, changes in ipairs({{host = ""}, {path = null}, {credentials = ""}, {port = 0},
                                      {port = "22"}, {port = 65536}}) do
                local ctx = ctx_of(name, with(changes))
                local settings, is_whole = one:check_backup_settings(ctx)
                assert.is_table(settings)
                assert.is_false(is_whole)
                assert.equal(1, #ctx.said)
            end
            local ctx = ctx_of(name, with({port = 65535}))
            assert.is_true((select(2, one:check_backup_settings(ctx))))
        end)

        it("of " .. name .. " is none with another protocol", function()
            for _, changes in ipairs({{protocol = "nfs"}, {protocol = ""}, {protocol = "local"}}) do
                local ctx = ctx_of(name, with(changes))
                assert.is_nil(one:check_backup_settings(ctx))
                assert.equal(1, #ctx.said)
                assert.matches("^problem: " .. name .. ".*; ", ctx.said[1])
            end
        end)

        it("of " .. name .. " takes a bucket's rules with objstore alone", function()
            local wrong = {s3provider = "ibm", host = "no-region"}
            assert.is_true((select(2, one:check_backup_settings(ctx_of(name, with(wrong))))))
            wrong.protocol = "objstore"
            assert.is_false((select(2, one:check_backup_settings(ctx_of(name, with(wrong))))))
            wrong.host = "s3.example.org/eu"
            assert.is_true((select(2, one:check_backup_settings(ctx_of(name, with(wrong))))))
        end)
    end
end)

describe("a subsystem", function()
    it("is not looked for where its kind is not installed", function()
        local ctx = ctx_of("databaseBackup", {})
        ctx.facts = {}
        function ctx.k8s.kind()
            return nil, {code = "NotFound"}
        end
        subsystems.management():find(ctx)
        assert.same({"problem: this cluster has no ManagementClusters: API Connect v10 is not"
            .. " installed; choose the right cluster with --context or --kubeconfig"}, ctx.said)
        function ctx.k8s.kind()
            return nil, {code = "Unreachable"}
        end
        assert.is_false((pcall(subsystems.management().find, subsystems.management(), ctx)))
        assert.equal(1, #ctx.said)
        assert.same({}, ctx.facts)
    end)

    it("is not looked at before it was found", function()
        local ctx = ctx_of("databaseBackup", {})
        ctx.facts = {}
        for _, method in ipairs({"get", "check_health", "check_secrets", "check_restores", "owner",
                                 "newest", "take", "check_backup_settings"}) do
            local ok, err = pcall(subsystems.management()[method], subsystems.management(), ctx)
            assert.is_false(ok)
            assert.equal("it is not known which ManagementCluster is meant", err.message, method)
        end
    end)

    it("of the portal takes schedules of five fields always, of six from 10.0.8 on", function()
        local portal = subsystems.portal()
        assert.is_nil((portal:schedule_problem("0 3 * * *", "10.0.5.3")))
        assert.is_nil((portal:schedule_problem("0 3 * * *", "10.0.8.0")))
        assert.is_nil((portal:schedule_problem("0 0 3 * * *", "10.0.8.0")))
        assert.is_truthy((portal:schedule_problem("0 0 3 * * *", "10.0.5.3")))
        assert.is_truthy((portal:schedule_problem("0 25 * * *", "10.0.8.0")))
        assert.is_truthy((subsystems.management():schedule_problem("0 3 * * *", "10.0.8.0")))
    end)
end)

describe("the age of a backup", function()
    local function told(age)
        local ctx = ctx_of("databaseBackup", {})
        local known = subsystem.tell_age(ctx, {name = "b", time = os.time() - age})
        return ctx.said, known
    end

    it("is told in hours, and returned in seconds", function()
        local said, age = told(2 * 3600)
        assert.same({"note: newest usable backup: b (without an id), 2.0 hours old"}, said)
        assert.is_true(age >= 7200 and age < 7200 + 600)
    end)

    it("may be a little below 0: clocks differ", function()
        assert.equal(1, #told(-60))
        local said = told(-7200)
        assert.equal(2, #said)
        assert.matches("^warning: that is 2.0 hours in the future", said[2])
        assert.matches("newest usable backup: b %(without an id%), 0.0 hours old", said[1])
    end)
end)
