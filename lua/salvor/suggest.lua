--- Which word somebody may have meant.
local suggest = {}

local LONGEST = 64 -- bytes that are looked at

--- How many letters to put in, leave out or replace to make one word of the other.
function suggest.distance(a, b)
    local row = {}
    for j = 0, #b do
        row[j] = j
    end
    for i = 1, #a do
        local diagonal
        diagonal, row[0] = row[0], i
        for j = 1, #b do
            local cost = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
            diagonal, row[j] = row[j], math.min(cost, row[j] + 1, row[j - 1] + 1)
        end
    end
    return row[#b]
end

--- The word of the list that is most like this one; nil when none is like it.
function suggest.word(word, words)
    word = word:sub(1, LONGEST):lower()
    local best, least = nil, math.max(1, #word // 3) + 1
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

--- A hint that names it and all that there are: "did you mean 'age'? this procedure has: age, kit"
function suggest.hint(word, words, all)
    local meant = suggest.word(tostring(word), words)
    local listed = #words > 0 and all .. ": " .. table.concat(words, ", ") or all .. ": none"
    return (meant and "did you mean '" .. meant .. "'? " or "") .. listed
end

return suggest
