--- What checks and steps of a procedure have found out for later ones (ctx.facts). An operator may
--- leave out any of them; then the later ones must say so instead of going on without.
---
---     local known = require("salvor.procedure.known")({cluster = "resource"})
---     known(ctx, "cluster") -- the fact; raises that 'resource' was left out where there is none
local errors = require("salvor.error")

--- known(found_by) -> function(ctx, name). found_by: {fact = the id of what finds it}.
return function(found_by)
    return function(ctx, name)
        local fact = ctx.facts[name]
        if fact == nil then
            error(errors.new({code = "Invalid", message = name .. " is not known: '"
                .. found_by[name] .. "' was left out", hint = "do not leave it out"}), 0)
        end
        return fact
    end
end
