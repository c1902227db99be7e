-- Which objects selectors select, told without a server as a server tells it.
local lab = require("support.lab")
local selects = require("salvor.k8s.selects")

local LABELS = {"app=db", "app==db", "app = db ", "app!=db", "tier", "!tier", "! tier",
                "app in (db, web)", "app notin (db)", "tier in (back,front),app=web", "a.b/c-d=x_1",
                "app=db,tier=back", "app=db,!tier", "empty=", "empty", "no-such",
                "app!=x,tier!=back", "tier notin (back, middle), app"}

local FIELDS = {"metadata.name=one", "metadata.name==two", "metadata.name!=one",
                "metadata.name!=one,metadata.name!=two", "metadata.namespace!=elsewhere"}

lab.describe("selectors", function()
    local client, namespace, objects

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        for name, labels in pairs({
            one = {app = "db", tier = "back"}, two = {app = "db"},
            three = {app = "web", empty = ""},
            four = {tier = "front", app = "web", ["a.b/c-d"] = "x_1"}, five = false,
        }) do
            must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                metadata = {name = name, labels = labels or nil}}))
        end
        objects = must(client:list("configmaps"))
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)

    --- The names that the server selects, and those that we do.
    local function both(option, parameter, text)
        local theirs, ours = {}, {}
        for _, object in ipairs(must(client:list("configmaps", {[option] = text}))) do
            theirs[#theirs + 1] = object.metadata.name
        end
        for _, object in ipairs(objects) do
            if selects({[parameter] = text}, object) then
                ours[#ours + 1] = object.metadata.name
            end
        end
        return theirs, ours
    end

    for _, text in ipairs(LABELS) do
        it("by labels: " .. text, function()
            assert.are.same(both("label_selector", "labelSelector", text))
        end)
    end

    for _, text in ipairs(FIELDS) do
        it("by fields: " .. text, function()
            assert.are.same(both("field_selector", "fieldSelector", text))
        end)
    end

    it("that are not there select everything", function()
        assert.is_true(selects({}, objects[1]))
        assert.is_true(selects(nil, {}))
    end)

    it("take a field that is missing for an empty one", function()
        assert.is_true(selects({fieldSelector = "status.phase!=Failed"}, {}))
        assert.is_false(selects({fieldSelector = "spec.nodeName=n"}, {spec = {}}))
        assert.is_true(selects({fieldSelector = "spec.unschedulable=true"},
            {spec = {unschedulable = true}}))
    end)
end)
