-- salvor deploy: what it prints, and what it refuses. Whether it works is seen in
-- procedure_deploy_node_spec.lua.
local apic = require("support.apic")
local dig = require("salvor").dig
local fs = require("salvor.fs")
local kubectl = require("support.kubectl")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local site = require("support.site")
local yaml = require("salvor.yaml")

local NAME = "salvor-apic-v10-prepare-management"
local KIT = {"-p", "kit=/var/lib/salvor/kit"}

--- salvor deploy of the bundled procedure into the namespace apic, with more words.
local function deploy(words, options)
    local all = {"deploy", apic.ID, "-n", "apic", "--image", "registry.example.org/salvor:1"}
    local home, closing <close> = site.new_home() -- luacheck: ignore 211
    return salvor.run(table.move(words, 1, #words, #all + 1, all), options or {home = home})
end

--- The objects that it prints, by their kinds.
local function objects(...)
    local words = table.move({...}, 1, select("#", ...), #KIT + 1, table.move(KIT, 1, #KIT, 1, {}))
    local result = deploy(words)
    salvor.expect_code(0, result)
    local by_kind = {}
    for _, object in ipairs(must(yaml.load_all(result.stdout))) do
        assert.is_nil(by_kind[object.kind])
        by_kind[object.kind] = object
    end
    return by_kind, result
end

local function container_of(job)
    return job.spec.template.spec.containers[1]
end

describe("salvor deploy", function()
    it("prints an account, what it may do, and a Job that runs once", function()
        local made, result = objects("--state-claim", "kits")
        assert.are.equal("", result.stderr)
        for _, kind in ipairs({"ServiceAccount", "Role", "RoleBinding", "Job"}) do
            assert.are.equal(NAME, made[kind].metadata.name)
            assert.are.equal("apic", made[kind].metadata.namespace)
            made[kind].metadata = nil
        end
        assert.are.same({{kind = "ServiceAccount", name = NAME, namespace = "apic"}},
            made.RoleBinding.subjects)
        assert.are.equal("batch/v1", made.Job.apiVersion)
        assert.are.equal(0, made.Job.spec.backoffLimit)
        assert.are.equal("Never", made.Job.spec.template.spec.restartPolicy)
        assert.are.equal(NAME, made.Job.spec.template.spec.serviceAccountName)
        assert.are.same({"run", apic.ID, "--namespace", "apic", "--journal", KIT[1], KIT[2]},
            container_of(made.Job).args)
    end)

    it("lets the container do nothing but its work", function()
        local pod = objects().Job.spec.template.spec
        assert.are.same({runAsNonRoot = true, seccompProfile = {type = "RuntimeDefault"}},
            pod.securityContext)
        assert.are.same({allowPrivilegeEscalation = false, readOnlyRootFilesystem = true,
                         capabilities = {drop = {"ALL"}}}, pod.containers[1].securityContext)
        assert.is_string(pod.containers[1].resources.limits.memory)
        assert.is_string(pod.containers[1].resources.requests.cpu)
    end)

    it("prints a CronJob whose runs never overlap for a schedule", function()
        local made = objects("--schedule", "30 3 * * *", "--yes")
        local spec = made.CronJob.spec
        assert.are.equal("30 3 * * *", spec.schedule)
        assert.are.equal("Forbid", spec.concurrencyPolicy)
        assert.are.equal(0, spec.jobTemplate.spec.backoffLimit)
        assert.are.equal("--yes", container_of(spec.jobTemplate).args[6])
        assert.are.equal("@daily", objects("--schedule", "@daily").CronJob.spec.schedule)
    end)

    it("prints a CronJob of the version that the cluster has, where one can be asked", function()
        local made, result = objects("--schedule", "@daily")
        assert.are.equal("batch/v1", made.CronJob.apiVersion)
        salvor.expect(result.stderr, "the CronJob is for Kubernetes 1.21 and later; --kubernetes"
            .. " 1.20 makes one for an older cluster", "there is no kubeconfig")
        for version, api in pairs({["1.20"] = "batch/v1beta1", ["v1.19.16+k3s1"] = "batch/v1beta1",
                                   ["1.21.0"] = "batch/v1", ["1.32"] = "batch/v1"}) do
            made, result = objects("--schedule", "@daily", "--kubernetes", version)
            assert.are.equal(api, made.CronJob.apiVersion)
            assert.is_nil(result.stderr:find("Kubernetes", 1, true))
        end
    end)

    it("keeps the state in an emptyDir, or in a claim that not only root can write to", function()
        local function state(...)
            local pod = objects(...).Job.spec.template.spec
            return pod.volumes[1], pod.securityContext.fsGroup
        end
        assert.are.same({name = "state", emptyDir = {}}, (state()))
        local volume, group = state("--state-claim", "kits")
        assert.are.same({name = "state", persistentVolumeClaim = {claimName = "kits"}}, volume)
        assert.are.equal(65532, group)
    end)

    it("gives all objects another name, and the registry its Secret", function()
        local made = objects("--name", "nightly", "--pull-secret", "registry")
        assert.are.equal("nightly", made.Role.metadata.name)
        assert.are.equal("nightly", made.Job.spec.template.spec.serviceAccountName)
        assert.are.same({{name = "registry"}}, made.Job.spec.template.spec.imagePullSecrets)
    end)

    it("refers to Secrets, and takes no secret itself", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        local param = '{name = "pass_word", type = "secret", required = true, help = "a secret"}'
        local text = site.script({params = "{" .. param .. "}"})
        local path = site.install(home, "site/script", text)
        local function run(...)
            return salvor.run({"deploy", "site/script", "-n", "apic", "--image", "x", ...},
                {home = home})
        end
        local made = run("--secret", "pass_word=login/word")
        salvor.expect_code(0, made)
        local all = must(yaml.load_all(made.stdout))
        local env = container_of(all[#all]).env
        assert.are.same({name = "SALVOR_PARAM_PASS_WORD",
                         valueFrom = {secretKeyRef = {name = "login", key = "word"}}}, env[#env])
        assert.are.equal("ConfigMap", all[#all - 1].kind)
        assert.are.equal(must(fs.read(path)), all[#all - 1].data["scripts_site_script.lua"])

        local all_keys = run("--secret", "pass_word=login/word", "--env-from", "s3-login")
        all = must(yaml.load_all(all_keys.stdout))
        assert.are.same({{secretRef = {name = "s3-login"}}}, container_of(all[#all]).envFrom)

        local missing = run()
        salvor.expect_code(2, missing)
        salvor.expect(missing.stderr, "parameter 'pass_word' is missing",
            "add --secret pass_word=SECRET/KEY")
        local told = run("-p", "pass_word=correct-horse")
        salvor.expect_code(2, told)
        salvor.expect(told.stderr, "'pass_word' is a secret, which must not stand in a manifest")
        assert.is_nil((told.stdout .. told.stderr):find("correct-horse", 1, true))
    end)

    it("says beforehand what would be lost or wait in vain", function()
        local _, result = objects()
        assert.are.equal("salvor: kit=/var/lib/salvor/kit is lost with the pod;"
            .. " --state-claim keeps it\n", result.stderr)
        salvor.expect(deploy({"-p", "kit=/var/lib/salvor"}).stderr,
            "kit=/var/lib/salvor is lost with the pod; --state-claim keeps it")
        result = deploy({"-p", "kit=/srv/kit"})
        salvor.expect_code(0, result)
        salvor.expect(result.stderr, "kit=/srv/kit cannot be written to: only what is below"
            .. " /var/lib/salvor can")
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, "site/script", site.script({}, {destructive = '"all of it"'}))
        local words = {"deploy", "site/script", "-n", "apic", "--image", "x"}
        salvor.expect(salvor.run(words, {home = home}).stderr,
            "step only destroys something and waits for a yes that nobody gives in a pod")
        words[#words + 1] = "--yes"
        assert.are.equal("", salvor.run(words, {home = home}).stderr)
    end)

    for _, case in ipairs({
        {"no kit", {}, "parameter 'kit' is missing", "add -p kit="},
        {"a place that depends on the folder", {"-p", "kit=kit"},
         "parameter 'kit' is a place in the container: 'kit' does not begin with /"},
        {"an unknown parameter", {"-p", "kitt=x"}, "unknown parameter 'kitt'"},
        {"a value that is not valid", {"-p", "kit=/k", "-p", "max_age=x"}, "'max_age': 'x'"},
        {"a schedule of four fields", {"-p", "kit=/k", "--schedule", "0 3 * *"},
         "'0 3 * *' is no schedule", "five fields"},
        {"a schedule that never comes", {"-p", "kit=/k", "--schedule", "0 24 * * *"},
         "'0 24 * * *' is no schedule: '24' is no hour (0 to 23)"},
        {"no version", {"-p", "kit=/k", "--schedule", "@daily", "--kubernetes", "old"},
         "'old' is no version of Kubernetes", "write --kubernetes 1.20"},
        {"a version for a Job", {"-p", "kit=/k", "--kubernetes", "1.20"},
         "--kubernetes is about CronJobs", "add --schedule CRON"},
        {"a Secret without key", {"-p", "kit=/k", "--secret", "kit=x"},
         "'kit=x' names no key of a Secret", "--secret NAME=SECRET/KEY"},
        {"a Secret for what is no secret", {"-p", "kit=/k", "--secret", "name=a/b"},
         "parameter 'name' is no secret"},
        {"a Secret for nothing", {"-p", "kit=/k", "--secret", "nome=a/b"},
         "there is no parameter 'nome'"},
        {"a Secret that is no name", {"-p", "kit=/k", "--env-from", "A/b"},
         "'A/b' is no Kubernetes name", "see --env-from"},
        {"a claim that is no name", {"-p", "kit=/k", "--state-claim", "A b"},
         "'A b' is no Kubernetes name"},
        {"a name that ends badly", {"-p", "kit=/k", "--name", "x-"},
         "'x-' is no Kubernetes name", "see --name"},
        {"a name that is too long", {"-p", "kit=/k", "--name", ("x"):rep(53)},
         "is longer than 52 characters"},
    }) do
        it("refuses " .. case[1], function()
            local result = deploy(case[2])
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, table.unpack(case, 3))
            assert.are.equal("", result.stdout)
        end)
    end

    it("refuses scripts that no ConfigMap can hold", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, "site/script", site.script() .. "-- " .. ("x"):rep(1 << 20))
        local result = salvor.run({"deploy", "site/script", "-n", "apic", "--image", "x"},
            {home = home})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "do not fit into a ConfigMap",
            "put them into the image, below /etc/salvor")
    end)

    it("refuses to run no image", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        for _, words in ipairs({{}, {"--image", "two words"}}) do
            local result = salvor.run({"deploy", apic.ID, "-n", "apic", table.unpack(words)},
                {home = home})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "which image?",
                "add --image IMAGE; make image, in the sources")
        end
    end)
end)

lab.describe("salvor run --journal", function()
    it("writes the journal to standard output as well, and all else to standard error", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        site.install(home, "site/script", site.script({}, {
            run = 'function(ctx) ctx:note("a word") end'}))
        local words = {"run", "site/script", "--kubeconfig", lab.kubeconfig(), "--journal"}
        local result = salvor.run(words, {home = home})
        salvor.expect_code(0, result)
        local run = result.stderr:match("run (%d+%-%d+%-%x+) of site/script")
        assert.are.equal(must(fs.read(fs.join(home, "state/salvor/runs", run, "journal.jsonl"))),
            result.stdout)
        salvor.expect(result.stderr, "a word", "run " .. run .. " is done")

        words[#words + 1] = "--output=json"
        local refused = salvor.run(words, {home = home})
        salvor.expect_code(2, refused)
        salvor.expect(refused.stderr, "--journal goes without --output json")
    end)
end)

--- Raises unless everything in `sent` is in `answer`, at its place.
local function expect_part(sent, answer, place)
    for key, value in pairs(sent) do
        if type(value) == "table" then
            expect_part(value, dig(answer, key) or {}, place .. "." .. key)
        elseif answer[key] ~= value then
            error(place .. "." .. key .. ": " .. tostring(value) .. " became "
                .. tostring(answer[key]))
        end
    end
end

lab.describe("what salvor deploy prints", function()
    local client, namespace

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)

    local function printed(...)
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        local result = salvor.run({"deploy", apic.ID, "-n", namespace, "--image", "x:1",
            "--state-claim", "kits", "--pull-secret", "registry", "--env-from", "login",
            KIT[1], KIT[2], ...}, {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
        salvor.expect_code(0, result)
        assert.are.equal("", result.stderr)
        return result.stdout
    end

    it("is understood by a server to the last field", function()
        for _, text in ipairs({printed(), printed("--schedule", "0 3 * * *")}) do
            for _, object in ipairs(must(yaml.load_all(text))) do
                expect_part(object, must(client:create(object, {dry_run = true})), object.kind)
            end
        end
    end)

    --- By kubectl where it is there, else as kubectl apply --server-side does it.
    local function apply(text)
        if kubectl.is_there() then
            local result = must(proc.run({"kubectl", "--kubeconfig", lab.kubeconfig(), "apply",
                                          "-f", "-"}, {stdin = text, timeout = 60}))
            assert.are.equal(0, result.code, result.stderr)
            return
        end
        for _, object in ipairs(must(yaml.load_all(text))) do
            must(client:apply(object))
        end
    end

    it("is ready for kubectl apply, also a second time", function()
        for _ = 1, 2 do
            apply(printed())
            apply(printed("--schedule", "0 3 * * *"))
        end
    end)
end)
