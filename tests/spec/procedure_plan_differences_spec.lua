-- In what a saved plan and the same one made anew differ, line by line.
local copy = require("salvor.copy")
local differences = require("salvor.procedure.plan_differences")

--- A plan of one step with one effect.
local function document()
    return {
        cluster = {server = "https://one", uid = "u1"},
        script = {source = "bundled scripts/a/b.lua", sha256 = "s1"},
        namespace = "apic",
        params = {kit = "/kit"},
        steps = {{step = "save", status = "planned", effects = {{
            verb = "patch", target = "ConfigMap apic/c", class = "change", uid = "c1",
            changes = {{op = "~", path = "data.a", before = "1", after = "2"},
                       {op = "+", path = "data.b", after = "3"},
                       {op = "+", path = "spec.clusterIP", after = "10.0.0.1", by = "server"}},
        }}}},
    }
end

--- The lines for what change(document, its step, its effect) does to the plan that is made anew.
local function lines(change)
    local saved, now = document(), document()
    change(now, now.steps[1], now.steps[1].effects[1])
    return differences(saved, now)
end

local EFFECT = "step save, effect 1, patch ConfigMap apic/c: "

describe("two plans", function()
    it("are the same when nothing but what the server fills in is different", function()
        assert.same({}, lines(function() end))
        assert.same({}, lines(function(_, _, effect)
            effect.changes[3].after = "10.0.0.2"
        end))
        assert.same({}, lines(function(_, _, effect)
            table.remove(effect.changes, 3)
        end))
        assert.same({}, lines(function(_, _, effect)
            effect.uid = nil -- as in plans of an earlier Salvor
        end))
    end)

    for title, case in pairs({
        ["another value before"] = {EFFECT .. "data.a was to go from 1 to 2, it is now to go from 9"
            .. " to 2", function(_, _, effect) effect.changes[1].before = "9" end},
        ["another value after"] = {EFFECT .. "data.b was to be 3, it is now to be 4",
            function(_, _, effect) effect.changes[2].after = "4" end},
        ["another kind of change"] = {EFFECT .. "data.b was to be 3, it is now to go",
            function(_, _, effect) effect.changes[2] = {op = "-", path = "data.b"} end},
        ["a change that is gone"] = {EFFECT .. "data.b was to be 3, and is left as it is now",
            function(_, _, effect) table.remove(effect.changes, 2) end},
        ["a new change"] = {EFFECT .. "data.c was to be left as it is, it is now to be 5",
            function(_, _, effect)
                table.insert(effect.changes, {op = "+", path = "data.c", after = "5"})
            end},
        ["another object of that name"] = {EFFECT .. "was made anew by somebody: it has another"
            .. " uid",
            function(_, _, effect) effect.uid = "c2" end},
        ["another class"] = {EFFECT .. "was 'change', is 'none'",
            function(_, _, effect) effect.class = "none" end},
        ["something else to wait for"] = {EFFECT .. "wanted was nothing, is to be ready",
            function(_, _, effect) effect.wanted = "to be ready" end},
        ["another time limit"] = {EFFECT .. "timeout was nothing, is 5",
            function(_, _, effect) effect.timeout = 5 end},
        ["another effect"] = {"step save, effect 1: was patch ConfigMap apic/c, is delete ConfigMap"
            .. " apic/c", function(_, _, effect) effect.verb = "delete" end},
        ["an effect less"] = {"step save, effect 1: patch ConfigMap apic/c would not be done any"
            .. " more", function(_, step) step.effects = {} end},
        ["an effect more"] = {"step save, effect 2: delete Pod apic/p was not in the plan",
            function(_, step)
                table.insert(step.effects, {verb = "delete", target = "Pod apic/p"})
            end},
        ["another status"] = {"step save: was planned, is done",
            function(_, step) step.status = "done" end},
        ["another origin"] = {'step save: came from the script, comes from {"file":"h.lua"}',
            function(_, step) step.origin = {file = "h.lua"} end},
        ["another step"] = {"step 1: was save, is load", function(_, step) step.step = "load" end},
        ["a step more"] = {"step 2: was nothing, is load", function(now)
            now.steps[2] = {step = "load", status = "planned"}
        end},
        ["another cluster"] = {"cluster: was https://one (u1), is https://one (u2)",
            function(now) now.cluster.uid = "u2" end},
        ["another server, where no cluster tells its uid"] = {"cluster: was https://one (u1), is"
            .. " https://two (nothing)", function(now) now.cluster = {server = "https://two"} end},
        ["another script"] = {"script: was bundled scripts/a/b.lua (SHA-256 s1), is bundled"
            .. " scripts/a/b.lua (SHA-256 s2)", function(now) now.script.sha256 = "s2" end},
        ["another hook"] = {"script: was bundled scripts/a/b.lua (SHA-256 s1), is bundled"
            .. " scripts/a/b.lua (SHA-256 d2)", function(now) now.script.digest = "d2" end},
        ["another namespace"] = {"namespace: was apic, is other",
            function(now) now.namespace = "other" end},
        ["another parameter"] = {"parameter kit: was /kit, is /other",
            function(now) now.params.kit = "/other" end},
        ["a parameter more"] = {"parameter deep: was nothing, is true",
            function(now) now.params.deep = "true" end},
    }) do
        it("differ in " .. title, function()
            assert.same({case[1]}, lines(case[2]))
        end)
    end

    it("are on the same cluster when its uid is the same, however it is reached", function()
        assert.same({}, lines(function(now)
            now.cluster.server = "https://two"
        end))
    end)

    it("that have little in common are told by a hundred lines", function()
        local told = lines(function(_, _, effect)
            for number = 1, 200 do
                effect.changes[3 + number] = copy.merge(effect.changes[2],
                    {path = "data.x" .. number})
            end
        end)
        assert.equal(101, #told)
        assert.equal("and more", told[101])
    end)
end)
