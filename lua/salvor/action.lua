--- Objects by which an operator is told to do something once: backups, restores.
---
--- Repeating one with the same name goes on with the same object, unless that has failed, since a
--- failed one is never taken up again: then the next one is "name-2" and so on.
local find = require("salvor.k8s.find")
local merge = require("salvor.copy").merge
local ready = require("salvor.k8s.ready")

local action = {}

--- The first of name, "name-2", "name-3"... that was not in vain, and its object when there is one.
local function last_try(client, kind, name, is_vain)
    local candidate, number = name, 1
    while true do
        local object = find.object(client, kind, candidate)
        if not object or not is_vain(object) then
            return candidate, object
        end
        number = number + 1
        candidate = name .. "-" .. number
    end
end

--- Whether the next one is to follow that object.
local function vain_rule(options)
    local state, is_vain = options.state or ready.state, options.is_vain
    return function(object)
        return state(object) == "failed" or is_vain ~= nil and is_vain(object)
    end
end

--- begin(client, kind, object, name, options) -> the name that the object has got. options:
---   before()           called unless it has begun
---   is_vain(object)    whether the next one is to follow this one although it has not failed
---   state(object)      "ready", "failed" or "waiting"; by salvor.k8s.ready when left out
function action.begin(client, kind, object, name, options)
    options = options or {}
    local candidate, begun = last_try(client, kind, name, vain_rule(options))
    if options.before and not begun then
        options.before()
    end
    object.metadata = merge(object.metadata, {name = candidate})
    must(client:create(object))
    return candidate
end

--- run(client, kind, object, name, timeout, options) -> the object when it has succeeded; raises
--- when it fails, with the operator's own reason. options: of begin(), without `state`.
function action.run(client, kind, object, name, timeout, options)
    local given = action.begin(client, kind, object, name, options)
    return must(client:wait(kind, given, {timeout = timeout}))
end

--- is_done(client, kind, name, state) -> boolean: the object that was begun with that name, or one
--- that followed it, has succeeded. state: see begin().
function action.is_done(client, kind, name, state)
    state = state or ready.state
    local _, object = last_try(client, kind, name, vain_rule({state = state}))
    return object ~= nil and state(object) == "ready"
end

return action
