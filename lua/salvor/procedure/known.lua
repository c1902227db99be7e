--- What checks and steps of a procedure have found out for later ones (ctx.facts). An operator may
--- leave out any of them; then the later ones must say so instead of going on without.
---
---     local known = require("salvor.procedure.known")({
---         cluster = "resource", backup = {"backup", "await-backups"},
---     })
---     known(ctx, "cluster") -- the fact; raises that it is not known where there is none
local errors = require("salvor.error")

--- known(found_by) -> function(ctx, name). found_by: {fact = the id of what finds it, or a list of
--- those that do}.
return function(found_by)
    return function(ctx, name)
        local fact, ids = ctx.facts[name], found_by[name]
        if fact == nil then
            local skips = "--skip "
                .. table.concat(type(ids) == "table" and ids or {ids}, " and --skip ")
            error(errors.new({code = "Invalid", message = name .. " is not known",
                              hint = "begin a new run without " .. skips}), 0)
        end
        return fact
    end
end
