-- How far a copy is, in words: bytes, rate, time left; and how often it is said.
local progress = require("salvor.store.progress")
local salvor = require("support.salvor")
local task = require("salvor.task")

local MiB = 1 << 20

describe("the progress of a copy", function()
    local now, clock

    before_each(function()
        now, clock = task.now(), task.now
        task.now = function()
            return now
        end
    end)

    after_each(function()
        task.now = clock
    end)

    it("is told a few times a second, with the rate of late and what is left", function()
        local states = {}
        local line = progress.new(function(state)
            states[#states + 1] = state
        end, "copied")
        line:set_total(100 * MiB, 4)
        for _ = 1, 100 do
            now = now + 0.1
            line:add(MiB // 10, 0)
        end
        line:add(0, 1)
        assert.is_true(#states >= 30 and #states <= 50, #states)
        local last = states[#states]
        assert.is_true(math.abs(last.rate - MiB) < MiB / 20, last.rate)
        assert.is_true(math.abs(last.seconds_left - 90) < 6, last.seconds_left)
        -- Five seconds later nobody remembers how fast it was.
        for _ = 1, 100 do
            now = now + 0.1
            line:add(MiB // 100, 0)
        end
        last = states[#states]
        assert.is_true(math.abs(last.rate - MiB / 10) < MiB / 50, last.rate)
        line:finish()
        assert.is_nil(states[#states].seconds_left)
        assert.are.equal(1, states[#states].objects)
    end)

    it("says nothing of a rate before there is one, and what was there already is none", function()
        local states = {}
        local line = progress.new(function(state)
            states[#states + 1] = state
        end, "copied")
        line:set_total(100 * MiB, 4)
        now = now + 1
        line:found(50 * MiB, 1)
        assert.are.equal(1, #states)
        assert.are.equal(50 * MiB, states[1].bytes)
        assert.is_nil(states[1].rate)
        assert.is_nil(states[1].seconds_left)
        now = now + 1
        line:add(2 * MiB, 0)
        assert.are.equal(MiB, states[2].rate)
        assert.are.equal(48, states[2].seconds_left)
        now = now + 10
        line:tick()
        line:tick()
        now = now + 10
        line:tick()
        assert.are.equal(4, #states)
        assert.are.equal(0, states[4].rate)
        assert.is_nil(states[4].seconds_left)
        line:finish()
        assert.are.equal(2 * MiB / 22, states[5].rate)
    end)

    it("shows durations as people say them", function()
        assert.are.equal("0s", progress.duration(0.2))
        assert.are.equal("59s", progress.duration(59.4))
        assert.are.equal("1m00s", progress.duration(59.6))
        assert.are.equal("1h01m", progress.duration(3660))
    end)

    it("is one line per second where there is no terminal", function()
        local result = salvor.run({"-e", [[
            local progress, task = require("salvor.store.progress"), require("salvor.task")
            local line = progress.new(true, "copied")
            line:set_total(1 << 30, 3)
            task.sleep(0.3)
            line:tick()
            local began = task.now()
            while task.now() - began < 2.5 do
                task.sleep(0.02)
                line:add(1 << 20, 0)
            end
            line:finish()
            print(task.now() - began)]]}, {home = "/tmp"})
        local lines = salvor.lines(result.stderr)
        -- One at once, and the last.
        assert.is_true(#lines >= 3 and #lines <= 2 + tonumber(result.stdout), result.stderr)
        assert.are.equal("copied 0% 0 B of 1.0 GiB, 0 of 3 files", lines[1])
        assert.is_truthy(lines[2]:match(
            "^copied %d+%% [%d.]+ MiB of 1%.0 GiB, [%d.]+ MiB/s, 0 of 3 files, .* left$"), lines[2])
        assert.is_truthy(lines[#lines]:match(" files$"), lines[#lines])
    end)
end)
