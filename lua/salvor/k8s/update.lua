--- Read, change, write: repeated while somebody else changes the same object in between, as often
--- and as soon as util/retry.DefaultRetry of client-go does.
local copy = require("salvor.copy")
local task = require("salvor.task")

local TRIES = 5
local PAUSE = 0.01 -- seconds, and up to a tenth more

local update = {}

--- What `write` makes of the object that is there: a write that replaces it, false when nothing is
--- to be done, or nil and the error that write.change gave up with.
function update.prepare(write, object)
    local changed, err = write.change(object)
    if changed == nil and err ~= nil then
        return nil, err
    elseif changed == false then
        return false
    end
    local replace = copy.merge(write, {verb = "replace", body = changed or object})
    replace.change = nil
    return replace
end

--- One try. The third result says that another would end as this one.
local function try(client, write, deadline)
    local object, err = client:_read({
        op = write.op,
        verb = "get",
        resource = write.resource,
        namespace = write.namespace,
        name = write.name,
        subresource = write.subresource,
        timeout = math.max(deadline - task.now(), 0.001),
    })
    if not object then
        return nil, err, true
    end
    local replace, problem = update.prepare(write, object)
    if not replace then
        return replace == false and object or nil, problem, true
    end
    replace.timeout = math.max(deadline - task.now(), 0.001)
    return client:_write(replace)
end

--- write.change(object) changes the object that is there and returns nothing, or returns another in
--- its place; false: nothing is to be done; nil and an error: gives up with that.
function update.run(client, write)
    local deadline = task.now() + (write.timeout or client.timeout)
    for number = 1, TRIES do
        local object, err, is_final = try(client, write, deadline)
        if object or is_final or err.code ~= "Conflict" then
            return object, err
        elseif number == TRIES then
            err.hint = string.format("somebody else changed it each of %d times", TRIES)
            return nil, err
        end
        task.sleep(PAUSE * (1 + math.random() / 10))
    end
end

return update
