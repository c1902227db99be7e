-- apic-v10/prepare-management as a service account that may do what `salvor rbac` prints: it runs
-- to its end with that, and with anything less the check of permissions says what is missing.
local access = require("salvor.procedure.access")
local account = require("support.account")
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local loader = require("salvor.procedure.loader")
local permissions = require("salvor.procedure.permissions")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local PARAMS = {take_backup = "true"}

--- What salvor rbac prints for the account "robot": its objects.
local function printed(fixture, params)
    local words = {"rbac", apic.ID, "--serviceaccount", fixture.namespace .. "/robot"}
    for name, value in pairs(params) do
        table.move({"-p", name .. "=" .. value}, 1, 2, #words + 1, words)
    end
    local result = fixture:salvor(words)
    salvor.expect_code(0, result)
    return must(yaml.load_all(result.stdout))
end

local function rules_of(fixture, params)
    return permissions.rules(loader.load(apic.ID),
        {take_backup = params.take_backup == "true", database = params.database or "auto"},
        fixture.namespace)
end

--- Waits until just these rules are missing to the account.
local function await_missing(robot, fixture, rules, expected)
    return account.eventually(robot, fixture.namespace, function(client)
        local missing = must(access.missing(client, rules))
        return #missing == #expected and (not missing[1] or permissions.describe(missing[1])
            == permissions.describe(expected[1])) and missing
    end)
end

--- The fixture with the account "robot", which may do what was printed.
local function start(params, options)
    local fixture = apic.start(options)
    local robot = account.create(fixture.namespace, "robot", fixture.home)
    local objects = printed(fixture, params)
    for _, object in ipairs(objects) do
        must(fixture.world.client:create(object))
    end
    local rules = rules_of(fixture, params)
    await_missing(robot, fixture, rules, {})
    return fixture, robot, objects, rules
end

--- As the account.
local function as(robot, fixture, run)
    fixture.kubeconfig = robot
    local result = run()
    fixture.kubeconfig = lab.kubeconfig()
    return result
end

lab.describe("apic-v10/prepare-management with what salvor rbac prints", function()
    for _, version in ipairs({"10.0.5.3", "10.0.8.0"}) do
        it(version .. ": plans and runs to its end, backup included", function()
            local fixture <close>, robot = start(PARAMS, {version = version})
            salvor.expect_code(0, as(robot, fixture, function()
                return fixture:plan(PARAMS)
            end))
            salvor.expect_code(0, as(robot, fixture, function()
                return fixture:run(PARAMS)
            end))
            assert.is_nil(fixture:manifest().cluster.uid) -- of kube-system, which it may not read
        end)
    end

    it("needs less when it takes no backup and the database is known", function()
        local fixture <close>, robot, objects = start({database = "crunchy"})
        local kinds = {}
        for _, rule in ipairs(objects[1].rules) do
            kinds[rule.resources[1]] = table.concat(rule.verbs, " ")
        end
        assert.are.same({leases = "delete get update", secrets = "get",
                         managementclusters = "get list", managementbackups = "list"}, kinds)
        salvor.expect_code(0, as(robot, fixture, function()
            return fixture:run({database = "crunchy"})
        end))
    end)

    it("and any one rule less is named before anything else is done", function()
        local fixture <close>, robot, objects, rules = start(PARAMS)
        local role = objects[1]
        assert.are.equal(#rules, #role.rules)
        for number, rule in ipairs(rules) do
            local less = must(yaml.load(must(yaml.dump(role))))
            table.remove(less.rules, number)
            must(fixture.world.client:update("roles", role.metadata.name, function(object)
                object.rules = less.rules
            end))
            await_missing(robot, fixture, rules, {rule})
            local result = as(robot, fixture, function()
                return fixture:run(PARAMS)
            end)
            salvor.expect_code(4, result)
            local said, lines = "this user may not " .. permissions.describe(rule), {}
            for _, line in ipairs(salvor.lines(result.stdout)) do
                lines[#lines + 1] = line:match("problem: (.*)")
            end
            assert.are.same({said .. "; let an administrator apply what 'salvor rbac " .. apic.ID
                .. " -n " .. fixture.namespace .. " --user NAME' prints for the parameters of"
                .. " this run"}, lines)
        end
        assert.is_nil(fs.stat(fixture.kit))
    end)

    it("and no right at all: everything is named at once, in a plan too", function()
        local fixture <close> = apic.start()
        local robot = account.create(fixture.namespace, "robot", fixture.home)
        local rules = rules_of(fixture, PARAMS)
        local result = as(robot, fixture, function()
            return fixture:plan(PARAMS)
        end)
        salvor.expect_code(4, result)
        for _, rule in ipairs(rules) do
            salvor.expect(result.stdout, "this user may not " .. permissions.describe(rule))
        end
        salvor.expect(result.stdout, "not looked at, since 'permissions' failed")
        assert.are.equal(1, select(2, result.stdout:gsub("salvor rbac", "")))
    end)
end)
