--- The restores of a subsystem of API Connect v10 that there are already. `of` is
--- salvor.apiconnect.management_restore or portal_restore: {KIND, PLURAL, belongs(object, name) ->
--- whether it restores the subsystem of that name}.
local errors = require("salvor.error")
local ready = require("salvor.k8s.ready")

local restores = {}

local WAIT = "wait until it has ended; one that never will is to be deleted"

--- all(client, of, name) -> {in_flight = list of what is said of each, done = names}. Whatever is
--- neither complete nor failed is in flight: phases differ by release.
function restores.all(client, of, name)
    local found = {in_flight = {}, done = {}}
    for object in client:each(of.PLURAL) do
        local state, words = ready.state(object)
        local is_its = of.belongs(object, name)
        if is_its and state == "waiting" then
            table.insert(found.in_flight, of.KIND .. " " .. object.metadata.name
                .. " is in flight: " .. words)
        elseif is_its and state == "ready" then
            table.insert(found.done, object.metadata.name)
        end
    end
    return found
end

--- check(ctx, of, name) -> whether there is none in flight; each is a problem.
function restores.check(ctx, of, name)
    local in_flight = restores.all(ctx.k8s, of, name).in_flight
    for _, text in ipairs(in_flight) do
        ctx:problem(text, WAIT)
    end
    return in_flight[1] == nil
end

--- Raises when there is one in flight: two at once spoil each other.
function restores.refuse(client, of, name)
    local text = restores.all(client, of, name).in_flight[1]
    if text then
        error(errors.new({code = "Conflict", op = "restore", message = text, hint = WAIT}), 0)
    end
end

return restores
