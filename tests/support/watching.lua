--- What a watch tells, for as long as a test may take: a watch does not end by itself, and one that
--- is broken is to fail its test.
local fail = require("salvor.error").new
local task = require("salvor.task")

local LIMIT = 15 -- seconds

local watching = {}

--- What fn() returns; raises what(), an error object, when that takes longer than so many seconds.
local function within(seconds, what, fn)
    local deadline = task.now() + seconds
    local done = false
    local result = table.pack(task.timeout(seconds, function()
        -- One that never waits is not ended by the timeout.
        debug.sethook(function()
            if task.now() > deadline + 1 then
                error(what(), 0)
            end
        end, "", 1000000)
        local all = table.pack(fn())
        debug.sethook()
        done = true
        return table.unpack(all, 1, all.n)
    end))
    if not done then
        error(what(), 0)
    end
    return table.unpack(result, 1, result.n)
end

local function too_long(text, seconds)
    return fail({code = "Timeout", op = "spec",
                 message = string.format("%s took longer than %g s", text, seconds)})
end

--- "TYPE name" of each event until `count` have come or the watch has ended, and the events.
function watching.collect(client, count, opts)
    local seen, whole = {}, {}
    return within(LIMIT, function()
        return too_long("a watch that has told [" .. table.concat(seen, ", ") .. "]", LIMIT)
    end, function()
        for event in client:watch("configmaps", opts) do
            seen[#seen + 1] = event.type .. " " .. event.object.metadata.name
            whole[#whole + 1] = event
            if #seen == count then
                break
            end
        end
        return seen, whole
    end)
end

--- What fn() returns, or an error after so many seconds.
function watching.within(seconds, fn)
    return within(seconds, function() return too_long("the test", seconds) end, fn)
end

return watching
