--- Names that Azure's servers take for others, or cannot take: they resolve "." and "..", make "/"
--- of a backslash, and may drop dots at the end of a part; names are Unicode, without control
--- characters ("Naming and referencing containers, blobs, and metadata"). What would reach another
--- object than the one that was meant, or none, is refused here.
local errors = require("salvor.store.errors")

local names = {}

--- The emulator does make such a blob, and then fails in every list that has it in it: XML 1.0 has
--- none of those characters.
local function has_control_character(text)
    return text:find("[\0-\31\127]") or text:find("\xC2[\x80-\x9F]")
end

--- Why no name can begin with that, or nil.
function names.prefix_problem(prefix)
    return not utf8.len(prefix) and "a name in Azure is UTF-8, and this one is not" or nil
end

--- Why a request cannot be for the key, or nil. is_new: it is to be made.
function names.problem(key, is_new)
    local problem = names.prefix_problem(key)
    if problem then
        return problem
    elseif is_new and has_control_character(key) then
        return "a name in Azure has no control characters"
    elseif key:find("\\", 1, true) then
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
