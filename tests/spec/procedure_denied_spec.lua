-- A policy of the cluster, an admission webhook, says no to what a procedure would write: its plan
-- tells so beforehand, and a run stops there with the policy's words and goes on once it may.
local base64 = require("salvor.digest").base64
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local scripted = require("support.scripted")
local small_procedure = require("support.small_procedure")

local CONFIGURATIONS = "validatingwebhookconfigurations.admissionregistration.k8s.io"
local WORDS = "no accounts of one's own in this namespace"

local STEPS = {
    [[id = "first", run = function(ctx)
        note("first")
        must(ctx.k8s:create(config_map("a")))
    end, verify = function(ctx) return ctx.k8s:get("configmaps", "a") ~= nil end]],
    [[id = "second", run = function(ctx)
        must(ctx.k8s:create({apiVersion = "v1", kind = "ServiceAccount",
                             metadata = {name = "b"}}))
    end]],
}

lab.describe("what a policy of the cluster forbids", function()
    local server, small

    local function is_denied()
        local made, err = small.client:create({apiVersion = "v1", kind = "ServiceAccount",
                                               metadata = {name = "asked"}}, {dry_run = true})
        return not made and err.message:find(WORDS, 1, true) ~= nil
    end

    before_each(function()
        server, small = scripted.start(), small_procedure.new()
        small:steps(STEPS)
        server:rules({{method = "POST", path = "/policy", json = {
            apiVersion = "admission.k8s.io/v1beta1", kind = "AdmissionReview",
            response = {allowed = false, status = {message = WORDS}},
        }}})
        must(small.client:patch("ns", small.namespace,
            {metadata = {labels = {["denied-spec"] = small.namespace}}}))
        must(small.client:create({
            apiVersion = "admissionregistration.k8s.io/v1", kind = "ValidatingWebhookConfiguration",
            metadata = {name = small.namespace},
            webhooks = {{
                name = "policy.salvor.example", sideEffects = "None",
                admissionReviewVersions = {"v1beta1"},
                clientConfig = {url = server.url .. "/policy",
                                caBundle = base64(must(fs.read(server.folder .. "/ca.crt")))},
                namespaceSelector = {matchLabels = {["denied-spec"] = small.namespace}},
                rules = {{apiGroups = {""}, apiVersions = {"v1"}, operations = {"CREATE"},
                          resources = {"serviceaccounts"}}},
            }},
        }))
        eventually("the server to ask the policy", is_denied)
    end)

    after_each(function()
        small.client:delete(CONFIGURATIONS, small.namespace)
        small:close()
        server:stop()
    end)

    it("is told by a plan", function()
        local result = small:plan()
        salvor.expect_code(1, result)
        salvor.expect(result.stdout, "create ConfigMap " .. small.namespace .. "/a")
        salvor.expect(result.stderr, "step second cannot be planned", "policy.salvor.example",
            WORDS, "nothing was changed")
        assert.is_nil(small.client:get("configmaps", "a"))
    end)

    it("stops a run, which is resumed when it is allowed", function()
        local stopped = small:run()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step second", "policy.salvor.example", WORDS,
            "salvor run --resume " .. small:only_run())
        must(small.client:delete(CONFIGURATIONS, small.namespace))
        eventually("the server to forget the policy", function()
            return not is_denied()
        end)
        salvor.expect_code(0, small:resume())
        assert.equal("first\n", small:notes())
        must(small.client:get("serviceaccounts", "b"))
    end)
end)
