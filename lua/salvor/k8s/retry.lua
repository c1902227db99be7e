--- Whether a request that failed may be made again, at most ten times:
---
---   429 with Retry-After   any method: the server has refused before it did anything
---   5xx with Retry-After   reads only, unlike client-go: a write may have been carried out
---   a lost connection      reads only, for the same reason
---   a resource version that the server has yet to reach (504): reads, with or without Retry-After
---
--- Retry-After counts when it is whole seconds; a date does not, as in client-go.
local fields = require("salvor.k8s.fields")

local MAX_RETRIES = 10
local LOST_PAUSE = 1
local BEHIND_PAUSE = 1

local reads = {GET = true, HEAD = true}

--- A server that is behind another of the same cluster; one that reads from etcd names no time.
local function is_behind(err)
    return err.status == 504
        and fields.text(err, "details", "causes", 1, "reason") == "ResourceVersionTooLarge"
end

--- The seconds to wait before the next try, never less than the server says, when a request of that
--- method (nil: GET) failed with `err` after `tries` tries before; nil when the error stands.
return function(err, tries, method)
    local is_read = reads[method or "GET"]
    if tries >= MAX_RETRIES then
        return nil
    elseif err.status then
        local may = err.status == 429 or (err.status >= 500 and is_read)
        local after = err.retry_after or (is_behind(err) and BEHIND_PAUSE)
        return may and after and math.max(after, 0.1 * 2 ^ math.min(tries, 3)) or nil
    end
    return err.code == "Disconnected" and is_read and LOST_PAUSE or nil
end
