--- A dry run never calls a webhook that would do something: the server refuses the request instead.
local lab = require("support.lab")
local task = require("salvor.task")

local HOOKS = "validatingwebhookconfigurations.v1beta1.admissionregistration.k8s.io"

lab.describe("a dry run", function()
    local client, namespace, name

    -- Nobody listens at its address, which is ignored: what fails is not the call.
    local function hook(side_effects)
        return {
            apiVersion = "admissionregistration.k8s.io/v1beta1",
            kind = "ValidatingWebhookConfiguration",
            metadata = {name = name},
            webhooks = {{
                name = "hook.salvor.example",
                sideEffects = side_effects,
                failurePolicy = "Ignore",
                timeoutSeconds = 1,
                admissionReviewVersions = {"v1beta1"},
                clientConfig = {url = "https://127.0.0.1:1/"},
                namespaceSelector = {matchLabels = {["dry-run-spec"] = namespace}},
                rules = {{apiGroups = {""}, apiVersions = {"v1"}, operations = {"*"},
                          resources = {"configmaps"}}},
            }},
        }
    end

    local function create(dry_run)
        return client:create({apiVersion = "v1", kind = "ConfigMap",
                              metadata = {generateName = "a-"}}, {dry_run = dry_run})
    end

    --- What a dry run gives once the server knows the hook.
    local function dry_run_until(is_refused)
        local deadline = task.now() + 60
        while true do
            local made, err = create(true)
            if (err ~= nil) == is_refused or task.now() > deadline then
                return made, err
            end
            task.sleep(0.05)
        end
    end

    setup(function()
        namespace = lab.namespace()
        name = "dry-run-" .. namespace
        client = lab.client({namespace = namespace})
        must(client:patch("ns", namespace, {metadata = {labels = {["dry-run-spec"] = namespace}}}))
    end)
    teardown(function()
        client:delete(HOOKS, name)
        client:delete("ns", namespace)
    end)

    for _, side_effects in ipairs({"Some", "Unknown"}) do
        it("fails before a webhook whose side effects are " .. side_effects, function()
            if not client:kind(HOOKS) then
                return pending("this server takes no webhooks with side effects")
            end
            must(client:apply(hook(side_effects), {force = true}))
            local made, err = dry_run_until(true)
            assert.is_nil(made)
            assert.are.equal("BadRequest", err.code)
            assert.are.equal("k8s.create", err.op)
            assert.truthy(err.message:find("hook.salvor.example", 1, true), err.message)
            must(create(false))
        end)
    end

    it("passes one that does nothing then", function()
        if not client:kind(HOOKS) then
            return pending("this server takes no webhooks with side effects")
        end
        must(client:apply(hook("NoneOnDryRun"), {force = true}))
        must((dry_run_until(false)))
    end)
end)
