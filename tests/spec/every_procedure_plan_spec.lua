-- A plan of whichever procedure changes nothing: no object, no file, nothing in storage.
local every_procedure = require("support.every_procedure")
local fs = require("salvor.fs")
local lab = require("support.lab")
local loader = require("salvor.procedure.loader")
local salvor = require("support.salvor")
local site = require("salvor.procedure.site")

--- Whether there is a spec for what kill -9 leaves of the procedure.
local function has_killed_spec(id)
    local prefix = "^" .. id:gsub("%W", "_") .. "_killed[%w_]*_spec%.lua$"
    for _, entry in ipairs(must(fs.list("tests/spec"))) do
        if entry.name:find(prefix) then
            return true
        end
    end
    return false
end

describe("the procedures that are tested in the same way", function()
    it("are all that are bundled", function()
        assert.same(loader.ids(site.open()), every_procedure.ids)
    end)

    it("have each a spec of kill -9 at every moment", function()
        for _, id in ipairs(every_procedure.ids) do
            assert.is_true(has_killed_spec(id), id)
        end
    end)
end)

lab.describe("a plan of", function()
    every_procedure.describe(function(start)
        it("changes nothing, as text and as JSON", function()
            local operation <close> = start()
            local before = operation:everything()
            local text = operation:plan()
            salvor.expect_code(0, text)
            salvor.expect(text.stdout, "nothing was changed")
            assert.same(before, operation:everything())
            local plan, result = operation:plan_json()
            salvor.expect_code(0, result)
            assert.is_false(plan.failed)
            assert.same(before, operation:everything())
        end)
    end)
end)
