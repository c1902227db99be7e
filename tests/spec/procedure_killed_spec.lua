-- A procedure of all kinds of writes, killed at every record of its journal and resumed.
local fs = require("salvor.fs")
local json = require("salvor.json")
local killed = require("support.killed")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")

local STEPS = {
    'id = "ready", check = true, run = function(ctx) ctx.facts.text = "from the check" end',
    [[id = "create", run = function(ctx)
        local one = config_map(ctx:name("one"), {text = ctx.facts.text})
        ctx.k8s:create(one)
        ctx.k8s:create(config_map(ctx:name("two"), {text = "2"}))
        ctx.k8s:create({apiVersion = "v1", kind = "Secret", metadata = {name = ctx:name("key")},
                        stringData = {key = "correct horse"}})
        ctx.facts.made = true
    end]],
    [[id = "change", run = function(ctx)
        ctx.k8s:patch("cm", ctx:name("one"), {data = {more = "yes"}})
        ctx.k8s:update("cm", ctx:name("two"), function(object) object.data.text = "two" end)
        ctx.k8s:apply({apiVersion = "v1", kind = "ConfigMap", metadata = {name = ctx:name("two")},
                       data = {applied = tostring(ctx.facts.made)}}, {force = true})
    end, verify = function(ctx)
        return ctx.k8s:get("cm", ctx:name("two")).data.applied == "true"
    end]],
    [[id = "replace", run = function(ctx)
        if ctx.k8s:get("cm", ctx:name("one")) then ctx.k8s:delete("cm", ctx:name("one")) end
        ctx.k8s:create(config_map(ctx:name("last"), {text = "3"}))
    end, done = function(ctx) return ctx.k8s:get("cm", ctx:name("last")) ~= nil end]],
}

lab.describe("a procedure of many writes that is killed and resumed", function()
    local namespaces = {}

    --- What the run has made, without what tells one run from another.
    local function outcome(small, run)
        local found = {}
        for _, kind in ipairs({"configmaps", "secrets"}) do
            for _, object in ipairs(must(small.client:list(kind))) do
                local name, ours = object.metadata.name:gsub("%-" .. run:gsub("%-", "%%-"), "")
                if ours > 0 then
                    local neat = k8s.neat(object)
                    found[name] = {neat.data, neat.type}
                end
            end
        end
        return found
    end

    killed.define({
        start = function(worker)
            namespaces[worker] = namespaces[worker] or lab.namespace()
            local small = small_procedure.new(namespaces[worker])
            small:steps(STEPS)
            small.outcome = outcome
            return small
        end,
    })
end)

lab.describe("the folder of a run", function()
    local small

    before_each(function()
        small = small_procedure.new()
        small:steps({'id = "one", run = function() note("one") end'})
    end)
    after_each(function() small:close() end)

    local function listed()
        local result = salvor.run({"runs", "--output", "json"}, {home = small.home})
        salvor.expect_code(0, result)
        return must(json.decode(result.stdout))
    end

    it("is there with a journal that has begun, or not at all", function()
        for _, moment in ipairs({{"fs.lock", 1, "before"}, {"fs.lock", 1, "after"},
                                 {"journal.append", 1, "before"}, {"journal.append", 1, "after"},
                                 {"fs.rename", 1, "before"}}) do
            killed.kill(small, moment, small:words("run"))
            assert.same({}, listed(), table.concat(moment, " "))
        end
        killed.kill(small, {"fs.rename", 1, "after"}, small:words("run"))
        assert.same({"interrupted", small.id}, {listed()[1].status, listed()[1].procedure})
        salvor.expect_code(0, small:run({"--resume", listed()[1].run}))
        assert.equal("done", listed()[1].status)
    end)

    it("that a kill left half made or half removed is removed a day later", function()
        local _, folder = small:runs()
        local old, young = folder .. "/.20200101-000000-abcdef",
            os.date("!" .. folder .. "/.%Y%m%d-%H%M%S-abcdef")
        for _, path in ipairs({old, young}) do
            must(fs.mkdir(path, {parents = true}))
            must(fs.write(path .. "/lock", ""))
        end
        salvor.expect_code(0, small:run())
        assert.is_nil(fs.stat(old))
        assert.truthy(fs.stat(young))
        assert.equal(1, #listed())
    end)
end)
