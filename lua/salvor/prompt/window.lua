--- The part of a text of many lines that a terminal shows: as many as it has rows, the cursor's
--- among them, so that what a key costs does not grow with the text.

local function next_line(text, at)
    local stop = text:find("\n", at, true)
    return stop and stop + 1
end

--- The number of the line that the cursor is in.
local function line_of(text, cursor)
    local number, at = 1, next_line(text, 1)
    while at and at <= cursor do
        number, at = number + 1, next_line(text, at)
    end
    return number
end

--- window(text, cursor, rows, first) -> from, to, first. `first` is the number of the first line
--- that is shown, before and now: it stays as long as the cursor's line can be seen. From `from` to
--- `to` is what is shown of the text.
return function(text, cursor, rows, first)
    local number = line_of(text, cursor)
    first = math.max(math.min(first, number), number - rows + 1)
    local from = 1
    for _ = 2, first do
        from = next_line(text, from)
    end
    local after = from
    for _ = 1, rows do
        after = after and next_line(text, after)
    end
    return from, after and after - 2 or #text, first
end
