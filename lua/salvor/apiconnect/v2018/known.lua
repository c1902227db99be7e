--- What checks and steps have found out for later ones (ctx.facts). An operator may leave out any
--- of them; then the later ones must say so instead of going on without.
local errors = require("salvor.error")

local FOUND_BY = {record = "record", subsystem = "project", cluster = "cluster", backup = "backup",
                  count = "files", before = "note-state", job = "restore"}

--- known(ctx, name) -> the fact; raises, naming what was left out.
return function(ctx, name)
    local fact = ctx.facts[name]
    if fact == nil then
        error(errors.new({code = "Invalid", message = name .. " is not known: '" .. FOUND_BY[name]
            .. "' was left out", hint = "do not leave it out"}), 0)
    end
    return fact
end
