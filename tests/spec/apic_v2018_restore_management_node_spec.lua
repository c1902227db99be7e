-- apic-v2018/restore-management asks real Cassandra pods how much space they have.
local apic = require("support.apic_v2018")
local cassandra = require("salvor.apiconnect.v2018.cassandra")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local node = require("support.node")
local rights = require("support.rights")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")

--- A container in which df and du find the folders of the database, on a volume in memory that
--- nobody else uses.
local function pod_spec()
    local spec = node.pod_object({
        volumes = {{name = "db", emptyDir = {medium = "Memory"}}},
        containers = {
            {name = "cassandra", volumeMounts = {{name = "db", mountPath = "/var/db"}},
             command = {"sh", "-c", "mkdir -p /var/db/data; head -c 1048576 /dev/zero"
                .. " > /var/db/data/table; exec sleep 86400"}},
            {name = "metrics"},
        },
    }).spec
    spec.containers[1].readinessProbe = {
        exec = {command = {"test", "-s", "/var/db/data/table"}}, periodSeconds = 1,
    }
    return spec
end

node.describe("the space of Cassandra pods", function()
    local fixture

    setup(function()
        fixture = apic.start({kubeconfig = node.kubeconfig(), namespace = node.namespace(),
                              pods = 2, pod_spec = pod_spec()})
    end)

    teardown(function()
        fixture:close()
    end)

    local function run(params)
        return fixture:plan(merge({space = "true"}, params))
    end

    it("is what df and du say", function()
        local client = fixture.world.client
        local space = cassandra.space(client, fixture.world:pod(0), "cassandra")
        local df = must(client:exec(fixture.world:pod(0), {"df", "-k", "/var/db"},
            {container = "cassandra"})).stdout
        assert.truthy(df:find("%s" .. space.available .. "%s"), df)
        assert.is_true(space.database >= 1024 and space.database < 1100, space.database)
    end)

    it("suffices: the plan goes through", function()
        local result = run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "ok          room")
    end)

    it("is asked with the rights that salvor rbac prints", function()
        local robot <close> = rights.grant(fixture, {space = "true"})
        local result = robot:plan({space = "true", kubeconfig = node.kubeconfig()})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "ok          room")
    end)

    it("is asked of the container that is named", function()
        local result = run({container = "metrics"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "df -P -k /var/db/: in pod rdd94fb4a21-apiconnect-cc-",
            "name the container of Cassandra with -p container=")
        result = run({container = "other"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "FAILED      room")
    end)

    it("counts what the database takes now as free, and no more", function()
        -- Four times the file must fit into 85 % of the volume; file 1 is a little too large.
        local client = fixture.world.client
        local space = cassandra.space(client, fixture.world:pod(1), "cassandra")
        local fits = (space.available + space.database) * 1024 * 85 // 100 // 4
        assert.is_true(fits > space.available * 1024 * 85 // 100 // 4)
        local folder = fs.join(fixture.home, "large")
        sets.v2018(folder, apic.BACKUP, 2)
        local path = string.format("%s/%s-1-2.tar.gz", folder, apic.BACKUP)
        for size, code in pairs({[fits - 65536] = 0, [fits + 65536] = 4}) do
            sets.run({"truncate", "-s", tostring(size), path}) -- it takes no room here
            local result = run({backups = folder, walk = "false"})
            salvor.expect_code(code, result)
            if code == 4 then
                salvor.expect(result.stdout, "-1-2.tar.gz: restoring it takes "
                    .. (fits + 65536) * 4 .. " bytes on pod 1")
            end
        end
    end)
end)
