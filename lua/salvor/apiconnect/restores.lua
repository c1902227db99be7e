--- The restores of a subsystem of API Connect v10 that there are already. `of` is
--- salvor.apiconnect.management_restore or portal_restore: {KIND, PLURAL, belongs(object, name) ->
--- whether it restores the subsystem of that name}.
local errors = require("salvor.error")
local ready = require("salvor.k8s.ready")

local restores = {}

local WAIT = "wait until it has ended"

--- all(client, of, name) -> {in_flight = names, done = names}. Whatever is neither complete nor
--- failed is in flight: phases differ by release.
function restores.all(client, of, name)
    local found = {waiting = {}, ready = {}, failed = {}}
    for object in client:each(of.PLURAL) do
        if of.belongs(object, name) then
            table.insert(found[(ready.state(object))], object.metadata.name)
        end
    end
    return {in_flight = found.waiting, done = found.ready}
end

--- check(ctx, of, name) -> whether there is none in flight; each is a problem.
function restores.check(ctx, of, name)
    local in_flight = restores.all(ctx.k8s, of, name).in_flight
    for _, other in ipairs(in_flight) do
        ctx:problem(of.KIND .. " " .. other .. " is in flight", WAIT)
    end
    return in_flight[1] == nil
end

--- Raises when there is one in flight: two at once spoil each other.
function restores.refuse(client, of, name)
    local other = restores.all(client, of, name).in_flight[1]
    if other then
        error(errors.new({code = "Conflict", op = "restore", hint = WAIT,
                          message = of.KIND .. " " .. other .. " is in flight"}), 0)
    end
end

return restores
