-- Parameters that are unknown or of the wrong type are refused by each procedure before any cluster
-- is asked.
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")
local salvor = require("support.salvor")

--- What is right and what is wrong for each type that can be wrong.
local RIGHT = {name = "some", string = "some", path = "/some", url = "/some", list = "some",
               secret = "some"}
local WRONG = {integer = "1.5", boolean = "maybe", duration = "soon", size = "large",
               name = "No Name", url = "s3:/bucket", enum = "none-of-them"}

describe("parameters of", function()
    local home

    setup(function()
        home = must(fs.temporary_folder())
    end)

    teardown(function()
        must(fs.remove_tree(home))
    end)

    --- Runs it with what it must be given, and this value; it must be refused for it.
    local function expect_refusal(procedure, name, value, says)
        local words = {"run", procedure.id, "-p", name .. "=" .. value}
        for _, param in ipairs(procedure.params) do
            if param.required and param.name ~= name then
                table.move({"-p", param.name .. "=" .. RIGHT[param.type]}, 1, 2, #words + 1, words)
            end
        end
        local result = salvor.run(words, {home = home})
        salvor.expect_code(2, result)
        salvor.expect(result.stderr, "parameter '" .. name .. "'", says)
        assert.equal("", result.stdout)
    end

    for _, id in ipairs(loader.ids()) do
        it(id .. " are refused when they are unknown, or of the wrong type", function()
            local procedure = loader.load(id)
            expect_refusal(procedure, "no_such_thing", "1", "unknown")
            for _, param in ipairs(procedure.params) do
                if WRONG[param.type] then
                    expect_refusal(procedure, param.name, WRONG[param.type], "is not valid")
                end
            end
            assert.is_nil(fs.stat(fs.join(home, "state")))
        end)
    end
end)
