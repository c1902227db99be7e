--- Names that Azure's servers take for others: they resolve "." and "..", make "/" of a backslash,
--- and may drop dots at the end of a part. What would reach another object than the one that was
--- meant is refused here.
local errors = require("salvor.store.errors")

local names = {}

--- Why a request cannot be for the key, or nil. is_new: it is to be made.
function names.problem(key, is_new)
    if key:find("\\", 1, true) then
        return "Azure takes '\\' in a name for '/'"
    end
    for part in (key .. "/"):gmatch("([^/]*)/") do
        if part == "." or part == ".." then
            return "Azure resolves the part '" .. part .. "' of a name"
        elseif is_new and part:sub(-1) == "." then
            return "Azure drops dots at the end of a part of a name"
        end
    end
end

--- The key of a path when a request can be for it, else nil and an error.
function names.check(store, path, op, is_new)
    local key = store:_key(path)
    local problem = names.problem(key, is_new)
    if problem then
        return errors.fail("Invalid", {url = store:_url(path), op = op, reason = problem})
    end
    return key
end

return names
