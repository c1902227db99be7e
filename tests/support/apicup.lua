-- A stand-in for apicup, the installer of API Connect v2018: does to the simulated system what the
-- real one does to a cluster, and prints what that prints. It works on the project in its folder,
-- on the cluster of $KUBECONFIG, and notes each call in $APICUP_LOG.
--
-- The ConfigMap `world` says what it finds: backups (rows of list-backups), cluster and namespace
-- (of these rows), list (a text in the place of the table), fail = {command = "why"}.
local fs = require("salvor.fs")

package.path = fs.dirname(arg[0]) .. "/../?.lua;" .. package.path

local json = require("salvor.json")
local k8s = require("salvor.k8s")
local yaml = require("salvor.yaml")
local world = require("worlds.apic_v2018")

local PROJECT = "apiconnect-up.yml"

local function complain(text)
    io.stderr:write("Error: ", text, "\n")
    os.exit(1)
end

local text = fs.read(PROJECT)
if not text then
    complain("open " .. PROJECT .. ": no such file or directory")
end
local log = os.getenv("APICUP_LOG")
if log then
    must(fs.append(log, table.concat(arg, " ") .. "\n"))
end

local _, command, name = table.unpack(arg)
local definition = must(yaml.load(text))
local position, subsystem
for number, each in ipairs(definition.spec.subsystems) do
    if each.metadata.name == name then
        position, subsystem = number, each
    end
end
if arg[1] ~= "subsys" or not subsystem then
    complain("unknown subsystem '" .. tostring(name) .. "'")
end

local function connect()
    local client = must(k8s.connect({namespace = subsystem.spec.CloudProperties.namespace}))
    local found = must(client:get("configmaps", "world"))
    return client, must(json.decode(found.data.told))
end

local function check_failure(told, what)
    if (told.fail or {})[what] then
        complain(told.fail[what])
    end
end

local function set(setting, value)
    local document = must(yaml.edit(text))
    must(document:set(string.format("spec.subsystems[%d].spec.CloudProperties.%s", position,
        setting), value))
    must(fs.write(PROJECT, tostring(document)))
end

local function create(client, object)
    local made, err = client:create(object)
    if not made and err.code ~= "AlreadyExists" then
        complain(err.message)
    end
end

local function install()
    local client, told = connect()
    check_failure(told, "install")
    create(client, {apiVersion = "apic.ibm.com/v1", kind = "CassandraCluster",
                    metadata = {name = told.cluster}, spec = {}})
    for endpoint, host in pairs(subsystem.spec.endpoints) do
        create(client, world.ingress(endpoint, told.host or host))
    end
end

local function list_backups(told)
    check_failure(told, "list-backups")
    if told.list then
        return io.write(told.list)
    end
    print("Cluster               Namespace     ID                    Timestamp                  "
        .. "               Status             ")
    for _, row in ipairs(told.backups) do
        local seconds, nanoseconds = row.id:match("^(%d+)(%d%d%d%d%d%d%d%d%d)$")
        local time = os.date("!%Y-%m-%d %H:%M:%S", math.tointeger(tonumber(seconds)))
        print(string.format("%s   %s       %s   %s.%s +0000 UTC   %s", row.cluster or told.cluster,
            row.namespace or told.namespace, row.id, row.time or time, nanoseconds,
            row.status or "Complete"))
    end
end

local function restore(client, told, id)
    check_failure(told, "restore")
    print("Connection created")
    print("Invoking request")
    if not told.deaf then
        create(client, world.restore_job(id))
    end
end

if command == "set" then
    set(arg[4], arg[5])
elseif command == "install" then
    install()
elseif command == "exec" and arg[4] == "list-backups" then
    list_backups(select(2, connect()))
elseif command == "exec" and arg[4] == "restore" then
    local client, told = connect()
    restore(client, told, arg[5])
else
    complain("unknown command")
end
