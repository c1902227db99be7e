--- Removing, several at the same time: Delete Blob.
local answer = require("salvor.store.azure.answer")
local names = require("salvor.store.azure.names")
local task = require("salvor.task")

local WORKERS = 16
local OP = "store.remove"

local methods = {}

--- What is not there is no failure, as long as its container is.
function methods:_remove(path, headers)
    local key, err = names.check(self, path, OP)
    if not key then
        return nil, err
    end
    local got
    headers = headers or {["x-ms-delete-snapshots"] = "include"}
    got, err = self:_ask({op = OP, method = "DELETE", key = key, path = path, headers = headers,
                          repeatable = true, expected = {[404] = true}})
    if got and got.status == 404 then
        local body = answer.body(got)
        if answer.code(got, body) == "ContainerNotFound" then
            return answer.fail(self, got, self:_url(path), OP, body)
        end
    end
    return got, err
end

function methods:remove(paths)
    local result, failure = {n = 0, failed = {}}, nil
    task.map(paths, function(path)
        if failure then
            return
        end
        local removed, err = self:_remove(path)
        if removed then
            result.n = result.n + 1
        elseif err.retryable then
            failure = err
        else
            table.insert(result.failed, {path = path, err = err})
        end
    end, {workers = WORKERS})
    if failure then
        return nil, failure
    end
    return result
end

return methods
