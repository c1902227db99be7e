--- What is the same in writing to any store over HTTP.
local errors = require("salvor.store.errors")

local write = {methods = {}}

--- The size of an upload's parts: what is wanted, within the server's limits.
function write.part_size(limits, size, wanted)
    local smallest = math.max(limits.smallest, (size + limits.count - 1) // limits.count)
    return math.min(math.max(wanted or 0, smallest), limits.largest)
end

--- The error `err` of a write; of what must be absent, and was there, AlreadyExists.
function write.methods:_refusal(err, path, options, op)
    if options.if_absent and err.code == "Changed" then
        return errors.fail("AlreadyExists", {url = self:_url(path), op = op, status = err.status,
                                             request_id = err.request_id})
    end
    return nil, err
end

return write
