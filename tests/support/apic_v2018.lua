--- A simulated API Connect v2018, its project folder, its backup files and the operator's record of
--- it, and the commands that a test of apic-v2018/restore-management gives.
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local world = require("worlds.apic_v2018")
local yaml = require("salvor.yaml")

local apic = {
    ID = "apic-v2018/restore-management",
    BACKUP = "1587549284406812631", -- 2020-04-22 09:54:44 UTC
    OLDER = "1587462884123456789",
    -- A password of the project: it must appear nowhere.
    PASSWORD = "correct-horse-battery",
}

local Fixture = operation.new_class()

local everything = Fixture.everything

local BIN = fs.absolute("tests/support/bin")

local SUBSYSTEMS = {
    {kind = "Management", name = "mgmt", endpoints = {"api-manager-ui", "cloud-admin-ui",
                                                      "consumer-api", "platform-api"}},
    {kind = "Gateway", name = "gwy", endpoints = {"api-gateway", "api-gw-service"}},
    {kind = "Analytics", name = "a7s", endpoints = {"analytics-ingestion", "analytics-client"}},
    {kind = "Portal", name = "portal", endpoints = {"portal-admin", "portal-www"}},
}

local function definition(fixture)
    local subsystems = {}
    for number, each in ipairs(fixture.subsystems) do
        local endpoints = {}
        for _, name in ipairs(each.endpoints) do
            endpoints[name == "api-gw-service" and "apic-gw-service" or name] =
                world.ENDPOINTS[name]
        end
        subsystems[number] = {
            apiVersion = "v1", kind = "apic.ibm.com/" .. each.kind .. "Subsystem",
            metadata = {name = each.name},
            spec = {
                CloudProperties = {namespace = fixture.namespace, registry = "old.example.org",
                                   ["registry-secret"] = "old-secret"},
                endpoints = endpoints,
                settings = each.kind == "Management" and {
                    ["cassandra-cluster-size"] = fixture.world.pods,
                    ["cassandra-backup-protocol"] = "sftp",
                    ["cassandra-backup-auth-user"] = "backup",
                    ["cassandra-backup-auth-pass"] = apic.PASSWORD,
                } or nil,
            },
        }
    end
    return {apiVersion = "v1", kind = "apic.ibm.com/APIConnectCluster",
            metadata = {name = "myProject"}, spec = {subsystems = subsystems}}
end

local function write_project(fixture)
    salvor.make_tree(fixture.project, {
        ["apiconnect-up.yml"] = must(yaml.dump(definition(fixture))),
        ["myProject-mgmt-apic-secrets.yml"] = "data: {encryption-secret.bin: c2VjcmV0}\n",
        ["mgmt-out/helm/values.yaml"] = "old: true\n",
        ["certs/root-ca.pem"] = "-----BEGIN CERTIFICATE-----\n",
    })
end

local function write_record(fixture, version)
    local versions, endpoints = {}, {}
    for _, each in ipairs(fixture.subsystems) do
        versions[each.kind:lower()] = version
        for _, name in ipairs(each.endpoints) do
            endpoints[name] = world.ENDPOINTS[name]
        end
    end
    must(fs.write(fixture.record, must(yaml.dump({versions = versions, endpoints = endpoints}))))
end

--- Every endpoint at 192.0.2.10.
local function write_hosts(fixture)
    local lines = {}
    for _, host in pairs(world.ENDPOINTS) do
        lines[#lines + 1] = "192.0.2.10 " .. host .. "\n"
    end
    must(fs.write(fixture.hosts, table.concat(lines)))
end

--- start(options of the world, `kubeconfig`, `namespace`, `subsystems`: how many of the four the
--- project and the record have) -> fixture: an operation, with `project`, `record`, `backups` (a
--- folder with two whole backups), `workspace`, `hosts` (for getent) and `log` (of apicup's calls).
function apic.start(options)
    local given = merge(options)
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local fixture = setmetatable(operation.start({
        id = apic.ID,
        world = world.start(given),
        kubeconfig = given.kubeconfig,
        programs_kubeconfig = given.kubeconfig, -- whoever Salvor itself works as
        namespace = given.namespace,
        is_disaster = given.disaster,
        passwords = {apic.PASSWORD},
        subsystems = {table.unpack(SUBSYSTEMS, 1, given.subsystems)},
    }), Fixture)
    for _, name in ipairs({"project", "record", "backups", "workspace", "hosts", "log"}) do
        fixture[name] = fs.join(fixture.home, name)
    end
    fixture.env = {SALVOR = salvor.path, PATH = BIN .. ":" .. os.getenv("PATH"),
                   APICUP_LOG = fixture.log, SALVOR_TEST_HOSTS = fixture.hosts}
    write_project(fixture)
    write_record(fixture, given.version or "2018.4.1.10")
    write_hosts(fixture)
    for _, id in ipairs({apic.BACKUP, apic.OLDER}) do
        sets.v2018(fixture.backups, id, fixture.world.pods)
    end
    if not given.disaster then
        fixture.world:tell({backups = {{id = apic.OLDER}, {id = apic.BACKUP}}})
    end
    return fixture
end

function Fixture:common_params()
    local params = {
        project = self.project, record = self.record, backups = self.backups,
        kubeconfig = self.programs_kubeconfig, traffic_stopped = "true", space = "false",
        job_timeout = "10s", install_timeout = "30s", restore_timeout = "30s",
    }
    if self.is_disaster then
        params.disaster, params.workspace = "true", self.workspace
    end
    return params
end

--- With a yes to what is lost.
function Fixture:run(params, options)
    return self:salvor(self:agreed_words(params), options)
end

function Fixture:resume(run, options)
    return self:salvor({"run", "--resume", run, "--yes"}, options)
end

--- With what apicup was asked for in the place of its whole log, which has what was read.
function Fixture:everything()
    local all = everything(self)
    all.home.log = self:calls()
    return all
end

--- Changes the project's definition: change(its subsystems by name, the whole).
function Fixture:change_project(change, folder)
    local path = fs.join(folder or self.project, "apiconnect-up.yml")
    local whole, by_name = must(yaml.load(must(fs.read(path)))), {}
    for _, each in ipairs(whole.spec.subsystems) do
        by_name[each.metadata.name] = each.spec
    end
    if change then
        change(by_name, whole)
        must(fs.write(path, must(yaml.dump(whole))))
    end
    return by_name
end

--- Changes the record: change(values).
function Fixture:change_record(change)
    local values = must(yaml.load(must(fs.read(self.record))))
    change(values)
    must(fs.write(self.record, must(yaml.dump(values))))
end

--- The calls of apicup, those that only read left out.
function Fixture:calls()
    local calls = {}
    for _, line in ipairs(salvor.lines(fs.read(self.log) or "")) do
        calls[#calls + 1] = not line:find("list-backups", 1, true) and line or nil
    end
    return calls
end

return apic
