--- Tests of the checks of a procedure that makes a recovery kit, inside a describe(). A case is
--- {title, options of the world, spoil(operation), params, says (a list of what is told)};
--- start(options) -> a support.kit_operation.
local busted = require("busted")
local fs = require("salvor.fs")
local luassert = require("luassert")
local salvor = require("support.salvor")

local preparation = {}

local function spoiled(start, case)
    local operation = start(case.options)
    if case.spoil then
        case.spoil(operation)
    end
    return operation
end

--- Each says exactly what is wrong and what to do, ends with 4, writes no kit and changes no
--- object.
function preparation.refuses(start, cases)
    for _, case in ipairs(cases) do
        busted.it(case[1], function()
            local operation <close> = spoiled(start, case)
            local kit = fs.stat(operation.kit)
            local result = operation:expect_refused(case.params, table.unpack(case.says))
            luassert.equal("", result.stderr)
            luassert.is_nil(result.stdout:find("[\1-\9\11-\31\127]"))
            luassert.same(kit, fs.stat(operation.kit))
        end)
    end
end

--- What is said though the run is done.
function preparation.warns(start, cases)
    for _, case in ipairs(cases) do
        busted.it(case[1], function()
            local operation <close> = spoiled(start, case)
            local result = operation:run(case.params)
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "warning: ", table.unpack(case.says))
        end)
    end
end

return preparation
