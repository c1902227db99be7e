--- Waits for objects that an operator makes one after the other: nobody says which is the last.
local task = require("salvor.task")

-- Seconds between two looks.
local LOOK, SHORTEST = 2, 0.1

local function wait(ctx, options, look)
    local deadline = task.now() + options.timeout
    local seen, since
    while true do
        local found, count, err = look()
        local is_new = count ~= seen
        if is_new then
            seen, since = count, task.now()
        end
        ctx.wait(options.target, {state = count .. " so far"})
        local has_settled = not is_new and task.now() - since >= options.settle
        if found and (options.any or has_settled) then
            return found
        elseif task.now() > deadline then
            return found, err
        end
        task.sleep(math.max(SHORTEST, math.min(LOOK, options.settle / 4)))
    end
end

--- settled(ctx, options, look) -> what is found when no more have come for a while, or at the end
--- of time; nil in a plan. look() -> what is found, how many there are; or nil, how many, and the
--- error that is raised when time is over. options: target and wanted (text for plan and journal),
--- timeout, settle (seconds without another one), any (whatever is found first will do).
return function(ctx, options, look)
    if ctx.planning then
        ctx:perform({verb = "wait for", class = "wait", target = options.target,
                     wanted = options.wanted, timeout = options.timeout})
        return nil
    end
    return must(ctx.performer:await(options, function()
        return wait(ctx, options, look)
    end))
end
