--- What is the same in asking any store over HTTP: the methods of a back end that are beneath all
--- others. A request that is refused for a reason that can be mended is mended and sent again, once
--- for each reason; all other refusals are the caller's affair.
---
--- A back end has, for _ask() below:
---
---     _send(attempt)    sends attempt.wanted for attempt.who; the answer, or nil and an error
---     _fixes            functions(self, attempt) -> true when there is a point in sending again
---     _fail(answer, url, op, body)    the error of an answer
---     _origin()         scheme, host and port
---
--- An attempt is {wanted = of _ask(), who = credentials, skew = the clock's then, answer, body}.
--- What is wrong with it may be mended by now: many requests are under way, and all meet the same
--- refusal.
local common = require("salvor.store.http.answer")
local dates = require("salvor.dates")
local errors = require("salvor.store.errors")
local log = require("salvor.log")

local LARGE = 1 << 20 -- a body that is not sent before the server has agreed to it

local methods = {}

--- The URL of a path, for people.
function methods:_url(path)
    return path and path ~= "" and self.url .. "/" .. path or self.url
end

function methods:_key(path)
    return self._root .. path
end

function methods:close()
    self._credentials:close()
end

--- Whether the server is asked before the body is sent.
function methods:_asks_first(body)
    return body ~= nil and #body > LARGE and not self._agreed
end

--- The server's clock is the one that counts, when it is `apart` seconds from the attempt's.
function methods:_follow_clock(attempt, apart)
    local its = dates.http(attempt.answer.headers.date)
    local skew = its and its - os.time()
    if not skew or math.abs(skew - attempt.skew) < apart then
        return false
    elseif self._skew == attempt.skew then
        self._skew = skew
        log.warning("this machine's clock is not the server's: requests are made out for its time",
            {seconds = skew, server = self:_origin()})
    end
    return true
end

local function put_right(self, attempt, done)
    for index, fix in ipairs(self._fixes) do
        if not done[index] and fix(self, attempt) then
            done[index] = true
            return true
        end
    end
    return false
end

--- _ask{method=, key=, query=, headers=, body=, into=, xml=, repeatable=, silence=, path=, op=,
---      expected=} -> answer, or nil and an error
---
--- `key`: nil for the bucket. `body`: a text or a block. `path`, `op`: for messages. `expected`: a
--- set of statuses beside 2xx that are no errors. A back end may have more.
function methods:_ask(wanted)
    local url, done = self:_url(wanted.path), {}
    while true do
        local who, err = self._credentials:get()
        if not who then
            return nil, err
        end
        local attempt = {wanted = wanted, who = who, skew = self._skew}
        local got
        got, err = self:_send(attempt)
        if not got then
            return errors.wrap(err, {url = url, op = wanted.op})
        elseif got.status < 300 or (wanted.expected and wanted.expected[got.status]) then
            self._agreed = true
            return got
        end
        attempt.answer, attempt.body = got, common.body(got)
        if not put_right(self, attempt, done) then
            return self:_fail(got, url, wanted.op, attempt.body)
        end
    end
end

return methods
