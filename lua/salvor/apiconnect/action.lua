--- Objects by which an operator of API Connect v10 is told to do something once: backups, restores.
local errors = require("salvor.error")
local merge = require("salvor.copy").merge
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

local function has_failed(object)
    return ready.state(object) == "failed"
end

--- The first of name, "name-2", "name-3"... that was not in vain, and its object when there is one.
local function last_try(client, kind, name, is_vain)
    local candidate, number = name, 1
    while true do
        local object = action.find(client, kind, candidate)
        if not object or not is_vain(object) then
            return candidate, object
        end
        number = number + 1
        candidate = name .. "-" .. number
    end
end

--- run(client, kind, object, name, timeout, options) -> the object when it has succeeded; raises
--- when it fails, with the operator's own reason. Repeating it with the same name goes on with the
--- same object, unless that has failed: then the next one is "name-2" and so on. options: before(),
--- called unless it has begun; is_vain(object), whether the next one is to follow this one, too.
function action.run(client, kind, object, name, timeout, options)
    options = options or {}
    local candidate, begun = last_try(client, kind, name, function(found)
        return has_failed(found) or options.is_vain ~= nil and options.is_vain(found)
    end)
    if options.before and not begun then
        options.before()
    end
    object.metadata = merge(object.metadata, {name = candidate})
    must(client:create(object))
    return must(client:wait(kind, candidate, {timeout = timeout}))
end

--- is_done(client, kind, name) -> boolean: the object that run() began with that name, or one that
--- followed it, has succeeded.
function action.is_done(client, kind, name)
    local _, object = last_try(client, kind, name, has_failed)
    return object ~= nil and ready.state(object) == "ready"
end

--- Raises when there is one of these in flight: two at once spoil each other.
function action.refuse_beside(kind, in_flight)
    if in_flight[1] then
        error(errors.new({code = "Conflict", op = "restore", message = kind .. " " .. in_flight[1]
            .. " is in flight", hint = "wait until it has ended"}), 0)
    end
end

return action
