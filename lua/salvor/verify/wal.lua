--- WAL in an archive: that every segment between two is there. Segments are named by timeline, log
--- and segment number, 8 hexadecimal digits each, and lie in folders named by the first 16.
local wal = {}

local DIGITS = ("%x"):rep(8)

local DEFAULT_PER_LOG = 256 -- segments of 16 MiB

-- So many folders are listed one by one; beyond that the whole archive is.
local FOLDERS = 4096

--- parse(name) -> timeline (8 digits), number of the segment; nil when it is no name of one.
function wal.parse(name, per_log)
    local timeline, log, segment = name:match("^(" .. DIGITS .. ")(" .. DIGITS .. ")("
        .. DIGITS .. ")$")
    if not timeline then
        return nil
    end
    return timeline, tonumber(log, 16) * (per_log or DEFAULT_PER_LOG) + tonumber(segment, 16)
end

function wal.name(timeline, number, per_log)
    per_log = per_log or DEFAULT_PER_LOG
    return string.format("%s%08X%08X", timeline, number // per_log, number % per_log)
end

--- The segments in one log: 4 GiB by the size of a segment (a power of two from 1 MiB to 1 GiB).
function wal.per_log(segment_size)
    if segment_size and segment_size >= 1 << 20 and segment_size <= 1 << 30
        and segment_size & (segment_size - 1) == 0 then
        return (1 << 32) // segment_size
    end
    return DEFAULT_PER_LOG
end

--- range(start, stop, per_log) -> {timeline, first, last}, or nil and what is wrong with the two.
function wal.range(start, stop, per_log)
    local timeline, first = wal.parse(start or "", per_log)
    local other, last = wal.parse(stop or "", per_log)
    if not timeline or not other then
        return nil, string.format("'%s' and '%s' are not names of WAL segments", start, stop)
    elseif timeline ~= other then
        return nil, string.format("%s and %s are of two timelines", start, stop)
    elseif last < first then
        return nil, string.format("%s comes before %s", stop, start)
    end
    return {timeline = timeline, first = first, last = last}
end

function wal.within(range, timeline, number)
    return range.timeline == timeline and number >= range.first and number <= range.last
end

--- What is missing from one segment to another, for messages.
function wal.gap(timeline, first, last, per_log)
    local from = wal.name(timeline, first, per_log)
    return first == last and from .. " is not there"
        or string.format("%s to %s are not there", from, wal.name(timeline, last, per_log))
end

--- The folders (16 digits) that hold segments of the ranges, sorted; nil when they are too many.
function wal.folders(ranges, per_log, suffix)
    per_log = per_log or DEFAULT_PER_LOG
    local names, known = {}, {}
    for _, range in ipairs(ranges) do
        local from, to = range.first // per_log, range.last // per_log
        if to - from > FOLDERS then
            return nil
        end
        for log = from, to do
            local name = string.format("%s%08X%s", range.timeline, log, suffix or "")
            if not known[name] then
                known[name] = true
                names[#names + 1] = name
            end
        end
        if #names > FOLDERS then
            return nil
        end
    end
    table.sort(names)
    return names
end

--- An object that is told of every segment that is there, in order (duplicates do not matter), and
--- calls missing(range, first, last) for numbers in a range that were passed over.
function wal.watch(ranges, missing)
    for _, range in ipairs(ranges) do
        range.wanted = range.first
    end
    local watch = {}
    local function pass(range, up_to)
        if range.wanted <= up_to then
            missing(range, range.wanted, up_to)
            range.wanted = up_to + 1
        end
    end
    function watch.met(timeline, number)
        for _, range in ipairs(ranges) do
            if range.timeline == timeline and number <= range.last and number >= range.wanted then
                pass(range, number - 1)
                range.wanted = number + 1
            end
        end
    end
    function watch.finish()
        for _, range in ipairs(ranges) do
            pass(range, range.last)
        end
    end
    return watch
end

return wal
