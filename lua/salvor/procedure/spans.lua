--- A span of time for people: 5400 -> "1 h 30 min".
local UNITS = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}

--- spans(seconds) -> text, of the two largest units that count
return function(seconds)
    if seconds > 0 and seconds < 1 then
        return string.format("%g s", seconds)
    end
    local parts, left = {}, math.floor(seconds)
    for _, unit in ipairs(UNITS) do
        local count = left // unit[1]
        if count > 0 and #parts < 2 then
            parts[#parts + 1] = count .. " " .. unit[2]
        elseif parts[1] then
            break
        end
        left = left % unit[1]
    end
    return parts[1] and table.concat(parts, " ") or "0 s"
end
