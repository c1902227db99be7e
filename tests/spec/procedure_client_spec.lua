--- What a procedure's client makes of the writes that are more than one request, or none of whole
--- objects: in a plan they change nothing and later reads see them, in a run each is one effect.
local errors = require("salvor.error")
local lab = require("support.lab")
local client = require("salvor.procedure.client")
local procedure_client = require("support.procedure_client")
local salvor = require("salvor")
local secret = require("salvor.secret")

local config_map, deployment = procedure_client.config_map, procedure_client.deployment

lab.describe("a procedure's client", function()
    local connection, namespace

    before_each(function()
        namespace = lab.namespace()
        connection = lab.client({namespace = namespace})
        must(connection:create({apiVersion = "v1", kind = "ServiceAccount",
                                metadata = {name = "default"}}))
    end)
    after_each(function()
        connection:delete("ns", namespace)
    end)

    local function planning()
        return procedure_client.planning(connection)
    end

    local function running()
        return procedure_client.running(connection)
    end

    --- "path: before -> after" of each change of an effect.
    local function changes_of(effect)
        local lines = {}
        for _, change in ipairs(effect.changes) do
            lines[#lines + 1] = string.format("%s: %s -> %s", change.path, tostring(change.before),
                tostring(change.after))
        end
        return lines
    end

    it("plans an update on what the plan has made of the object", function()
        must(connection:create(config_map("u", {a = "1"})))
        local c, list = planning()
        must(c:patch("cm", "u", {data = {a = "2"}}))
        must(c:update("cm", "u", function(object)
            object.data.a = object.data.a .. "0"
        end))
        assert.are.equal("20", must(c:get("cm", "u")).data.a)
        assert.are.equal("1", must(connection:get("cm", "u")).data.a)
        assert.are.equal("update", list[2].verb)
        assert.are.same({"data.a: 2 -> 20"}, changes_of(list[2]))
    end)

    it("plans no change where an update leaves the object as it is, and ends where it gives up",
        function()
            must(connection:create(config_map("u", {a = "1"})))
            local c, list = planning()
            must(c:update("cm", "u", function() return false end))
            assert.are.same({}, list[1].changes)
            local mine = errors.new({code = "Mine", message = "no"})
            local ok, err = pcall(c.update, c, "cm", "u", function() return nil, mine end)
            assert.is_false(ok)
            assert.are.equal(mine, err)
        end)

    it("plans a scaling, its condition against the plan so far", function()
        must(connection:create(deployment("d", 2)))
        local c, list = planning()
        must(c:scale("deploy", "d", 0))
        must(c:scale("deploy", "d", 3, {current_replicas = 0}))
        assert.are.same({"spec.replicas: 2 -> 0"}, changes_of(list[1]))
        assert.are.same({"spec.replicas: 0 -> 3"}, changes_of(list[2]))
        assert.are.equal("Deployment " .. namespace .. "/d", list[2].target)
        assert.are.equal(3, must(c:get("deploy", "d")).spec.replicas)
        assert.are.equal(2, must(connection:get("deploy", "d")).spec.replicas)
        local ok, err = pcall(c.scale, c, "deploy", "d", 1, {current_replicas = 2})
        assert.is_false(ok)
        assert.are.equal("Conflict", err.code)
    end)

    it("plans evictions and the deletion of many", function()
        must(connection:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                                spec = {containers = {{name = "c", image = "none"}}}}))
        for number = 1, 2 do
            must(connection:create(config_map("m" .. number, {}, {batch = "m"})))
        end
        local c, list = planning()
        must(c:evict("p"))
        assert.are.equal("NotFound", select(2, c:get("pod", "p")).code)
        must(c:delete_all("cm", {label_selector = "batch=m"}))
        assert.are.equal(0, #must(c:list("cm", {label_selector = "batch=m"})))
        assert.are.equal("evict", list[1].verb)
        assert.are.equal("ConfigMap " .. namespace .. "/* batch=m", list[2].target)
        assert.is_table(must(connection:get("pod", "p")))
        assert.are.equal(2, #must(connection:list("cm", {label_selector = "batch=m"})))
    end)

    it("runs each as one effect", function()
        must(connection:create(config_map("u", {a = "1"}, {batch = "m"})))
        must(connection:create(deployment("d", 2)))
        must(connection:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                                spec = {containers = {{name = "c", image = "none"}}}}))
        local c, records = running()
        local tries = 0
        must(c:update("cm", "u", function(object)
            tries = tries + 1
            if tries == 1 then
                must(connection:patch("cm", "u", {data = {b = "1"}}))
            end
            object.data.a = "2"
        end))
        must(c:scale("deploy", "d", 3, {current_replicas = 2}))
        must(c:evict("p"))
        must(c:delete_all("cm", {label_selector = "batch=m"}))
        local done = {}
        for _, record in ipairs(records) do
            done[#done + 1] = record.type .. " " .. (record.verb or record.effect)
        end
        assert.are.same({"effect.begin update", "effect.end 1", "effect.begin scale",
                         "effect.end 3", "effect.begin evict", "effect.end 5",
                         "effect.begin delete", "effect.end 7"}, done)
        assert.are.equal(2, tries)
        assert.are.equal(3, must(connection:get("deploy", "d")).spec.replicas)
    end)

    it("tells the script's own on_progress of a run's wait, too", function()
        must(connection:create(config_map("w", {a = "1"})))
        local told = {}
        local c = client.wrap(connection, {performer = procedure_client.run(), run = "r1",
            wait = function(what) told.display = what end})
        local _, err = c:wait("cm", "w", {
            ready = function() end, timeout = 0.3,
            on_progress = function(progress) told.script = progress.name end,
        })
        assert.are.equal("Timeout", err.code)
        assert.are.same({display = "configmaps w", script = "w"}, told)
    end)

    it("sends raw requests that read, and no other", function()
        local c = running()
        assert.is_table(must(c:request({path = "/version"})))
        local ok, err = pcall(c.request, c, {path = "/version", method = "DELETE"})
        assert.is_false(ok)
        assert.are.equal("InvalidScript", err.code)
        assert.are.equal("a procedure's raw requests only read, this one is a DELETE", err.message)
    end)

    it("takes an object of its own run for the one it creates, and no other", function()
        local mine, theirs = {["salvor-run"] = "r1"}, {["salvor-run"] = "r2"}
        must(connection:create(config_map("mine", {a = "1"}, mine)))
        must(connection:create(config_map("theirs", {a = "1"}, theirs)))
        local c = running()
        assert.are.equal("1", must(c:create(config_map("mine", {a = "1"}))).data.a)
        local ok, err = pcall(c.create, c, config_map("theirs", {a = "1"}))
        assert.is_false(ok)
        assert.are.equal("AlreadyExists", err.code)
    end)

    it("does not take an object of its own run that is being deleted for the one it creates",
        function()
            local held = config_map("held", {a = "1"}, {["salvor-run"] = "r1"})
            held.metadata.finalizers = {"salvor.test/held"}
            must(connection:create(held))
            must(connection:delete("cm", "held"))
            local c = running()
            local ok, err = pcall(c.create, c, config_map("held", {a = "2"}))
            must(connection:patch("cm", "held", {metadata = {finalizers = salvor.null}}))
            assert.is_false(ok)
            assert.are.equal("AlreadyExists", err.code)
            assert.matches("is being deleted", err.message, 1, true)
        end)

    it("keeps what a Secret holds out of texts while it is updated", function()
        must(connection:create({apiVersion = "v1", kind = "Secret", metadata = {name = "s"},
                                data = {password = "YnVyaWVkLXRyZWFzdXJl"}}))
        local c = running()
        must(c:update("secret", "s", function()
            assert.is_nil(secret.mask("the buried-treasure"):find("buried-treasure", 1, true))
            return false
        end))
    end)

    it("shows of a Secret the name of a user, and nothing else about one", function()
        local c = running()
        must(c:create({apiVersion = "v1", kind = "Secret", metadata = {name = "s"}, stringData = {
            user = "administrator", ["user-name"] = "postgresql", username = "superuser",
            userPassword = "buried-treasure", ["user.token"] = "sunken-treasure"}}))
        assert.equal("administrator, postgresql, superuser, ***, ***", secret.mask(
            "administrator, postgresql, superuser, buried-treasure, sunken-treasure"))
    end)
end)
