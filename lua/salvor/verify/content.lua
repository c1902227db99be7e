--- Looking into objects: all of them, some, or none, as the mode says, and several at a time.
---
--- A job: item, range ({offset, length} of a file within an object), compression, tar, digest
--- ("sha1"), packed_digest, and done(summary, problem), which is told what is in it, or what is
--- wrong with it: an error object of code Corrupt, Changed or NotFound.
local errors = require("salvor.error")
local inspect = require("salvor.inspect")
local task = require("salvor.task")

local content = {}
content.__index = content

-- Jobs that are collected before the workers start on them.
local BATCH = 256

-- Errors that are about the object and not about the way to it.
local OF_OBJECT = {Corrupt = true, Changed = true, NotFound = true}

--- mode: "quick", "sample" or "full"; `sample`: how many objects.
function content.new(source, mode, sample, workers)
    return setmetatable({source = source, mode = mode, sample = sample, workers = workers,
                         jobs = {}, met = 0, unseen = 0}, content)
end

local function take_entries(inspection, each)
    for _, entry in ipairs(inspection:entries()) do
        each(entry)
    end
end

--- inspect(source, job [, each]) -> summary, or nil and an error that is about the object. Other
--- errors are raised. each(entry) is called for each entry of a tar archive.
function content.inspect(source, job, each)
    local inspection <close> = must(inspect.new({
        compression = job.compression or "none",
        tar = job.tar,
        digest = job.digest,
        packed_digest = job.packed_digest,
        entries = each ~= nil,
    }))
    local ok, err = pcall(source.stream, source, job.item, job.range, function(bytes)
        local state = inspection:feed(bytes)
        while state == "entries" do
            take_entries(inspection, each)
            state = inspection:feed()
        end
        return state == "more"
    end)
    if not ok then
        if errors.is(err) and OF_OBJECT[err.code] then
            return nil, err
        end
        error(err, 0)
    end
    local summary, problem = inspection:finish()
    while summary == false do
        take_entries(inspection, each)
        summary, problem = inspection:finish()
    end
    if each then
        take_entries(inspection, each)
    end
    if not summary and not OF_OBJECT[problem.code] then
        error(problem, 0)
    end
    return summary, problem
end

function content:_look(job)
    local summary, problem = content.inspect(self.source, job)
    self.source:was_read(summary and summary.packed or 0)
    job.done(summary, problem)
end

local function size_of(job)
    return job.range and job.range.length or job.item.size
end

function content:_run()
    local jobs = self.jobs
    self.jobs = {}
    -- The largest first, so that no worker is left alone with one in the end.
    table.sort(jobs, function(a, b)
        return size_of(a) > size_of(b)
    end)
    task.map(jobs, function(job) self:_look(job) end, {workers = self.workers})
end

--- Takes a job, to be done now, later or, in quick mode and when the sample has no room, never.
function content:add(job)
    if self.mode == "full" then
        self.jobs[#self.jobs + 1] = job
        if #self.jobs >= BATCH then
            self:_run()
        end
    elseif self.mode == "sample" then
        -- Each one that is met ends up in the sample with the same probability.
        self.met = self.met + 1
        local place = self.met <= self.sample and self.met or math.random(self.met)
        if place <= self.sample then
            self.jobs[place] = job
        end
    end
end

--- There is content of a file that nothing can be compared with.
function content:cannot()
    self.unseen = self.unseen + (self.mode == "full" and 1 or 0)
end

function content:finish()
    self:_run()
end

return content
