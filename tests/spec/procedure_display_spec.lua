-- What a run shows while it is at work: one live line on a terminal, plain lines elsewhere.
local lab = require("support.lab")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")

local ID = "site/script"

lab.describe("the display of a run", function()
    local small

    before_each(function()
        small = small_procedure.new()
    end)

    after_each(function()
        small:close()
    end)

    --- A step that waits for a pod that nobody starts.
    local function wait_for_pod()
        must(small.client:create({apiVersion = "v1", kind = "ServiceAccount",
                                  metadata = {name = "default"}}))
        must(small.client:create({apiVersion = "v1", kind = "Pod", metadata = {name = "p"},
                                  spec = {containers = {{name = "c", image = "none"}}}}))
        small:steps({'id = "one", run = function() note("one") end',
                     'id = "two", run = function(ctx)'
                        .. ' ctx.k8s:wait("pod", "p", {stall = 1, timeout = 2.5}) end'})
    end

    local function on_terminal()
        return small:run({ID}, {prefix = {"python3", "tests/support/terminal.py", "never", ""}})
    end

    it("off a terminal has a line with the time for each step, and one for each change", function()
        wait_for_pod()
        local result = small:run()
        salvor.expect_code(0, result)
        assert.equal("", result.stderr)
        assert.is_nil(result.stdout:find("[\r\27]"))
        local lines = table.concat(salvor.lines(result.stdout), "\n")
        assert.truthy(lines:find("  %d%d:%d%d:%d%dZ   one +A step %(step 1 of 2%)\n"
            .. "  done +one +A step\n  %d%d:%d%d:%d%dZ   two +A step %(step 2 of 2%)\n"), lines)
        salvor.expect(lines, "pods p: phase Pending", "nothing has changed for a while")
        -- It goes on for 2.5 seconds: not yet, then stuck.
        assert.is_true(select(2, lines:gsub("\n *pods p: ", "")) <= 3, lines)
    end)

    it("off a terminal tells of each step what it waits for, also when it is the same", function()
        wait_for_pod()
        local wait = 'run = function(ctx) ctx.k8s:wait("pod", "p", {timeout = 2.5}) end'
        small:steps({'id = "one", ' .. wait, 'id = "two", ' .. wait})
        local result = small:run()
        salvor.expect_code(0, result)
        assert.equal(2, select(2, result.stdout:gsub("pods p: phase Pending", "")), result.stdout)
    end)

    it("on a terminal is a line that tells the step, for how long, and what keeps it", function()
        wait_for_pod()
        local result = on_terminal()
        salvor.expect(result.stdout, "\r\27[Kstep 1 of 2 one, 0s",
            "\r\27[K              pods p: nothing has changed for a while: ")
        assert.truthy(result.stdout:find("\r\27%[Kstep 2 of 2 two, %ds: pods p: phase Pending"))
        -- Once is enough, since it stays there.
        assert.equal(1, select(2, result.stdout:gsub("nothing has changed", "")))
        assert.is_nil(result.stdout:find("%d%d:%d%d:%d%dZ"))
    end)

    it("on a terminal tells for how long where nothing is waited for", function()
        -- The clock ticks once a second, at any moment of it.
        small:steps({'id = "one", run = function() task.sleep(2.2) end'})
        local shown = on_terminal().stdout
        salvor.expect(shown, "\r\27[Kstep 1 of 1 one, 0s")
        assert.truthy(shown:find("\r\27%[Kstep 1 of 1 one, [12]s"), shown)
    end)

    it("keeps quiet while something is asked", function()
        local result = salvor.run({"-e", [[
            local observer = require("salvor.procedure.display").new(io.stdout)
            observer.wait("thing", {state = "waited for", elapsed = 1})
            require("salvor.task").race({observer.live, function()
                print(observer.confirm({}, "everything"))
            end})]]}, {home = small.home, env = {TERMINAL_PAUSE = "1.5"},
            prefix = {"python3", "tests/support/terminal.py", "to go on:", "everything\\n"}})
        salvor.expect(result.stdout, "thing: waited for",
            "this destroys everything; type everything to go on: everything\r\ntyped")
    end)

    it("is plain where several share a terminal", function()
        local result = salvor.run({"-e", [[
            local shared = {write = function(_, ...) io.stdout:write(...) end, flush = print}
            local observer = require("salvor.procedure.display").new(shared)
            assert(observer.live == nil and observer.undo({id = "one", title = "One"}) == nil)
            observer.wait("thing", {state = "waited for", elapsed = 1})]]}, {home = small.home,
            prefix = {"python3", "tests/support/terminal.py", "never", ""}})
        salvor.expect(result.stdout, "0, echo on", "              thing: waited for\r\n")
    end)

    it("off a terminal has at most one line a second of what is waited for", function()
        local result = salvor.run({"-e", [[
            local display = require("salvor.procedure.display")
            local task = require("salvor.task")
            local observer = display.new(io.stdout)
            local began, number = task.now(), 0
            while task.now() - began < 1.5 do
                number = number + 1
                observer.wait("thing", {state = "state " .. number, elapsed = 1})
                task.sleep(0.05)
            end
            io.stderr:write(task.now() - began)]]}, {home = small.home})
        salvor.expect_code(0, result)
        local count = #salvor.lines(result.stdout)
        assert.is_true(count >= 2 and count <= 1 + tonumber(result.stderr), result.stdout)
    end)

    it("says the same only once, and how many more are waited for", function()
        local result = salvor.run({"-e", [[
            local observer, clock = require("salvor.procedure.display").new(io.stdout), 0
            require("salvor.task").now = function() return clock end
            for number = 0, 3 do
                clock = number * 10
                observer.wait("thing a", {state = "half", left = 3})
            end]]}, {home = small.home})
        assert.equal("              thing a: half (and 2 more)\n", result.stdout)
    end)

    it("can be followed by whoever reads it through a pipe", function()
        small:steps({'id = "one", run = function() wait_for_go() end'})
        local words = {"sh", "-c", [["$0" "$@" | { while read -r line; do case $line in
            *"step 1 of 1"*) touch "$HOME/go" ;; esac; done; }]]}
        local result = small:run({ID}, {prefix = words})
        salvor.expect_code(0, result)
    end)
end)
