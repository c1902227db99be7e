--- A simulated API Connect v10, a bucket of the real gateway, and the commands of a test of
--- apic-v10/configure-s3-backup.
local fs = require("salvor.fs")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local world = require("worlds.apic_v10_s3")

local s3_operation = {ID = "apic-v10/configure-s3-backup"}

local Fixture = operation.new_class()

--- start(options of the world) -> fixture: an operation with `bucket`, a new one. kubeconfig: the
--- lab's unless it is given. other = options of the world of a second data centre, in `other`.
function s3_operation.start(options)
    options = options or {}
    local at = store_lab.s3()
    local kubeconfig = options.kubeconfig or lab.kubeconfig()
    local namespace = options.namespace or lab.namespace()
    local fixture = setmetatable(operation.start({
        id = s3_operation.ID,
        kubeconfig = kubeconfig,
        namespace = namespace,
        world = world.start(merge(options, {kubeconfig = kubeconfig, namespace = namespace})),
        at = at,
        bucket = store_lab.bucket(),
    }), Fixture)
    fixture.host = at.tls_host_endpoint:match("//(.*)$") .. "/" .. at.region
    fixture.ca = fs.join(fixture.home, "ca.crt")
    must(fs.write(fixture.ca, must(fs.read(at.ca))))
    return fixture
end

function Fixture:common_params()
    return {provider = "custom", host = self.host, path = self.bucket .. "/management",
            schedule = "0 3 * * *", style = "path", ca = self.ca, credentials = "s3-credentials",
            access_key = self.at.access_key, secret_key = self.at.secret_key,
            restart_database = "true", timeout = "60s"}
end

function Fixture:run(params, options)
    local words = self:words("run", params)
    words[#words + 1] = "--yes"
    return self:salvor(words, options)
end

--- The store below the path, as the bucket's owner sees it.
function Fixture:store(path)
    return must(store.open("s3://" .. (path or self.bucket .. "/management"), {
        endpoint = self.at.endpoint, region = self.at.region, style = "path",
        access_key = self.at.access_key, secret_key = self.at.secret_key,
    }))
end

function Fixture:settings()
    return self.world:management().spec.databaseBackup
end

return s3_operation
