-- fortanix-ccm with an operator in a namespace of its own: its version is captured, and compared.
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local read_kit = require("support.read_kit")
local rights = require("support.rights")
local salvor = require("support.salvor")
local support = require("support.fortanix")
local yaml = require("salvor.yaml")

local IMAGE = "images.example.org/armor:1.0"

lab.describe("fortanix-ccm with an operator in another namespace", function()
    local client, params

    --- What a controller would tell of the operator's deployment.
    local function set_ready(replicas)
        must(client:patch("deployments.apps", "armor", {status = {
            observedGeneration = 1, replicas = 1, updatedReplicas = 1, readyReplicas = replicas,
            availableReplicas = replicas,
        }}, {subresource = "status"}))
    end

    setup(function()
        client = must(k8s.connect({kubeconfig = lab.kubeconfig(), namespace = lab.namespace()}))
        must(client:create({
            apiVersion = "apps/v1", kind = "Deployment", metadata = {name = "armor"},
            spec = {selector = {matchLabels = {app = "armor"}},
                    template = {metadata = {labels = {app = "armor"}},
                                spec = {containers = {{name = "main", image = IMAGE}}}}},
        }))
        set_ready(1)
        params = {operator = client.namespace .. "/armor"}
    end)

    teardown(function()
        client:delete("namespaces", client.namespace)
    end)

    local function start()
        local fixture = support.start("fortanix-ccm/backup")
        salvor.expect_code(0, fixture:run(params))
        fixture.id = "fortanix-ccm/restore"
        return fixture
    end

    it("captures its image, and restores with the rights that are printed", function()
        local fixture <close> = start()
        local _, files = must(read_kit(fixture.kit))
        assert.same({IMAGE}, must(yaml.load(files["prerequisites.yaml"])).images[params.operator])
        local robot <close> = rights.grant(fixture, params)
        for _, rule in ipairs(robot.rules) do
            if rule.namespace == client.namespace then
                assert.same({"deployments", {"armor"}, {"get"}},
                    {rule.resource, rule.names, rule.verbs})
            end
        end
        salvor.expect_code(0, robot:run(params))
    end)

    it("refuses another version of it, one that does not run, or to look away", function()
        local fixture <close> = start()
        local function expect_refused(given, ...)
            local result = fixture:plan(given)
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, ...)
        end
        expect_refused(nil, "the kit has the version of deployment " .. params.operator
            .. ", which is not looked at", "-p operator=" .. params.operator)
        set_ready(0)
        expect_refused(params, "deployment " .. params.operator .. " is not ready: 0 of 1 replicas")
        set_ready(1)
        fixture:forge("prerequisites.yaml", function(before)
            before.images[params.operator] = {"images.example.org/armor:0.9"}
        end)
        expect_refused(params, "deployment " .. params.operator .. " runs " .. IMAGE
            .. ", it was images.example.org/armor:0.9 when the backup was made")
    end)

    it("wants it to be a deployment with its namespace", function()
        local fixture <close> = support.start("fortanix-ccm/backup")
        for _, operator in ipairs({"armor", "a/b/c", "Armor/x"}) do
            local result = fixture:plan({operator = operator})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "-p operator: '" .. operator .. "' is no deployment",
                "give NAMESPACE/NAME of its deployment")
        end
    end)
end)
