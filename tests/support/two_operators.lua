--- Two operators who run a procedure on the same namespace at the same time: one does it, the other
--- is told who, and changes nothing.
--
--     two_operators.define({start = function() return apic.start() end})
--
-- defines that test inside a describe(). start() makes an operation (see support.operation);
-- words: the command, or words(target) -> that; the procedure's run when nil.
local busted = require("busted")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local luassert = require("luassert")
local salvor = require("support.salvor")
local task = require("salvor.task")

local two_operators = {}

local HOLD = fs.absolute("tests/support/hold.lua")

--- All objects of the world and their versions, but for the Lease, which is renewed all the time.
local function snapshot(target)
    local seen = target.world and target.world:snapshot() or {}
    seen["leases.coordination.k8s.io/salvor"] = nil
    return seen
end

function two_operators.define(options)
    busted.it("lets one of two operators in", function()
        local target <close> = options.start()
        local words = type(options.words) == "function" and options.words(target)
            or options.words or target:words("run")
        local other = setmetatable({home = must(fs.temporary_folder())}, {__index = target})
        local first = task.spawn(function()
            return target:salvor(table.move(words, 1, #words, 2, {HOLD}))
        end)
        eventually("the lock of the first", function()
            return fs.stat(target.home .. "/holding")
        end)
        local before = snapshot(target)
        local second = other:salvor(words)
        luassert.same(before, snapshot(target))
        must(fs.write(target.home .. "/go", ""))
        salvor.expect_code(0, first:join())
        salvor.expect_code(1, second)
        salvor.expect(second.stderr, "somebody works on namespace " .. target.namespace
            .. " already: ", target:only_run(), "nothing was changed")
        must(fs.remove_tree(other.home))
    end)
end

return two_operators
