--- How far a copy is: bytes, rate and time left, as one live line, or one line per second where
--- there is no terminal.
local task = require("salvor.task")
local ui = require("salvor.ui")

local progress = {}
progress.__index = progress

local WINDOW = 5 -- seconds that the rate is of
local STEP = 0.2

--- A duration for people: 75 -> "1m15s".
function progress.duration(seconds)
    seconds = math.floor(seconds + 0.5)
    if seconds < 60 then
        return seconds .. "s"
    elseif seconds < 3600 then
        return string.format("%dm%02ds", seconds // 60, seconds % 60)
    end
    return string.format("%dh%02dm", seconds // 3600, seconds % 3600 // 60)
end

--- new(show): `show` is true for the line of ui.status, or a function that is given {bytes, total,
--- objects, total_objects, rate, seconds_left} a few times a second. What is not known yet is nil.
function progress.new(show, label)
    local now = task.now()
    local self = setmetatable({
        label = label, bytes = 0, moved = 0, objects = 0, began = now, samples = {{now, 0}},
        next_time = now + STEP,
    }, progress)
    if type(show) == "function" then
        self.show = show
    else
        self.line = ui.status(nil, {pause = 1})
    end
    return self
end

--- Bytes per second lately; nil as long as none have moved.
function progress:rate(now)
    local samples = self.samples
    samples[#samples + 1] = {now, self.moved}
    while #samples > 2 and now - samples[1][1] > WINDOW do
        table.remove(samples, 1)
    end
    local time, moved = table.unpack(samples[1])
    return self.moved > 0 and now > time and (self.moved - moved) / (now - time) or nil
end

local function as_text(label, state)
    local parts = {}
    if state.total and state.total > 0 then
        parts[1] = string.format("%s %d%% %s of %s", label,
            math.min(100, math.floor(100 * state.bytes / state.total)),
            ui.bytes(state.bytes), ui.bytes(state.total))
    else
        parts[1] = label .. " " .. ui.bytes(state.bytes)
    end
    if state.rate then
        parts[#parts + 1] = ui.bytes(state.rate) .. "/s"
    end
    if state.total_objects ~= 1 then
        parts[#parts + 1] = state.total_objects
            and string.format("%d of %d files", state.objects, state.total_objects)
            or string.format("%d files", state.objects)
    end
    if state.seconds_left then
        parts[#parts + 1] = progress.duration(state.seconds_left) .. " left"
    end
    return table.concat(parts, ", ")
end

function progress:tell(now, is_last)
    local rate = self:rate(now)
    if is_last then
        rate = self.moved > 0 and self.moved / math.max(now - self.began, 0.001) or nil
    end
    local state = {bytes = self.bytes, total = self.total, objects = self.objects,
                   total_objects = self.total_objects, rate = rate}
    if self.total and rate and rate > 0 and not is_last then
        state.seconds_left = math.max(0, self.total - self.bytes) / rate
    end
    if self.show then
        self.show(state)
    elseif is_last then
        self.line:finish(as_text(self.label, state))
    else
        self.line:update(as_text(self.label, state))
    end
end

--- Tells how it stands, when it is time.
function progress:tick()
    local now = task.now()
    if now >= self.next_time then
        self.next_time = now + STEP
        self:tell(now)
    end
end

--- Bytes that have moved, and objects that are complete.
function progress:add(bytes, objects)
    self.moved = self.moved + bytes
    self:found(bytes, objects)
end

--- Bytes and objects that were there already: they count, and say nothing of the rate.
function progress:found(bytes, objects)
    self.bytes, self.objects = self.bytes + bytes, self.objects + objects
    self:tick()
end

--- Tells also while nothing arrives; until it is cancelled.
function progress:keep_telling()
    while true do
        task.sleep(STEP)
        self:tick()
    end
end

--- The whole that `add` counts up to.
function progress:set_total(bytes, objects)
    self.total, self.total_objects = bytes, objects
end

--- is_all: what has been added is the whole, also when nobody has counted that.
function progress:finish(is_all)
    if is_all and not self.total then
        self:set_total(self.bytes, self.objects)
    end
    self:tell(task.now(), true)
end

--- Takes the line away when the work fails.
function progress:close()
    if self.line then
        self.line:finish()
    end
end

progress.__close = progress.close

return progress
