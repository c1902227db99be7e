--- Warning headers by RFC 7234, section 5.5: `299 agent "text" "date"`, several in one line.
local harmless = require("salvor.k8s.harmless")

local warnings = {}

local CODE = 299 -- the only one that API servers give, and kubectl shows

--- The quoted string that begins at `at`, its quoted pairs resolved, and where the rest begins.
local function quoted(header, at)
    local parts = {}
    at = at + 1
    while true do
        local stop = header:find('["\\]', at)
        if not stop then
            return nil
        end
        parts[#parts + 1] = header:sub(at, stop - 1)
        if header:sub(stop, stop) == '"' then
            return table.concat(parts), stop + 1
        end
        parts[#parts + 1] = header:sub(stop + 1, stop + 1)
        at = stop + 2
    end
end

--- The texts of all warnings in a header (nil is fine). What is not a warning is passed over.
function warnings.texts(header)
    local texts, at = {}, 1
    while header do
        local _, quote, code = header:find('%f[%d](%d%d%d) [^%s"]+ "', at)
        if not quote then
            break
        end
        local text, rest = quoted(header, quote)
        if not text then
            break
        end
        if tonumber(code) == CODE and text:find("%S") then
            texts[#texts + 1] = harmless(text)
        end
        local _, date = header:find('^ "[^"]*"', rest)
        at = date and date + 1 or rest
    end
    return texts
end

return warnings
