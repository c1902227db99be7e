--- Pods of the lab's node with the real pgBackRest, that reach the lab's S3 gateway.
---
---     local pods <close> = pgbackrest_pod.new()
---     pods:spec("backrest", {"pgbackrest", "info"}, env, ca)    -- the spec of such a pod
---
--- No image is made: a folder of this machine's has the programs with their libraries, and is
--- mounted into pods with the lab's shell. Nothing leads out of the pods' network, so the gateway
--- comes to them through a socket in that folder.
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local node = require("support.node")
local operator = require("worlds.operator")
local proc = require("salvor.proc")
local pgbackrest_run = require("support.pgbackrest_run")
local repositories = require("support.pgbackrest")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local pgbackrest_pod = {}

local Pods = {}
Pods.__index = Pods

local PROGRAMS = {"pgbackrest", "socat"}
local MOUNT = "/opt"

local function sh(script, ...)
    local result = must(proc.run({"sh", "-ec", script, "sh", ...}, {timeout = 60}))
    if result.code ~= 0 then
        error(result.stderr)
    end
    return result.stdout
end

local COPY = [=[
program=$(command -v "$1")
cp -L "$program" "$2/lib/"
ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
    xargs -I '{}' cp -Ln '{}' "$2/lib/"
cp -L "$2"/lib/ld-linux* "$2/lib/loader" 2>/dev/null || true
printf '#!/bin/sh\nexec %s/lib/loader --library-path %s/lib %s/lib/%s "$@"\n' \
    "$3" "$3" "$3" "$1" > "$2/bin/$1"
chmod 755 "$2/bin/$1"
]=]

--- The relay's end outside of the pods; it ends with us.
local function start_relay(folder, port)
    return tonumber((sh([[
socat UNIX-LISTEN:"$1/gateway",fork,mode=666 TCP:127.0.0.1:"$2" > /dev/null 2>&1 &
echo $!]], folder, port)))
end

function pgbackrest_pod.new()
    local folder = must(fs.temporary_folder())
    must(fs.mkdir(folder .. "/lib"))
    must(fs.mkdir(folder .. "/bin"))
    for _, program in ipairs(PROGRAMS) do
        sh(COPY, program, folder, MOUNT)
    end
    pgbackrest_run.make_data(folder .. "/own")
    sh("chmod -R a+rX \"$1\"", folder)
    local self = setmetatable({folder = folder,
                               port = store_lab.s3().tls_endpoint:match(":(%d+)$")}, Pods)
    self.relay = start_relay(folder, self.port)
    return self
end

local function environment(settings)
    local list = {}
    for name, value in pairs(settings) do
        list[#list + 1] = {name = name, value = value}
    end
    return list
end

--- The spec of a pod whose container runs argv beside its end of the relay.
function Pods:spec(container, argv, env, ca)
    local own = fs.join(self.folder, "ca.crt")
    must(fs.write(own, ca, {mode = 420})) -- 0644
    local script = "socat TCP-LISTEN:" .. self.port .. ",bind=127.0.0.1,fork,reuseaddr"
        .. " UNIX-CONNECT:" .. MOUNT .. "/gateway & for try in 1 2 3 4 5 6 7 8 9; do"
        .. " nc -z 127.0.0.1 " .. self.port .. " && break; sleep 0.1; done; exec \"$@\""
    return node.pod_object({
        containers = {{
            name = container,
            command = table.move(argv, 1, #argv, 5, {"sh", "-c", script, "sh"}),
            env = environment(merge(env, {
                PATH = MOUNT .. "/bin:/bin",
                PGBACKREST_LOG_LEVEL_FILE = "off",
                PGBACKREST_LOCK_PATH = "/tmp",
                PGBACKREST_IO_TIMEOUT = "5",
                PGBACKREST_REPO1_STORAGE_CA_FILE = ca ~= "" and MOUNT .. "/ca.crt" or nil,
            }, argv[1] == "pgbackrest" and {PGBACKREST_PG1_PATH = MOUNT .. "/own"} or nil)),
            volumeMounts = {{name = "opt", mountPath = MOUNT}},
        }},
        volumes = {{name = "opt", hostPath = {path = self.folder}}},
    }).spec
end

--- The pod that pgBackRest is asked in, with other settings: a new one in the place of the old.
function Pods:repository(world, env, ca)
    local cluster = world.database_cluster
    local name = cluster .. "-backrest-shared-repo"
    for _, pod in ipairs(must(world.client:list("pods", {label_selector = {name = name}}))) do
        world.client:delete("pods", pod.metadata.name, {grace_period = 0})
        operator.eventually("the end of pod " .. pod.metadata.name, function()
            return not world.client:get("pods", pod.metadata.name)
        end)
    end
    must(world.client:create({
        apiVersion = "v1", kind = "Pod",
        metadata = {generateName = name .. "-", labels = {name = name, ["service-name"] = name,
                                           ["pg-cluster"] = cluster,
                                           ["pgo-backrest-repo"] = "true"}},
        spec = self:spec("database", {"sleep", "86400"}, env, ca),
    }))
end

--- Uploads a real repository, of the database that these pods have, whose stanza is "db".
function Pods.repository_copy(_, path)
    local at = store_lab.s3()
    local repository = repositories.copy("none")
    for _, kind in ipairs({"archive", "backup"}) do
        must(fs.rename(repositories.folder(repository, kind), repository .. "/" .. kind .. "/db"))
    end
    local summary = must(store.copy(repository, "s3://" .. path, {to = {endpoint = at.endpoint,
        region = at.region, access_key = at.access_key, secret_key = at.secret_key}}))
    assert(summary.failures == 0)
    must(fs.remove_tree(fs.dirname(repository)))
end

function Pods:close()
    if self.relay then
        sh("kill \"$1\" || true", tostring(self.relay))
        self.relay = nil
        must(fs.remove_tree(self.folder))
    end
end

Pods.__close = Pods.close

return pgbackrest_pod
