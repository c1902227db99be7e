--- What a watch tells, for as long as a test may take: a watch does not end by itself, and one that
--- is broken is to fail its test.
local fail = require("salvor.error").new
local task = require("salvor.task")

local LIMIT = 60 -- seconds

local watching = {}

local function too_long(text)
    return fail({code = "Timeout", op = "spec",
                 message = string.format("%s took longer than %g s", text, LIMIT)})
end

--- What fn() returns; raises an error with what() when that takes too long.
local function within(what, fn)
    local deadline = task.now() + LIMIT
    local done = false
    local result = table.pack(task.timeout(LIMIT, function()
        -- One that never waits is not ended by the timeout.
        debug.sethook(function()
            if task.now() > deadline + 1 then
                error(too_long(what()), 0)
            end
        end, "", 1000000)
        local all = table.pack(fn())
        debug.sethook()
        done = true
        return table.unpack(all, 1, all.n)
    end))
    if not done then
        error(too_long(what()), 0)
    end
    return table.unpack(result, 1, result.n)
end

--- "TYPE name" of each event until `count` have come or the watch has ended, and the events.
--- `react` is called, beside the watch, when the first has come.
function watching.collect(client, count, opts, react)
    local seen, whole = {}, {}
    return within(function()
        return "a watch that has told [" .. table.concat(seen, ", ") .. "]"
    end, function()
        for event in client:watch("configmaps", opts) do
            seen[#seen + 1] = event.type .. " " .. event.object.metadata.name
            whole[#whole + 1] = event
            if #seen == count then
                break
            elseif #seen == 1 and react then
                task.spawn(react)
            end
        end
        return seen, whole
    end)
end

--- What fn() returns, or an error when that takes too long.
function watching.within(fn)
    return within(function() return "the test" end, fn)
end

return watching
