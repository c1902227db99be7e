--- For tests of what has no end of its own: broken, it is to fail and not to hang.
local task = require("salvor.task")

local LIMIT = 120 -- seconds, for the slowest of machines

--- The test, which fails when it takes too long.
return function(test)
    return function()
        local done, err = task.timeout(LIMIT, function()
            test()
            return true
        end)
        if not done then
            error(err.op == "task.timeout" and "the test was not done within " .. LIMIT .. " s"
                or err, 0)
        end
    end
end
