--- For whoever asks what is going on (--log-level debug): one line for each request to a store.
local log = require("salvor.log")
local task = require("salvor.task")
local urls = require("salvor.store.url")

local note = {}

--- attempt() -> result, or nil and an error; told with its method and what url() gives, a URL whose
--- secrets are masked here. `outcome(result, err)`: the status and the request's id, which may be
--- nil.
function note.request(method, url, outcome, attempt)
    if not log.enabled("debug") then
        return attempt()
    end
    local began = task.now()
    local result, err = attempt()
    local status, id = outcome(result, err)
    log.debug("store", {
        method = method,
        url = urls.mask(url()),
        status = status,
        request_id = id,
        milliseconds = math.floor((task.now() - began) * 1000),
    })
    return result, err
end

return note
