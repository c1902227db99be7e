--- What is the same in removing from any store over HTTP.
local answer = require("salvor.store.http.answer")
local task = require("salvor.task")

local remove = {}

local OP = "store.remove"

--- One object. What is not there is no failure, as long as its bucket is: is_missing(answer, body)
--- says whether an answer is about the bucket. `headers`: of the request, or nil.
function remove.one(store, key, path, headers, is_missing)
    local got, err = store:_ask({op = OP, method = "DELETE", key = key, path = path,
                                 headers = headers, repeatable = true, expected = {[404] = true}})
    if got and got.status == 404 then
        local body = answer.body(got)
        if is_missing(got, body) then
            return store:_fail(got, store:_url(path), OP, body)
        end
    end
    return got, err
end

--- Removes several at the same time by remove_one(path), and adds them to `result`. What may be
--- repeated ends it, nil and that error, since then all are tried again.
function remove.singly(paths, workers, remove_one, result)
    local failure
    task.map(paths, function(path)
        if failure then
            return
        end
        local removed, err = remove_one(path)
        if removed then
            result.n = result.n + 1
        elseif err.retryable then
            failure = err
        else
            table.insert(result.failed, {path = path, err = err})
        end
    end, {workers = workers})
    return not failure or nil, failure
end

return remove
