--- Patterns of host names, as in ssh_config and known_hosts (ssh_config(5), PATTERNS).
local match = {}

--- "*" is any number of characters, "?" one. Only the last "*" is ever tried again, so that no
--- pattern takes long.
local function matches(text, pattern)
    local at, from, star, kept = 1, 1, nil, nil
    while at <= #text do
        local wanted = pattern:sub(from, from)
        if wanted == "*" then
            star, kept = from, at
            from = from + 1
        elseif wanted ~= "" and (wanted == "?" or wanted == text:sub(at, at)) then
            at, from = at + 1, from + 1
        elseif star then
            kept = kept + 1
            at, from = kept, star + 1
        else
            return false
        end
    end
    return pattern:find("^%**$", from) ~= nil
end

--- Whether one of the patterns fits the name and none that begins with "!" does.
function match.any(name, patterns)
    local found = false
    name = name:lower()
    for _, pattern in ipairs(patterns) do
        local excluded = pattern:match("^!(.*)$")
        if excluded and matches(name, excluded:lower()) then
            return false
        elseif not excluded and matches(name, pattern:lower()) then
            found = true
        end
    end
    return found
end

return match
