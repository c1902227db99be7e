--- A simulated API Connect v10 portal with a kit's folder and a home of its own, and the commands
--- that a test of apic-v10/prepare-portal or apic-v10/recover-portal gives.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local merge = require("salvor.copy").merge
local operation = require("support.operation")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10_portal")

local portal = {PREPARE = "apic-v10/prepare-portal", RECOVER = "apic-v10/recover-portal",
                run_id = operation.run_id}

local Fixture = operation.new_class()

--- start(options of the world) -> fixture: an operation of prepare-portal, with `kit`. id: of
--- another procedure; common: parameters of every command.
function portal.start(options)
    local given = merge(options)
    given.kubeconfig = given.kubeconfig or lab.kubeconfig()
    given.namespace = given.namespace or lab.namespace()
    local fixture = setmetatable(operation.start({
        id = given.id or portal.PREPARE,
        world = world.start(given),
        kubeconfig = given.kubeconfig,
        namespace = given.namespace,
        common = given.common,
    }), Fixture)
    fixture.kit = given.kit or fs.join(fixture.home, "kit")
    return fixture
end

function Fixture:common_params()
    return merge({kit = self.kit}, self.common)
end

--- salvor run with a yes to what is destructive.
function Fixture:recover(params, options)
    local words = self:words("run", params)
    words[#words + 1] = "--yes"
    return self:salvor(words, options)
end

--- Goes on with a run, with a yes to what is destructive.
function Fixture:go_on(run)
    return self:salvor({"run", "--resume", run, "--yes"})
end

--- The folder of the latest generation of the kit in the folder `kit`, this fixture's when nil.
function Fixture:latest(kit)
    kit = kit or self.kit
    return fs.join(kit, (must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")))
end

function Fixture:manifest()
    return must(json.decode(must(fs.read(fs.join(self:latest(), "manifest.json")))))
end

--- What the latest generation holds: {path = data}
function Fixture:files()
    return salvor.tree(self:latest())
end

--- Everything that a plan could have changed. What is in the cache is nothing but remembered.
function Fixture:everything()
    local home = salvor.tree(self.home)
    for path in pairs(home) do
        home[path] = not path:find("^cache/") and home[path] or nil
    end
    return {objects = self.world:snapshot(), home = home, kit = fs.stat(self.kit)}
end

--- Raises when the text holds a value of the world's secrets, raw or in base64; the name of a user
--- is none.
function Fixture:expect_no_secret(what, text)
    for _, secret in pairs(self.world.secrets) do
        for key, encoded in pairs(secret.data) do
            local plain = must(digest.unbase64(encoded))
            if key ~= "username" and #plain >= 8
                and (text:find(plain, 1, true) or text:find(encoded, 1, true)) then
                error(what .. " holds a secret value:\n" .. text, 2)
            end
        end
    end
end

return portal
