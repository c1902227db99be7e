--- One request to an S3 server, signed.
---
--- Three refusals say what was wrong with the request: the bucket is in another region, the clocks
--- are apart, the credentials have expired.
local answer = require("salvor.store.s3.answer")
local digest = require("salvor.digest")
local endpoint = require("salvor.store.s3.endpoint")
local http = require("salvor.store_http")
local log = require("salvor.log")
local md5 = require("salvor.store.http.md5")
local merge = require("salvor.copy").merge

local UNSIGNED = "UNSIGNED-PAYLOAD"
local SHA256_OF_NOTHING = digest.sha256("")
local SKEW = 300 -- seconds that clocks may be apart without a word

local methods = {_fail = answer.fail, _item = answer.item}

--- The sums of a block that a request with it needs: over TLS what arrived is checked by MD5, over
--- plain HTTP the signature is of the content.
function methods:_sums(block)
    if self._at.scheme == "https" then
        return block:digest("md5")
    end
    return block:digest("sha256")
end

local function payload_of(self, wanted)
    if not wanted.body then
        return SHA256_OF_NOTHING
    elseif type(wanted.body) == "string" then
        return digest.sha256(wanted.body)
    end
    return wanted.sums.sha256 or self._at.scheme == "https" and UNSIGNED or nil
end

local function headers_of(wanted)
    local md5_of = wanted.sums and wanted.sums.md5 or wanted.checked and digest.md5(wanted.body)
    return merge(wanted.headers, {["Content-MD5"] = md5_of and md5.to_base64(md5_of) or nil})
end

function methods:_origin()
    return endpoint.origin(self._at, self._bucket)
end

local function target(self, wanted)
    local key = wanted.key and http.escape(wanted.key, "/") or ""
    return (self._at.style == "path" and "/" .. self._bucket or "") .. "/" .. key
end

--- Beside what all stores have, attempt.wanted has `checked`: a text is sent with Content-MD5; and
--- `sums`: the block's.
function methods:_send(attempt)
    local wanted, who = attempt.wanted, attempt.who
    attempt.region = self._at.region
    return self._client:request({
        method = wanted.method,
        origin = self:_origin(),
        path = target(self, wanted),
        query = wanted.query,
        headers = headers_of(wanted),
        body = wanted.body,
        into = wanted.into,
        xml = wanted.xml,
        repeatable = wanted.repeatable,
        silence = wanted.silence,
        expect = self:_asks_first(wanted.body),
        s3 = who.access_key and {
            access_key = who.access_key,
            secret_key = who.secret_key,
            token = who.token,
            region = self._at.region,
            payload = payload_of(self, wanted),
            skew = attempt.skew,
        } or nil,
    })
end

local ELSEWHERE = {[301] = true, [307] = true, [400] = true}

--- The region in which the bucket is, when the answer says that it is another one.
local function other_region(self, attempt)
    local got, region = attempt.answer, attempt.body.Region
    local said = got.headers["x-amz-bucket-region"]
    if not said and type(region) == "string" then
        said = region
    elseif not said and got.headers.location and self._at.is_aws then
        said = got.headers.location:match("s3[.-]([%w-]+)%.amazonaws%.com")
    end
    return said and said ~= attempt.region and not said:find("[^%w-]") and said ~= "" and said
        or nil
end

--- The answer to a HEAD has no body: the headers of one to the bucket itself say it.
local function ask_for_region(self, attempt)
    local got = self:_send({wanted = {method = "HEAD", repeatable = true}, who = attempt.who,
                            skew = attempt.skew})
    attempt.answer.headers["x-amz-bucket-region"] = got and got.headers["x-amz-bucket-region"]
    return other_region(self, attempt)
end

local function fix_region(self, attempt)
    if not ELSEWHERE[attempt.answer.status] then
        return false
    elseif self._at.region ~= attempt.region then
        return true
    end
    local region = other_region(self, attempt)
    if not region and attempt.wanted.method == "HEAD" then
        region = ask_for_region(self, attempt)
    end
    if not region then
        return false
    end
    log.info("a bucket is in another region", {bucket = self._bucket, region = region,
                                              instead_of = attempt.region})
    endpoint.move(self._at, region)
    return true
end

local function fix_clock(self, attempt)
    return attempt.answer.status == 403
        and (attempt.body.Code == "RequestTimeTooSkewed" or attempt.wanted.method == "HEAD")
        and self:_follow_clock(attempt, SKEW)
end

local EXPIRED = {ExpiredToken = true, TokenRefreshRequired = true, InvalidToken = true}

local function fix_credentials(self, attempt)
    local status = attempt.answer.status
    return (status == 400 or status == 403) and EXPIRED[attempt.body.Code]
        and self._credentials:renew(attempt.who) or false
end

methods._fixes = {fix_region, fix_clock, fix_credentials}

return methods
