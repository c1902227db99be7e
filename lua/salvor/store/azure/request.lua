--- One request to Azure's Blob service, with what says who we are.
---
--- Two refusals say what was wrong with the request: the clocks are apart, the token has expired.
local answer = require("salvor.store.azure.answer")
local http = require("salvor.store_http")
local merge = require("salvor.copy").merge

local VERSION = "2021-12-02"

local methods = {_fail = answer.fail, _item = answer.item}

function methods:_origin()
    return self._at.origin
end

--- The path of a blob or, without a key, of the container as it is sent.
function methods:_target(key)
    return self._at.base .. "/" .. self._container
        .. (key and "/" .. http.escape(key, "/") or "")
end

function methods:_send(attempt)
    local wanted, who = attempt.wanted, attempt.who
    return self._client:request({
        method = wanted.method,
        origin = self._at.origin,
        path = self:_target(wanted.key),
        query = merge(wanted.query, who.sas),
        headers = merge({["x-ms-version"] = VERSION,
                         Authorization = who.token and "Bearer " .. who.token}, wanted.headers),
        body = wanted.body or (wanted.method == "PUT" and "" or nil),
        into = wanted.into,
        xml = wanted.xml,
        repeatable = wanted.repeatable,
        silence = wanted.silence,
        expect = self:_asks_first(wanted.body),
        azure = who.key and {account = self._at.account, key = who.key, skew = attempt.skew} or nil,
    })
end

local function fix_clock(self, attempt)
    local got = attempt.answer
    local said = answer.code(got, attempt.body)
    return attempt.who.key and got.status == 403 and (not said or said == "AuthenticationFailed")
        and self:_follow_clock(attempt, answer.SKEW) or false
end

local function fix_token(self, attempt)
    return attempt.answer.status == 401 and attempt.who.token
        and self._credentials:renew(attempt.who) or false
end

methods._fixes = {fix_clock, fix_token}

return methods
