--- Tables of the server in pages, so that neither side holds more than a page of text at a time.
local copy = require("salvor.copy")
local pages = require("salvor.k8s.pages")
local table_answer = require("salvor.k8s.table_answer")
local task = require("salvor.task")

local PAGE = 500

--- table_pages(client, read, take) -> true | nil, err: calls take(page) for each page, a
--- table_answer, until it returns false. `read` is what client:_read takes. When the snapshot of
--- the pages has expired they come once more as one; take(page, true) says that it is the first of
--- anew.
return function(client, read, take)
    local deadline = task.now() + (read.timeout or client.timeout)
    local own, continue, is_anew = read.query, nil, false
    read.headers = {Accept = table_answer.ACCEPT}
    repeat
        read.query = copy.merge(own, {continue = continue,
                                      limit = not read.name and not is_anew and PAGE or nil})
        read.timeout = math.max(deadline - task.now(), 0.001)
        local body, err = client:_read(read)
        if err and continue and pages.is_expired(err) then
            continue, is_anew = nil, true
        elseif err then
            return nil, err
        else
            local page = table_answer.read(body, read.name ~= nil)
            if continue and page.continue == continue then
                return nil, pages.repeated(read.op)
            elseif take(page, is_anew) == false then
                break
            end
            continue, is_anew = page.continue, false
        end
    until not continue and not is_anew
    return true
end
