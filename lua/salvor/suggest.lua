--- Which word somebody may have meant.
local suggest = {}

local LONGEST = 64 -- bytes that are looked at

--- How many letters to put in, leave out, replace or swap with their neighbour to make one word of
--- the other.
function suggest.distance(a, b)
    local rows = {}
    for i = 0, #a do
        rows[i] = {[0] = i}
        for j = 1, #b do
            if i == 0 then
                rows[i][j] = j
            else
                local cost = a:byte(i) == b:byte(j) and 0 or 1
                rows[i][j] = math.min(rows[i - 1][j - 1] + cost, rows[i - 1][j] + 1,
                    rows[i][j - 1] + 1)
                local swapped = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
                    and a:byte(i - 1) == b:byte(j)
                if swapped then
                    rows[i][j] = math.min(rows[i][j], rows[i - 2][j - 2] + 1)
                end
            end
        end
    end
    return rows[#a][#b]
end

--- The word of the list that is most like this one; nil when none is like it.
function suggest.word(word, words)
    word = word:sub(1, LONGEST):lower()
    local best, least = nil, math.max(#word > 4 and 2 or 1, #word // 4) + 1
    for _, candidate in ipairs(words) do
        if math.abs(#word - #candidate) < least then
            local distance = suggest.distance(word, candidate:sub(1, LONGEST):lower())
            if distance < least then
                best, least = candidate, distance
            end
        end
    end
    return best
end

--- How a hint begins that says more: "did you mean 'age'? ", or "".
function suggest.begin(word, words)
    local meant = suggest.word(tostring(word), words)
    return meant and "did you mean '" .. meant .. "'? " or ""
end

--- A hint that names it and all that there are: "did you mean 'age'? this procedure has: age, kit"
function suggest.hint(word, words, all)
    local listed = #words > 0 and all .. ": " .. table.concat(words, ", ") or all .. ": none"
    return suggest.begin(word, words) .. listed
end

return suggest
