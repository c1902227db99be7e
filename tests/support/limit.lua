--- For tests of what has no end of its own: broken, it is to fail and not to hang.
local task = require("salvor.task")

--- A test that fails after so many seconds.
return function(seconds, test)
    return function()
        local done, err = task.timeout(seconds, function()
            test()
            return true
        end)
        if not done then
            error(err.op == "task.timeout" and "the test was not done within " .. seconds .. " s"
                or err, 0)
        end
    end
end
