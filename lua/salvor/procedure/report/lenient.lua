--- Values of a journal, which may be of another Salvor, or damaged in a way that its chain does not
--- show: what is not of the type that is expected counts as not there.
local lenient = {}

--- The text; nil for anything else.
function lenient.text(v)
    return type(v) == "string" and v or nil
end

--- The list or map; an empty one for anything else.
function lenient.items(v)
    return type(v) == "table" and v or {}
end

return lenient
