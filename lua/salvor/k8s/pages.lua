--- Lists in pages, so that neither side holds more than a page of text at a time.
---
--- While a page is read, the server works on the next one: the request for that leaves as soon as
--- the text of this one is there. So at most two pages are under way.
local copy = require("salvor.copy")
local fail = require("salvor.error").new
local shape = require("salvor.k8s.shape")
local task = require("salvor.task")

local PAGE = 500

local pages = {}

--- Whether the server has forgotten the version or the snapshot that is asked for. It has two words
--- for that; an event of a watch says it without the status of an answer.
function pages.is_expired(err)
    return err.status == 410 or err.code == "Expired" or err.code == "Gone"
end

--- The error of a server that does not go on.
function pages.repeated(op)
    return fail({code = "Corrupt", op = op, hint = shape.HINT,
                 message = "the server gives the same page of the list again"})
end

local Reader = {}
Reader.__index = Reader

--- The request for the page behind `token`; the first one without.
function Reader:request(token, extra)
    local request = copy.merge(self.read)
    request.query = copy.merge(self.read.query, extra)
    request.query.continue = token
    if token then
        request.query.resourceVersion = nil
        request.query.resourceVersionMatch = nil
    end
    if self.deadline then
        request.timeout = math.max(self.deadline - task.now(), 0.001)
    end
    return request
end

--- Sends the request for the next page, when the one that has arrived says that there is one.
function Reader:send_ahead(arrived)
    local token = arrived:find("metadata", "continue")
    if type(token) == "string" and token ~= "" then
        self.ahead = {token = token, exchange = self.client:_send(self:request(token,
            {limit = PAGE}))}
    end
end

--- The exchange that was sent ahead for `token`, if it was that one.
function Reader:take_ahead(token)
    local ahead = self.ahead
    self.ahead = nil
    if ahead and ahead.exchange and ahead.token ~= token then
        ahead.exchange:close()
        return nil
    end
    return ahead and ahead.exchange
end

function Reader:ask()
    local request = self:request(self.token, {limit = PAGE})
    request.sent = self:take_ahead(self.token)
    request.on_arrival = function(arrived)
        self:send_ahead(arrived)
    end
    return self.client:_read(request)
end

--- Everything once more, as one page: going on with a new token would go on in another snapshot.
function Reader:relist()
    self.token = nil
    return self.client:_read(self:request(nil, {}))
end

function Reader:__call()
    if self.done then
        return nil
    end
    local list, err = self:ask()
    local is_anew = not list and self.token ~= nil and pages.is_expired(err)
    if is_anew then
        list, err = self:relist()
    end
    if not list then
        self:close()
        return nil, err
    end
    local token = list.metadata.continue
    if token == self.token and token ~= nil then
        self:close()
        return nil, pages.repeated(self.read.op)
    end
    self.token = token
    if type(token) ~= "string" or token == "" then
        self:close()
    end
    return list, is_anew
end

function Reader:close()
    self:take_ahead(nil)
    self.done = true
end

Reader.__close = Reader.close

--- A reader: called, it gives the next page, nil at the end, or nil and an error. When the snapshot
--- of the pages has expired, everything comes once more, and true with it. `read` is what
--- client:_read takes; its timeout is that of each page, or with `deadline` all end by then. To be
--- closed, unless it is read to its end.
function pages.reader(client, read, deadline)
    return setmetatable({client = client, read = read, deadline = deadline}, Reader)
end

--- The whole list as one List object, all of one snapshot, its metadata that of the first page.
function pages.all(client, read)
    local deadline = task.now() + (read.timeout or client.timeout)
    local next_page <close> = pages.reader(client, read, deadline)
    local whole, err = next_page()
    if not whole then
        return nil, err
    end
    while true do
        local page, more = next_page()
        if not page and more then
            return nil, more
        elseif not page then
            whole.metadata.continue = nil
            whole.metadata.remainingItemCount = nil
            return whole
        elseif more then
            whole = page
        else
            table.move(page.items, 1, #page.items, #whole.items + 1, whole.items)
            whole.metadata.resourceVersion = page.metadata.resourceVersion
        end
    end
end

return pages
