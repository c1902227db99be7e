-- Procedures that run in pods from an image of the salvor under test, by what `salvor deploy`
-- prints and with nothing else: to their end, and not without a right that they need.
local access = require("salvor.procedure.access")
local apic = require("support.apic")
local container = require("support.container")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local k8s = require("salvor.k8s")
local loader = require("salvor.procedure.loader")
local node = require("support.node")
local permissions = require("salvor.procedure.permissions")
local read_kit = require("support.read_kit")
local salvor = require("support.salvor")
local site = require("support.site")
local yaml = require("salvor.yaml")

local NAME = "salvor-apic-v10-prepare-management"

-- What the pod is and may do, told by itself.
local INSIDE = [[
function(ctx)
    local status = io.open("/proc/self/status"):read("a")
    for _, field in ipairs({"Uid", "CapEff", "NoNewPrivs", "Seccomp"}) do
        ctx:note(field .. " " .. status:match("\n" .. field .. ":%s*(%S+)"))
    end
    ctx:note("root " .. tostring((io.open("/usr/bin/new", "w"))))
    ctx:note("secret of " .. #(os.getenv("SALVOR_PARAM_PASSWORD") or "") .. " bytes")
    ctx:note("value " .. ctx.params.value)
end]]

local SITE = [[
context: not-in-a-pod
params:
  value: '$(HOME) $$ "x"'
  password: {secret: login, key: word}
procedures:
  site/script:
    hooks: [{after: only, run: more.lua}]
]]

local MORE = [[return {
    id = "more", title = "More", why = "Because.", run = function(ctx) ctx:note("done here") end,
}]]

--- Creates what a command line of salvor deploy prints, and returns the objects by their kinds.
local function deploy(client, words, options)
    local result = salvor.run(table.move(words, 1, #words, 2, {"deploy"}), options)
    salvor.expect_code(0, result)
    local by_kind = {}
    for _, object in ipairs(must(yaml.load_all(result.stdout))) do
        by_kind[object.kind] = must(client:create(object))
    end
    return by_kind
end

--- Waits until the Job has ended: whether it has completed, and its log.
local function outcome(client, name)
    local ended, err = client:wait("jobs.batch", name, {timeout = 60})
    local pods = must(client:list("pods", {label_selector = "job-name=" .. name}))
    assert(#pods == 1, "one pod expected, " .. tostring(err))
    -- A runtime writes the last lines a moment after it has told that the container has ended.
    local log = eventually("the end of the log", function()
        local text = must(client:logs(pods[1].metadata.name))
        return text:find('"type":"run.end"', 1, true) and text
    end)
    return ended ~= nil, log
end

--- The records of the journal in a pod's log, checked as those of a file are.
local function records_in(log, home)
    local lines = {}
    for line in log:gmatch("({[^\n]*\n)") do
        lines[#lines + 1] = line
    end
    local path = fs.join(home, "journal.jsonl")
    must(fs.write(path, table.concat(lines)))
    return must(journal.read(path))
end

node.describe("salvor deploy", function()
    local admin

    setup(function()
        container.load()
        admin = node.client()
    end)

    local function start()
        return apic.start({kubeconfig = node.kubeconfig(), namespace = node.namespace()})
    end

    --- Waits until the account lacks just these rules.
    local function await_missing(namespace, rules, expected)
        local robot = must(k8s.connect({kubeconfig = node.kubeconfig(), namespace = namespace,
            impersonate = {user = "system:serviceaccount:" .. namespace .. ":" .. NAME,
                           groups = {"system:serviceaccounts", "system:authenticated"}}}))
        eventually("the server's rules to change", function()
            return #must(access.missing(robot, rules)) == expected
        end)
    end

    it("runs a procedure to its end with its own account, and keeps what it leaves", function()
        local fixture <close> = start()
        local claim = fixture.namespace .. "-state"
        local folder = fs.join(fixture.home, "claim")
        must(fs.mkdir(folder, {mode = tonumber("777", 8)}))
        os.execute("chmod 711 '" .. fixture.home .. "'; chmod 777 '" .. folder .. "'")
        must(admin:create({apiVersion = "v1", kind = "PersistentVolume", metadata = {name = claim},
                           spec = {capacity = {storage = "1Mi"}, accessModes = {"ReadWriteOnce"},
                                   hostPath = {path = folder}, storageClassName = "none"}}))
        local client = fixture.world.client
        must(client:create({apiVersion = "v1", kind = "PersistentVolumeClaim",
                            metadata = {name = claim},
                            spec = {volumeName = claim, storageClassName = "none",
                                    accessModes = {"ReadWriteOnce"},
                                    resources = {requests = {storage = "1Mi"}}}}))
        deploy(client, {apic.ID, "-n", fixture.namespace, "--image", container.IMAGE,
                        "-p", "kit=/var/lib/salvor/kit", "-p", "take_backup=true",
                        "--state-claim", claim}, {home = fixture.home})
        local completed, log = outcome(client, NAME)
        assert.is_true(completed, log)
        local records = records_in(log, fixture.home)
        assert.are.equal("run.begin", records[1].type)
        assert.are.equal("done", records[#records].status)
        local run = records[1].run
        assert.are.equal(must(fs.read(fs.join(folder, "runs", run, "journal.jsonl"))),
            must(fs.read(fs.join(fixture.home, "journal.jsonl"))))
        assert.is_table(must(read_kit(fs.join(folder, "kit"))))
        admin:delete("persistentvolumes", claim)
    end)

    it("runs nothing when one right is missing, and the log says which", function()
        local fixture <close> = start()
        local client = fixture.world.client
        local rules = permissions.rules(loader.load(apic.ID), {database = "auto"},
            fixture.namespace)
        local result = salvor.run({"deploy", apic.ID, "-n", fixture.namespace, "--image",
            container.IMAGE, "-p", "kit=/var/lib/salvor/kit"}, {home = fixture.home})
        salvor.expect_code(0, result)
        for _, object in ipairs(must(yaml.load_all(result.stdout))) do
            if object.kind == "Role" then
                assert.are.equal(#rules, #object.rules)
                table.remove(object.rules, 1)
            elseif object.kind == "Job" then
                await_missing(fixture.namespace, rules, 1)
            end
            must(client:create(object))
        end
        local completed, log = outcome(client, NAME)
        assert.is_false(completed)
        salvor.expect(log, "this user may not " .. permissions.describe(rules[1]),
            "a check failed: nothing was changed")
        assert.is_nil(log:find("step.begin", 1, true))
    end)

    it("gives a site what it needs in a container that can do little else", function()
        local home, closing <close> = site.new_home() -- luacheck: ignore 211
        local client = node.client({namespace = node.namespace()})
        must(fs.write(fs.join(home, "site.yaml"), SITE))
        must(fs.mkdir(fs.join(home, "scripts")))
        must(fs.write(fs.join(home, "scripts/more.lua"), MORE))
        site.install(home, "site/script", site.script({
            params = '{{name = "password", type = "secret", help = "a secret"},'
                .. '{name = "value", type = "string", required = true, help = "a value"}}',
        }, {run = INSIDE}))
        must(client:create({apiVersion = "v1", kind = "Secret", metadata = {name = "login"},
                            stringData = {word = "correct-horse"}}))
        deploy(client, {"site/script", "-n", client.namespace, "--image", container.IMAGE,
                        "--site", fs.join(home, "site.yaml")}, {home = home})
        local completed, log = outcome(client, "salvor-site-script")
        assert.is_true(completed, log)
        salvor.expect(log, "Uid 65532", "CapEff 0000000000000000", "NoNewPrivs 1", "Seccomp 2",
            "root nil", "secret of 13 bytes", "value $(HOME) $$ \"x\"",
            "the script is /etc/salvor/scripts/site/script.lua",
            "step more is put after only: /etc/salvor/scripts/hooks/1.lua", "done here")
        assert.is_nil(log:find("correct-horse", 1, true))
        client:delete("namespaces", client.namespace)
    end)
end)
