-- What apic-v2018/restore-management refuses before it changes anything: each failing check, with
-- its reason and its cure.
local apic = require("support.apic_v2018")
local database = require("salvor.apiconnect.v2018.database")
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local null = require("salvor").null

local function file(fixture, id, index, count)
    return string.format("%s/%s-%d-%d.tar.gz", fixture.backups, id, index, count or 3)
end

--- Each: a title, options of the world, spoil(fixture), params, and what the output must say.
local PROBLEMS = {
    {
        "the record is not there",
        params = {record = "/no/such/record.yaml"},
        says = {"/no/such/record.yaml", "record versions and endpoints of the old system"},
    },
    {
        "an output folder is not in the project",
        options = {disaster = true},
        params = {output_folders = "mgmt-out,mgmt_out"},
        says = {" has no folder mgmt_out", "name output folders as they stand in the project"},
    },
    {
        "the record is no such file",
        spoil = function(fixture)
            must(fs.write(fixture.record, "- one\n"))
        end,
        says = {"there is no map 'versions'", "there is no map 'endpoints'"},
    },
    {
        "the record has an endpoint and a version that are none",
        spoil = function(fixture)
            fixture:change_record(function(values)
                values.endpoints["api-manager"] = "manager.example.org"
                values.endpoints["api-manager-ui"] = "https://manager.example.org"
                values.endpoints["portal-www"] = null
                values.versions.portal = "latest"
                values.versions.cloud = "2018.4.1.10"
            end)
        end,
        says = {"endpoints.api-manager is no endpoint of API Connect v2018",
                "endpoints.api-manager-ui is 'https://manager.example.org', which is no name of a"
                    .. " host", "endpoints.portal-www is 'null'", "versions.portal is 'latest'",
                "versions.cloud is no kind of subsystem"},
    },
    {
        "endpoints are missing from the record",
        spoil = function(fixture)
            fixture:change_record(function(values)
                values.endpoints["consumer-api"] = nil
                values.versions.analytics = nil
            end)
        end,
        says = {"endpoints.consumer-api is missing", "versions.analytics is missing, and"
            .. " endpoints.analytics-client is there"},
    },
    {
        "a subsystem is at another version",
        spoil = function(fixture)
            fixture:change_record(function(values)
                values.versions.gateway = "2018.4.1.10-ifix1.0"
            end)
        end,
        says = {"the gateway subsystem is at 2018.4.1.10-ifix1.0, the Management subsystem at"
            .. " 2018.4.1.10", "bring the Gateway and all subsystems to one version"},
    },
    {
        "the running system is of another version than is recorded",
        spoil = function(fixture)
            fixture.world:tell({version = "2018.4.1.13"})
        end,
        says = {"the Management subsystem runs at 2018.4.1.13, and 2018.4.1.10 is recorded"},
    },
    {
        "traffic is not said to be stopped",
        params = {traffic_stopped = "false"},
        says = {"nobody has said that external traffic is stopped", "add -p traffic_stopped=true"},
    },
    {
        "the project is not one",
        params = {project = "/tmp"},
        says = {"/tmp has no apiconnect-up.yml", "without it a backup cannot be restored"},
    },
    {
        "the project's definition is damaged",
        spoil = function(fixture)
            must(fs.write(fs.join(fixture.project, "apiconnect-up.yml"), "spec: {subsystems: ["))
        end,
        says = {"apiconnect-up.yml"},
    },
    {
        "the project is of another namespace",
        spoil = function(fixture)
            fixture:change_project(function(specs)
                specs.mgmt.CloudProperties.namespace = "elsewhere"
            end)
        end,
        says = {"the project has subsystem mgmt in namespace elsewhere, not in"},
    },
    {
        "the project has no such Management subsystem",
        params = {subsystem = "portal"},
        says = {"has no Management subsystem portal", "it has mgmt"},
    },
    {
        "the project has another endpoint than the old system",
        spoil = function(fixture)
            fixture:change_project(function(specs)
                specs.mgmt.endpoints["platform-api"] = "new-api.example.org"
            end)
        end,
        says = {"endpoint platform-api was api.example.org in the old system, and in the project it"
            .. " is new-api.example.org", "endpoints and certificates cannot change"},
    },
    {
        "the running system serves another endpoint",
        spoil = function(fixture)
            must(fixture.world.client:delete("ingresses.networking.k8s.io", "api-manager-ui"))
        end,
        says = {"manager.example.org (api-manager-ui) is served by no Ingress in namespace"},
    },
    {
        "DNS gives the old cluster's address",
        params = {addresses = "192.0.2.20"},
        says = {"manager.example.org is 192.0.2.10 in DNS, which is none of addresses",
                "map the DNS entry to the cluster that is restored to"},
    },
    {
        "the programs are not there",
        params = {apicup = "no-apicup", apicops = "/no/apicops"},
        says = {"apicup is not there: no-apicup", "name it with -p apicup=FILE",
                "apicops is not there: /no/apicops", "download it from the vendor"},
    },
    {
        "the programs would work on another cluster",
        spoil = function(fixture)
            local text = must(fs.read(fixture.kubeconfig))
            fixture.other = fs.join(fixture.home, "other")
            must(fs.write(fixture.other, (text:gsub("(server: https://[^:]+:)%d+", "%11"))))
            fixture.params = {kubeconfig = fixture.other}
        end,
        says = {"apicup and apicops would work on another cluster: context", "give a kubeconfig"
            .. " whose current context is this cluster"},
    },
    {
        "there is no database",
        spoil = function(fixture)
            must(fixture.world.client:delete("cc", fixture.world.cluster))
        end,
        says = {"there is no CassandraCluster in namespace", "with -p disaster=true"},
    },
    {
        "the database that is named is not there",
        params = {name = "other"},
        says = {"there is no CassandraCluster other in namespace",
                "there is: rdd94fb4a21-apiconnect-cc"},
    },
    {
        "a pod of the database is not ready",
        spoil = function(fixture)
            must(fixture.world.client:patch("pods", fixture.world:pod(1), {status = {
                conditions = {{type = "Ready", status = "False"}}}}, {subresource = "status"}))
        end,
        says = {"pod rdd94fb4a21-apiconnect-cc-1 does not run normally: phase Running",
                "all pods of the database must be Running and Ready"},
    },
    {
        "a pod of the database has ended",
        spoil = function(fixture)
            must(fixture.world.client:patch("pods", fixture.world:pod(2),
                {status = {phase = "Succeeded"}}, {subresource = "status"}))
        end,
        says = {"pod rdd94fb4a21-apiconnect-cc-2 does not run normally: phase Succeeded"},
    },
    {
        "a pod of the database is missing",
        spoil = function(fixture)
            must(fixture.world.client:delete("pods", fixture.world:pod(1), {grace_period = 0}))
        end,
        says = {"pod rdd94fb4a21-apiconnect-cc-1 is missing"},
    },
    {
        "there are fewer pods than files",
        spoil = function(fixture)
            must(fixture.world.client:delete("pods", fixture.world:pod(2), {grace_period = 0}))
        end,
        says = {"it is a backup of 3 Cassandra pods, and there are 2", "restore onto as many pods"},
    },
    {
        "a restore is at work",
        spoil = function(fixture)
            fixture.world:add_restore("restore-plnfs", nil, "Restore prelim checks passed")
        end,
        says = {"a restore is at work already: job restore-plnfs"},
    },
    {
        "the backup that is named is no id",
        params = {backup = "newest"},
        says = {"'newest' is no id of a backup"},
    },
    {
        "the backup that is named is nowhere",
        params = {backup = "1500000000000000000"},
        says = {"list-backups does not know backup 1500000000000000000",
                "has no files of backup 1500000000000000000"},
    },
    {
        "the backup that is named is not complete",
        params = {backup = apic.BACKUP},
        spoil = function(fixture)
            fixture.world:tell({backups = {{id = apic.BACKUP, status = "In Progress"}}})
        end,
        says = {"backup " .. apic.BACKUP .. " is not complete: In Progress"},
    },
    {
        "the time that is listed is not the id's",
        params = {backup = apic.BACKUP},
        spoil = function(fixture)
            fixture.world:tell({backups = {{id = apic.BACKUP, time = "2020-04-23 09:54:44"}}})
        end,
        says = {"is listed with the time 2020-04-23 09:54:44.406812631 +0000 UTC, which its id"
            .. " is not"},
    },
    {
        "apicup lists the backups of another system",
        spoil = function(fixture)
            fixture.world:tell({backups = {{id = apic.BACKUP, cluster = "rother-cc"}}})
        end,
        says = {"apicup lists backups of rother-cc in namespace",
                "the project is another system's"},
    },
    {
        "the file of a pod is missing",
        spoil = function(fixture)
            must(fs.remove(file(fixture, apic.BACKUP, 1)))
        end,
        says = {apic.BACKUP .. "-1-3.tar.gz: the backup of this pod is not there"},
    },
    {
        "the file of a pod is cut short",
        spoil = function(fixture)
            sets.truncate(file(fixture, apic.BACKUP, 2), 100)
        end,
        says = {apic.BACKUP .. "-2-3.tar.gz:"},
    },
    {
        "a file is of a set with another number of pods",
        spoil = function(fixture)
            must(fs.rename(file(fixture, apic.BACKUP, 2), file(fixture, apic.BACKUP, 2, 5)))
        end,
        says = {"it is of a set of 5 files"},
    },
    {
        "there are no backups at all",
        spoil = function(fixture)
            must(fs.remove_tree(fixture.backups))
            must(fs.mkdir(fixture.backups))
            fixture.world:tell({backups = {}})
        end,
        says = {"there is no whole backup at", "fetch them from the backup host"},
    },
    {
        "the portal's backups are of another time",
        spoil = function(fixture)
            fixture.portal = fs.join(fixture.home, "portal")
            sets.tar_gz(fixture.portal .. "/_portal_system_backup-20200421.095734.tar.gz", "portal")
            fixture.params = {portal_backups = fixture.portal}
        end,
        says = {"portal: _portal_system_backup-20200421.095734.tar.gz: it was made",
                "portal sites must fit the management database"},
    },
    {
        "after a disaster: something is there already",
        params = {disaster = "true", workspace = "/no/such/place"},
        says = {"has a database already: rdd94fb4a21-apiconnect-cc", "leave out disaster=true"},
    },
    {
        "after a disaster: the new place exists",
        options = {disaster = true},
        params = {workspace = "/tmp"},
        says = {"/tmp exists", "nothing is overwritten"},
    },
    {
        "after a disaster: there is no new place",
        options = {disaster = true},
        params = {workspace = false},
        says = {"there is no new place for the project", "-p workspace="},
    },
    {
        "after a disaster: the new place is in the project",
        options = {disaster = true},
        spoil = function(fixture)
            fixture.params = {workspace = fixture.project .. "/new"}
        end,
        says = {"is in the project itself"},
    },
    {
        "after a disaster: the registry cannot be used",
        options = {disaster = true},
        params = {registry = "user:hunter2hunter2@new.example.org", registry_secret = "missing"},
        says = {"the registry is named with a user or password", "secret missing (registry_secret)",
                "kubectl create secret docker-registry missing"},
    },
    {
        "after a disaster: the project makes another number of pods",
        options = {disaster = true},
        spoil = function(fixture)
            fixture:change_project(function(specs)
                specs.mgmt.settings["cassandra-cluster-size"] = 1
            end)
        end,
        says = {"the project makes 1 Cassandra pods, and backup " .. apic.BACKUP .. " is of 3"},
    },
}

lab.describe("apic-v2018/restore-management refuses:", function()
    for _, case in ipairs(PROBLEMS) do
        it(case[1], function()
            local fixture <close> = apic.start(case.options or {})
            if case.spoil then
                case.spoil(fixture)
            end
            local params = fixture.params or {}
            for name, value in pairs(case.params or {}) do
                params[name] = value
            end
            local result = fixture:expect_refused(params, table.unpack(case.says))
            assert.is_nil(result.stdout:find(apic.PASSWORD, 1, true))
            assert.same({}, fixture:calls())
            assert.is_nil(fs.stat(fixture.workspace))
        end)
    end
end)

lab.describe("apic-v2018/restore-management warns, and goes on:", function()
    --- Each: a title, spoil(fixture), params, and what the output must say.
    local WARNINGS = {
        {
            "an endpoint is not known to DNS",
            spoil = function(fixture)
                must(fs.write(fixture.hosts, "192.0.2.10 manager.example.org\n"))
            end,
            says = {"admin.example.org (cloud-admin-ui) is not known to DNS"},
        },
        {
            "backups cannot be listed",
            spoil = function(fixture)
                fixture.world:tell({fail = {["list-backups"] = "no management pod"}})
            end,
            says = {"the backups cannot be listed: apicup subsys exec mgmt list-backups: exit code"
                .. " 1: Error: no management pod; they are looked for in storage"},
        },
        {
            "lines of the list are not understood",
            spoil = function(fixture)
                fixture.world:tell({list = "something new\n"})
            end,
            says = {"list-backups: this line is not understood: something new"},
        },
        {
            "the project holds its definition alone",
            spoil = function(fixture)
                for _, name in ipairs({"certs", "mgmt-out"}) do
                    must(fs.remove_tree(fs.join(fixture.project, name)))
                end
                must(fs.remove(fs.join(fixture.project, "myProject-mgmt-apic-secrets.yml")))
            end,
            says = {"there is nothing in", "the project must be the original one, with its"
                .. " certificates"},
        },
        {
            "the system had no analytics",
            spoil = function(fixture)
                fixture:change_record(function(values)
                    values.versions.analytics = nil
                    values.endpoints["analytics-ingestion"] = nil
                    values.endpoints["analytics-client"] = nil
                end)
            end,
            says = {"no analytics subsystem is recorded"},
        },
    }

    for _, case in ipairs(WARNINGS) do
        it(case[1], function()
            local fixture <close> = apic.start({})
            case.spoil(fixture)
            local result = fixture:plan(case.params)
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, table.unpack(case.says))
        end)
    end
end)

lab.describe("apic-v2018/restore-management takes the portal's backups", function()
    local fixture

    setup(function()
        fixture = apic.start({})
    end)

    teardown(function()
        fixture:close()
    end)

    --- The result of a plan with portal backups of these times.
    local function plan(times, params)
        local folder = fs.join(fixture.home, "portal", table.concat(times, "-"))
        for _, time in ipairs(times) do
            sets.tar_gz(folder .. "/_portal_system_backup-" .. time .. ".tar.gz", "portal")
        end
        return fixture:plan(merge({portal_backups = folder}, params))
    end

    it("of the same time, whatever came after", function()
        salvor.expect_code(0, plan({"20200422.095734", "20200423.095734"}))
    end)

    it("as far apart as is allowed", function()
        salvor.expect_code(0, plan({"20200422.094000"}))
        local result = plan({"20200422.094000"}, {portal_tolerance = "10m"})
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "portal: ", "it was made")
    end)
end)

lab.describe("apic-v2018/restore-management", function()
    it("takes the newest backup that is whole when none is listed", function()
        local fixture <close> = apic.start({})
        fixture.world:tell({backups = {}})
        must(fs.remove(file(fixture, apic.BACKUP, 1)))
        local result = fixture:plan()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "backup " .. apic.OLDER .. ", of ")
    end)

    it("takes the programs' cluster for its own by whatever address", function()
        local fixture <close> = apic.start({})
        local other = fs.join(fixture.home, "other")
        must(fs.write(other, (must(fs.read(fixture.kubeconfig)):gsub("https://127%.0%.0%.1:",
            "https://localhost:"))))
        salvor.expect_code(0, fixture:plan({kubeconfig = other}))
    end)

    it("refuses a pod that is being deleted", function()
        local fixture <close> = apic.start({})
        local client, pod = fixture.world.client, fixture.world:pod(1)
        must(client:patch("pods", pod, {metadata = {finalizers = {"example.org/wait"}}}))
        must(client:delete("pods", pod, {grace_period = 0}))
        local result = fixture:plan()
        must(client:patch("pods", pod, {metadata = {finalizers = null}}))
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, pod .. " does not run normally: it is being deleted")
    end)

    it("is for a cluster that does not know its kinds yet only after a disaster", function()
        local found = {}
        local ctx = {
            k8s = lab.client({kubeconfig = lab.second_kubeconfig()}),
            facts = {},
            problem = function(_, message)
                found[#found + 1] = message
            end,
        }
        for _, disaster in ipairs({true, false}) do
            ctx.params = {disaster = disaster}
            database.cluster(ctx)
        end
        assert.same({"this cluster has no CassandraClusters: API Connect v2018 is not installed"},
            found)
    end)
end)
