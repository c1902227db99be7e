--- Evictions are policy/v1 since Kubernetes 1.22, and v1beta1 until 1.24. The server's answer tells
--- which it takes: one that does not know a version has done nothing.
local copy = require("salvor.copy")

local VERSIONS = {"policy/v1", "policy/v1beta1"}

local function is_unknown_version(err)
    return (err.status == 400 or err.status == 415)
        and tostring(err.message):find('no kind "Eviction"', 1, true) ~= nil
end

--- write: as for client:_write, its body without an apiVersion.
return function(client, write)
    local answer, err
    for _, version in ipairs(client._eviction and {client._eviction} or VERSIONS) do
        local body = copy.merge(write.body, {apiVersion = version})
        answer, err = client:_write(copy.merge(write, {body = body}))
        if answer or not is_unknown_version(err) then
            if answer or err.status then
                client._eviction = version
            end
            return answer, err
        end
    end
    return nil, err
end
