--- Objects by which an operator of API Connect v10 is told to do something once: backups, restores.
local ready = require("salvor.k8s.ready")

local action = {}

--- The object of that name, or nil.
function action.find(client, kind, name)
    local object, err = client:get(kind, name)
    if not object and err.code ~= "NotFound" then
        error(err, 0)
    end
    return object
end

local function state_of(object)
    return object and ready.state(object)
end

--- run(client, kind, object, name, timeout) -> the object when it has succeeded; raises when it
--- fails, with the operator's own reason. Repeating it with the same name goes on with the same
--- object, unless that has failed: then the next one is "name-2" and so on.
function action.run(client, kind, object, name, timeout)
    local candidate, number = name, 1
    while state_of(action.find(client, kind, candidate)) == "failed" do
        number = number + 1
        candidate = name .. "-" .. number
    end
    object.metadata = {name = candidate}
    must(client:create(object))
    return must(client:wait(kind, candidate, {timeout = timeout}))
end

--- is_done(client, kind, name) -> boolean: the object that run() began with that name, or one that
--- followed it, has succeeded.
function action.is_done(client, kind, name)
    local candidate, number = name, 1
    while true do
        local state = state_of(action.find(client, kind, candidate))
        if state ~= "failed" then
            return state == "ready"
        end
        number = number + 1
        candidate = name .. "-" .. number
    end
end

return action
