--- A service account that may do what `salvor rbac` prints for a procedure, and nothing else.
---
---     local robot <close> = rights.grant(operation, params)
---     salvor.expect_code(0, robot:run(params))
---     robot:expect_least(params)
local access = require("salvor.procedure.access")
local copy = require("salvor.copy")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local list = require("salvor").list
local permissions = require("salvor.procedure.permissions")
local salvor = require("support.salvor")
local yaml = require("salvor.yaml")

local rights = {}

local Robot = {}
Robot.__index = Robot

local NAME = "robot"

--- Writes a kubeconfig for a new account in that namespace.
local function create_account(client, kubeconfig, path)
    must(client:create({apiVersion = "v1", kind = "ServiceAccount", metadata = {name = NAME}}))
    local token = must(client:request({
        method = "POST",
        path = "/api/v1/namespaces/" .. client.namespace .. "/serviceaccounts/" .. NAME .. "/token",
        body = {apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest",
                spec = {audiences = list({})}},
    })).body.status.token
    local config = must(yaml.load(must(fs.read(kubeconfig))))
    config.users[1].user = {token = token}
    must(fs.write(path, must(yaml.dump(config))))
    return path
end

--- The rules of the roles that were printed, each with the `role` and the `place` that it is at.
local function rules_in(objects)
    local rules = {}
    for _, object in ipairs(objects) do
        for place, rule in ipairs(object.rules or {}) do
            local resource, subresource = rule.resources[1]:match("^([^/]+)/?(.*)$")
            rules[#rules + 1] = {
                group = rule.apiGroups[1],
                resource = resource,
                subresource = subresource ~= "" and subresource or nil,
                namespace = object.metadata.namespace,
                names = rule.resourceNames,
                verbs = rule.verbs,
                role = object,
                place = place,
            }
        end
    end
    return rules
end

--- Waits until just these rules are missing to the account.
local function await_missing(self, expected)
    local client <close> = must(k8s.connect({kubeconfig = self.kubeconfig,
                                             namespace = self.client.namespace}))
    eventually("the server to learn of what was granted", function()
        local missing, is_so = must(access.missing(client, self.rules)), true
        for number = 1, math.max(#missing, #expected) do
            is_so = is_so and missing[number] and expected[number]
                and permissions.describe(missing[number]) == permissions.describe(expected[number])
        end
        return is_so
    end)
end

--- grant(operation, params, options) -> robot {kubeconfig, rules, objects}. options: nothing (it is
--- granted nothing yet of what is printed); of one of two clusters its administrator's kubeconfig,
--- its namespace, and `cluster`, its context when it is not the target's.
function rights.grant(operation, params, options)
    options = copy.merge({kubeconfig = operation.kubeconfig, namespace = operation.namespace},
        options)
    local words = operation:words("rbac", params)
    for _, word in ipairs({"--serviceaccount", options.namespace .. "/" .. NAME,
                           options.cluster and "--cluster", options.cluster}) do
        words[#words + 1] = word
    end
    local printed = operation:salvor(words)
    salvor.expect_code(0, printed)
    local client = must(k8s.connect({kubeconfig = options.kubeconfig,
                                     namespace = options.namespace}))
    local objects = must(yaml.load_all(printed.stdout))
    local self = setmetatable({operation = operation, client = client, objects = objects,
                               rules = rules_in(objects)}, Robot)
    self.kubeconfig = create_account(client, options.kubeconfig, fs.join(operation.home,
        NAME .. (options.cluster or "") .. ".kubeconfig"))
    if not options.nothing then
        for _, object in ipairs(objects) do
            must(client:create(object))
        end
        await_missing(self, {})
    end
    return self
end

--- act() with the operation as this account; what it gives.
function Robot:act(act)
    local administrator = self.operation.kubeconfig
    self.operation.kubeconfig = self.kubeconfig
    local result = act()
    self.operation.kubeconfig = administrator
    return result
end

function Robot:run(params, options)
    return self:act(function()
        return self.operation:run(params, options)
    end)
end

function Robot:plan(params, options)
    return self:act(function()
        return self.operation:plan(params, options)
    end)
end

--- Puts the rules of a role into its place.
local function set_rules(self, role, rules)
    must(self.client:update(role.kind == "Role" and "roles" or "clusterroles", role.metadata.name,
        function(object)
            object.rules = list(rules)
        end, {namespace = role.metadata.namespace}))
end

--- The problems that a result of plan or run tells.
local function problems_of(result)
    local problems = {}
    for _, line in ipairs(salvor.lines(result.stdout)) do
        problems[#problems + 1] = line:match("problem: (.*)")
    end
    return problems
end

--- Runs the procedure with any one of the rules taken away: each time the check of permissions says
--- just that, and how to mend it, and nothing is changed.
function Robot:expect_least(params)
    for _, rule in ipairs(self.rules) do
        local less = table.move(rule.role.rules, 1, #rule.role.rules, 1, {})
        table.remove(less, rule.place)
        set_rules(self, rule.role, less)
        await_missing(self, {copy.merge(rule)})
        local result = self:run(params)
        salvor.expect_code(4, result)
        local problems = problems_of(result)
        assert(#problems == 1, result.stdout)
        salvor.expect(problems[1], "this user may not " .. permissions.describe(rule) .. "; ",
            "'salvor rbac " .. self.operation.id .. " -n " .. self.operation.namespace)
        set_rules(self, rule.role, rule.role.rules)
    end
    await_missing(self, {})
end

--- Removes what no namespace takes along.
function Robot:__close()
    for _, object in ipairs(self.objects) do
        if not object.metadata.namespace then
            self.client:delete(object.apiVersion .. "/" .. object.kind, object.metadata.name)
        end
    end
    getmetatable(self.client).__close(self.client)
end

return rights
