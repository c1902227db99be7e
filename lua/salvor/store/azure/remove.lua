--- Removing, several at the same time: Delete Blob.
local answer = require("salvor.store.azure.answer")
local common = require("salvor.store.http.remove")
local names = require("salvor.store.azure.names")

local WORKERS = 16
local WITH_SNAPSHOTS = {["x-ms-delete-snapshots"] = "include"}

local methods = {}

local function is_container_missing(got, body)
    return answer.code(got, body) == "ContainerNotFound"
end

--- One; `headers`: a condition, or nil.
function methods:_remove(path, headers)
    local key, err = names.check(self, path, "store.remove")
    if not key then
        return nil, err
    end
    return common.one(self, key, path, headers or WITH_SNAPSHOTS, is_container_missing)
end

function methods:remove(paths)
    local result = {n = 0, failed = {}}
    local removed, err = common.singly(paths, WORKERS, function(path)
        return self:_remove(path)
    end, result)
    if not removed then
        return nil, err
    end
    return result
end

return methods
