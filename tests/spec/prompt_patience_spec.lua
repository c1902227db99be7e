-- What completion says when a cluster or a store does not answer.
local cluster = require("salvor.prompt.complete.cluster")
local stores = require("salvor.prompt.complete.stores")
local task = require("salvor.task")

local function hang()
    task.sleep(math.huge)
end

--- The problems that are told of until the background has nothing to do any more.
local function told_of(known, ask)
    local problems, background = {}, {}
    local prompt = {background = function(_, fn)
        background[#background + 1] = task.spawn(fn)
    end}
    ask(known.new(prompt, function(problem)
        problems[#problems + 1] = problem == nil and "nothing" or tostring(problem)
    end))
    for _, running in ipairs(background) do
        running:join()
    end
    return problems
end

describe("completion", function()
    local timeout = task.timeout

    before_each(function()
        function task.timeout(_, fn) -- luacheck: ignore 122
            return timeout(0, fn)
        end
    end)

    after_each(function()
        task.timeout = timeout -- luacheck: ignore 122
    end)

    it("says why there is nothing of a cluster that does not answer", function()
        assert.are.same({"completion: no answer within 10 s (Timeout)"},
            told_of(cluster, function(known)
                known:kinds({kinds = hang})
            end))
    end)

    it("says why there is nothing of a store that does not answer", function()
        assert.are.same({"completion: no answer within 10 s (Timeout)"},
            told_of(stores, function(known)
                known:paths({url = "s3://x", _backend = {list = hang}}, "")
            end))
    end)
end)
