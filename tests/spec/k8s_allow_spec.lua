-- Which requests to an API server are writes. The guard is told to refuse all that it is asked
-- about.
local allow = require("salvor.k8s.allow")
local guard = require("salvor.guard")

local MAP = "/api/v1/namespaces/apic/configmaps/settings"
local MAPS = "/api/v1/namespaces/apic/configmaps"
local AUTHORIZATION = "/apis/authorization.k8s.io/v1/"

local READS = {
    {"a read", {method = "GET", path = MAP}},
    {"a read of the head", {method = "HEAD", path = MAP}},
    {"a read of what a service answers", {method = "GET",
        path = "/api/v1/namespaces/apic/services/db/proxy/metrics"}},
    {"a read of a pod's log", {method = "GET", path = "/api/v1/namespaces/apic/pods/db-0/log"}},
    {"a read of what is called exec", {method = "GET", path = MAPS .. "/exec"}},
    {"a dry run", {method = "POST", path = MAPS, query = {dryRun = "All"}, body = {}}},
    {"a dry run as a list", {method = "PATCH", path = MAP, query = {dryRun = {"All"}}, body = {}}},
    {"a dry run of a deletion", {method = "DELETE", path = MAP, query = {dryRun = "All"}}},
    {"a dry run in DeleteOptions", {method = "DELETE", path = MAP, body = {dryRun = {"All"}}}},
    {"a question about one's rights", {method = "POST",
        path = AUTHORIZATION .. "selfsubjectaccessreviews", body = {}}},
    {"a question about all one's rights", {method = "POST",
        path = AUTHORIZATION .. "selfsubjectrulesreviews", body = {}}},
    {"a question about somebody's rights", {method = "POST",
        path = AUTHORIZATION .. "namespaces/apic/localsubjectaccessreviews", body = {}}},
    {"a question about a token", {method = "POST",
        path = "/apis/authentication.k8s.io/v1/tokenreviews", body = {}}},
}

local WRITES = {
    {"a creation", {method = "POST", path = MAPS, body = {}}},
    {"a replacement", {method = "PUT", path = MAP, body = {}}},
    {"a patch", {method = "PATCH", path = MAP, body = {}}},
    {"a deletion", {method = "DELETE", path = MAP}},
    {"a method in small letters", {method = "delete", path = MAP}},
    {"what nobody knows", {method = "OPTIONS", path = MAP}},
    {"a dry run of something else", {method = "POST", path = MAPS, query = {dryRun = "Some"}}},
    {"a dry run of everything and more", {method = "POST", path = MAPS,
                                          query = {dryRun = {"All", "More"}}}},
    {"a dry run in the body of a creation", {method = "POST", path = MAPS,
                                             body = {dryRun = {"All"}}}},
    {"a deletion whose DeleteOptions say nothing of a dry run", {method = "DELETE", path = MAP,
        query = {dryRun = "All"}, body = {gracePeriodSeconds = 0}}},
    {"a deletion whose DeleteOptions are text", {method = "DELETE", path = MAP,
        query = {dryRun = "All"}, body = '{"dryRun":["All"]}'}},
    {"a dry run that a service is sent", {method = "POST", query = {dryRun = "All"},
        path = "/api/v1/namespaces/apic/services/db/proxy/admin/reset", body = {}}},
    {"a dry run that a pod is sent", {method = "DELETE", query = {dryRun = "All"},
        path = "/api/v1/namespaces/apic/pods/db-0/proxy"}},
    {"a token", {method = "POST", path = "/api/v1/namespaces/apic/serviceaccounts/robot/token"}},
    {"a review of another group", {method = "POST", path = "/apis/example.org/v1/reviews"}},
    {"a review of a group with a longer name", {method = "POST",
        path = "/apis/authorization.k8s.io.example.org/v1/reviews"}},
    {"the deletion of reviews", {method = "DELETE", path = AUTHORIZATION .. "reviews"}},
    {"a command", {method = "GET", path = "/api/v1/namespaces/apic/pods/db-0/exec",
                   query = {command = "reboot"}}},
    {"a command, further", {method = "GET", path = "/api/v1/namespaces/apic/pods/db-0/attach/"}},
    {"a command that is spelt with escapes", {method = "GET",
        path = "/api/v1/namespaces/apic/pods/db-0/%65xec", query = {command = "reboot"}}},
    {"a dry run of what is spelt with escapes", {method = "POST", query = {dryRun = "All"},
        path = "/api/v1/namespaces/apic/services/db/%70roxy/admin/reset", body = {}}},
    {"a port", {method = "GET", path = "/api/v1/namespaces/apic/pods/db-0/portforward"}},
}

describe("the guard of an API server", function()
    local asked

    setup(function()
        guard.ask(function(write)
            asked = write
            return nil, "no", "a hint"
        end)
    end)

    teardown(function()
        guard.ask(nil)
    end)

    before_each(function()
        asked = nil
    end)

    for _, case in ipairs(READS) do
        it("lets pass " .. case[1], function()
            assert.is_true(allow({}, case[2]))
            assert.is_nil(asked)
        end)
    end

    for _, case in ipairs(WRITES) do
        it("is asked about " .. case[1], function()
            local allowed, err = allow({}, case[2])
            assert.is_nil(allowed)
            assert.same({"Refused", "a hint"}, {err.code, err.hint})
        end)
    end

    it("is told what a request is, and by whose client", function()
        local client = {context = "prod"}
        local _, err = allow(client, {op = "k8s.request", method = "PUT", path = MAP})
        assert.same({op = "k8s.request", client = client, verb = "PUT", target = MAP}, asked)
        assert.equal("k8s.request: PUT " .. MAP .. ": no (Refused)\nhint: a hint", tostring(err))
    end)

    local function target_of(write)
        write.resource = {kind = "Pod"}
        allow({}, {method = "POST", path = MAPS, write = write})
        return asked.verb .. " " .. asked.target
    end

    it("is told what a write is done to", function()
        assert.equal("delete Pod apic/db-0",
            target_of({verb = "delete", namespace = "apic", name = "db-0"}))
        assert.equal("create Pod db-*",
            target_of({verb = "create", body = {metadata = {generateName = "db-"}}}))
        assert.equal("create Pod apic/db-0",
            target_of({verb = "create", namespace = "apic", body = {metadata = {name = "db-0"}}}))
        assert.equal("delete Pod apic/* app=db", target_of({verb = "delete", namespace = "apic",
            query = {labelSelector = "app=db"}}))
        assert.equal("create Pod * ", target_of({verb = "create", body = {metadata = 5}}))
    end)

    it("says yes where nobody is to be asked", function()
        guard.ask(nil)
        assert.is_true(allow({}, {method = "DELETE", path = MAP}))
    end)
end)
