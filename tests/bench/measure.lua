--- What the benchmarks share: whole processes, run in turn, and a table of what came out.
---
--- Each pair is run A B A B ..., so that both see the same machine. Shown are the medians of the
--- seconds on the clock, their ratio, and for one more run of each (by GNU time: a process started
--- from here would count our own memory as its own) the seconds of the processor and the peak of
--- memory, that of the largest where one starts others. Nothing here passes or fails: the figures
--- are for people, on one machine, in one run.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")
local ui = require("salvor.ui")

local measure = {}
measure.__index = measure

local RUNS = 9
local COLUMNS = {"WHAT", "A", "B", "A ms", "B ms", "A/B", "AT MOST", "A CPU", "B CPU", "A MiB",
                 "B MiB", "A/B", "AT MOST", "BARE", "BARE ms"}

--- `scratch` is a folder for what is written, `env` what the processes get.
function measure.new(scratch, env)
    return setmetatable({scratch = scratch, env = env, rows = {}, notes = {}}, measure)
end

-- What a program prints goes nowhere, at the same price for all.
local function quiet(argv)
    local all = {"sh", "-c", 'exec "$@" > /dev/null', "sh"}
    table.move(argv, 1, #argv, #all + 1, all)
    return all
end

function measure:run(argv)
    local result = must(proc.run(quiet(argv), {timeout = 300, env = self.env}))
    assert(result.code == 0, table.concat(argv, " ") .. " failed: " .. result.stderr)
    return result
end

function measure:seconds(argv)
    local began = task.now()
    self:run(argv)
    return task.now() - began
end

local function median(numbers)
    table.sort(numbers)
    return numbers[(#numbers + 1) // 2]
end

--- The processor's seconds and the peak in MiB of one run.
function measure:usage(argv)
    local path = fs.join(self.scratch, "usage")
    local timed = {"/usr/bin/time", "-o", path, "-f", "%U %S %M"}
    table.move(argv, 1, #argv, #timed + 1, timed)
    self:run(timed)
    local user, system, kilobytes = must(fs.read(path)):match("(%S+) (%S+) (%d+)%s*$")
    return tonumber(user) + tonumber(system), tonumber(kilobytes) / 1024
end

local function text(format, number)
    return number and format:format(number) or ""
end

--- One line of the table. `a` and `b` are {name =, argv =}; limits: time and memory (what A/B may
--- be), mebibytes (what A may take), bare (a third one, which only moves the same bytes, such as
--- curl: the limit), runs, before (a function that is called before each run).
function measure:pair(what, a, b, limits)
    limits = limits or {}
    local before, bare = limits.before or function() end, limits.bare
    local function seconds(argv)
        before()
        return self:seconds(argv)
    end
    local times_a, times_b, times_bare = {}, {}, {}
    seconds(a.argv)
    seconds(b.argv)
    for run = 1, limits.runs or RUNS do
        times_a[run] = seconds(a.argv)
        times_b[run] = seconds(b.argv)
        times_bare[run] = bare and seconds(bare.argv)
    end
    local time_a, time_b, time_bare = median(times_a), median(times_b), median(times_bare)
    before()
    local cpu_a, memory_a = self:usage(a.argv)
    before()
    local cpu_b, memory_b = self:usage(b.argv)
    self.rows[#self.rows + 1] = {
        what, a.name, b.name,
        text("%.1f", time_a * 1000), text("%.1f", time_b * 1000),
        text("%.2f", time_a / time_b), text("%.2f", limits.time),
        text("%.2f s", cpu_a), text("%.2f s", cpu_b),
        text("%.1f", memory_a), text("%.1f", memory_b),
        text("%.2f", memory_a / memory_b),
        limits.mebibytes and text("%d MiB", limits.mebibytes) or text("%.2f", limits.memory),
        bare and bare.name or "", text("%.1f", time_bare and time_bare * 1000),
    }
end

--- One line of a program that has nothing beside it.
function measure:single(what, a, mebibytes)
    local began = task.now()
    local cpu, memory = self:usage(a.argv)
    self.rows[#self.rows + 1] = {
        what, a.name, "", text("%.1f", (task.now() - began) * 1000), "", "", "",
        text("%.2f s", cpu), "", text("%.1f", memory), "", "",
        text("%d MiB", mebibytes), "", "",
    }
end

--- A line below the table.
function measure:note(line)
    self.notes[#self.notes + 1] = line
end

--- Says why something is not measured.
function measure:leave_out(what, why)
    self:note(what .. ": not measured, " .. why)
end

function measure:script(name, code)
    local path = fs.join(self.scratch, name .. ".lua")
    must(fs.write(path, code))
    return path
end

function measure:print()
    if #self.rows > 0 then
        ui.print_table(COLUMNS, self.rows)
    end
    for _, note in ipairs(self.notes) do
        print(note)
    end
end

return measure
