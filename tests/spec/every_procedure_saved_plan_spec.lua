-- A saved plan of whichever procedure holds as long as nothing has changed: it is run as planned.
local every_procedure = require("support.every_procedure")
local fs = require("salvor.fs")
local lab = require("support.lab")
local loader = require("salvor.procedure.loader")
local salvor = require("support.salvor")

--- The command that runs it. Secrets are not in a plan: they are given again.
local function run_words(operation, file)
    local words, given = {"run", "--plan", file, "--yes"}, operation:common_params()
    for _, param in ipairs(loader.load(operation.id).params) do
        if param.type == "secret" and given[param.name] then
            table.move({"-p", param.name .. "=" .. given[param.name]}, 1, 2, #words + 1, words)
        end
    end
    return words
end

lab.describe("a saved plan of", function()
    every_procedure.describe(function(start)
        it("is run, where nothing has changed meanwhile", function()
            local operation <close> = start()
            local file = fs.join(operation.home, "plan.json")
            local words = operation:words("plan")
            table.move({"--save", file}, 1, 2, #words + 1, words)
            salvor.expect_code(0, operation:salvor(words))
            salvor.expect_code(0, salvor.run(run_words(operation, file),
                {home = operation.home, env = operation.env}))
        end)
    end)
end)
