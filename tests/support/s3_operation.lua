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
local close, everything = Fixture.close, Fixture.everything

--- Two buckets serve all tests of a process, since a user of the gateway has a thousand at most.
local buckets = {}

local function take_bucket(number)
    buckets[number] = buckets[number] or store_lab.bucket()
    return buckets[number]
end

--- start(options of the world) -> fixture: an operation with `bucket` and `path`, a new folder in
--- it. kubeconfig: the lab's unless it is given. second: its bucket is that of second data centres.
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
        bucket = take_bucket(options.second and 2 or 1),
    }), Fixture)
    fixture.path = fixture.bucket .. "/" .. store_lab.name()
    fixture.host = at.tls_host_endpoint:match("//(.*)$") .. "/" .. at.region
    fixture.passwords = {at.access_key, at.secret_key}
    fixture.ca = fs.join(fixture.home, "ca.crt")
    must(fs.write(fixture.ca, must(fs.read(at.ca))))
    return fixture
end

function Fixture:common_params()
    return {provider = "custom", host = self.host, path = self.path,
            schedule = "0 3 * * *", style = "path", ca = self.ca, credentials = "s3-credentials",
            access_key = self.at.access_key, secret_key = self.at.secret_key,
            restart_database = "true", timeout = "60s"}
end

--- The parameters, with those of the second data centre in the cluster of context "there".
function Fixture:two(params)
    return merge({other_context = "there", other_path = self.other.path}, params)
end

function Fixture:run(params, options)
    return self:salvor(self:agreed_words(params), options)
end

--- The store below the path, as the bucket's owner sees it.
function Fixture:store(path)
    return must(store.open("s3://" .. (path or self.path), {
        endpoint = self.at.endpoint, region = self.at.region, style = "path",
        access_key = self.at.access_key, secret_key = self.at.secret_key,
    }))
end

--- With the second data centre, when there is one in `other`.
function Fixture:close()
    if self.other then
        self.other:close()
    end
    close(self)
end

--- With what is in its bucket.
function Fixture:everything()
    local all, s <close> = everything(self), self:store()
    all.bucket = must(s:list())
    return all
end

function Fixture:settings()
    return self.world:management().spec.databaseBackup
end

return s3_operation
