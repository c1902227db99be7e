--- One request to Azure's Blob service, with what says who we are.
---
--- Two refusals say what was wrong with the request, so it is put right and sent again, once each:
--- the clocks are apart, the token has expired. All others are the caller's affair.
local answer = require("salvor.store.azure.answer")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")
local log = require("salvor.log")

local VERSION = "2021-12-02"
local LARGE = 1 << 20 -- a body that is not sent before the server has agreed to it

local methods = {}

--- The URL of a path, for people.
function methods:_url(path)
    return path and path ~= "" and self.url .. "/" .. path or self.url
end

function methods:_key(path)
    return self._root .. path
end

--- The path of a blob or, without a key, of the container as it is sent.
function methods:_target(key)
    return self._at.base .. "/" .. self._container
        .. (key and "/" .. http.escape(key, "/") or "")
end

local function copy_into(target, source)
    for name, value in pairs(source or {}) do
        target[name] = value
    end
    return target
end

local function send(self, wanted, who)
    local headers = copy_into({["x-ms-version"] = VERSION}, wanted.headers)
    if who.token then
        headers.Authorization = "Bearer " .. who.token
    end
    local body = wanted.body
    local size = body and #body or 0
    return self._client:request({
        method = wanted.method,
        origin = self._at.origin,
        path = self:_target(wanted.key),
        query = copy_into(copy_into({}, wanted.query), who.sas),
        headers = headers,
        body = body or (wanted.method == "PUT" and "" or nil),
        into = wanted.into,
        xml = wanted.xml,
        repeatable = wanted.repeatable,
        silence = wanted.silence,
        expect = size > LARGE and not self._agreed,
        azure = who.key and {account = self._at.account, key = who.key, skew = self._skew} or nil,
    })
end

--- The server's clock is the one that counts.
local function fix_clock(self, got, who, said)
    local skew = answer.skew(got)
    if not who.key or got.status ~= 403 or not skew
        or (said and said ~= "AuthenticationFailed")
        or math.abs(skew - self._skew) < answer.SKEW then
        return false
    end
    self._skew = skew
    log.warning("this machine's clock is not the server's: requests are made out for its time",
        {seconds = skew, server = self._at.origin})
    return true
end

local function fix_token(self, got, who)
    return got.status == 401 and who.token and self._credentials:renew(who.token) or false
end

local FIXES = {fix_clock, fix_token}

local function put_right(self, got, who, said, done)
    for index, fix in ipairs(FIXES) do
        if not done[index] and fix(self, got, who, said) then
            done[index] = true
            return true
        end
    end
    return false
end

--- _ask{method=, key=, query=, headers=, body=, into=, xml=, repeatable=, silence=, path=, op=,
---      expected=} -> answer, or nil and an error
---
--- `key`: nil for the container. `body`: a text or a block. `path`, `op`: for messages. `expected`:
--- a set of statuses beside 2xx that are no errors.
function methods:_ask(wanted)
    local url, done = self:_url(wanted.path), {}
    while true do
        local who, err = self._credentials:get()
        if not who then
            return nil, err
        end
        local got
        got, err = send(self, wanted, who)
        if not got then
            return errors.wrap(err, {url = url, op = wanted.op, hint = err.hint
                or err.code == "Unreachable" and "check the account's name and the endpoint "
                .. self._at.origin or nil})
        elseif got.status < 300 or (wanted.expected and wanted.expected[got.status]) then
            self._agreed = true
            return got
        end
        local body = answer.body(got)
        if not put_right(self, got, who, answer.code(got, body), done) then
            return answer.fail(self, got, url, wanted.op, body)
        end
    end
end

return methods
