--- One request to an S3 server, signed.
---
--- Three refusals say what was wrong with the request, so it is put right and sent again, once
--- each: the bucket is in another region, the clocks are apart, the credentials have expired. All
--- others are the caller's affair.
local answer = require("salvor.store.s3.answer")
local dates = require("salvor.store.dates")
local digest = require("salvor.digest")
local endpoint = require("salvor.store.s3.endpoint")
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")
local log = require("salvor.log")
local md5 = require("salvor.store.http.md5")

local UNSIGNED = "UNSIGNED-PAYLOAD"
local SHA256_OF_NOTHING = digest.sha256("")
local SKEW = 300   -- seconds that clocks may be apart without a word
local LARGE = 1 << 20 -- a body that is not sent before the server has agreed to it

local methods = {}

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
    local headers = {}
    for name, value in pairs(wanted.headers or {}) do
        headers[name] = value
    end
    if wanted.sums and wanted.sums.md5 then
        headers["Content-MD5"] = md5.to_base64(wanted.sums.md5)
    elseif wanted.checked then
        headers["Content-MD5"] = md5.to_base64(digest.md5(wanted.body))
    end
    return headers
end

function methods:_origin()
    return endpoint.origin(self._at, self._bucket)
end

--- The URL of a path, for people.
function methods:_url(path)
    return path and path ~= "" and self.url .. "/" .. path or self.url
end

function methods:_key(path)
    return self._root .. path
end

local function target(self, wanted)
    local key = wanted.key and http.escape(wanted.key, "/") or ""
    return (self._at.style == "path" and "/" .. self._bucket or "") .. "/" .. key
end

local function send(self, wanted)
    local who, err = self._credentials:get()
    if not who then
        return nil, err
    end
    local size = wanted.body and #wanted.body or 0
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
        expect = size > LARGE and not self._agreed,
        s3 = who.access_key and {
            access_key = who.access_key,
            secret_key = who.secret_key,
            token = who.token,
            region = self._at.region,
            payload = payload_of(self, wanted),
            skew = self._skew,
        } or nil,
    })
end

--- Putting right

--- The region in which the bucket is, when the answer says that it is another one. The answer to a
--- HEAD has no body: the headers of one to the bucket itself say it.
local function other_region(self, got, body)
    if got.status ~= 301 and got.status ~= 307 and got.status ~= 400 then
        return nil
    end
    local said = got.headers["x-amz-bucket-region"]
    if not said and type(body.Region) == "string" then
        said = body.Region
    elseif not said and got.headers.location and self._at.is_aws then
        said = got.headers.location:match("s3[.-]([%w-]+)%.amazonaws%.com")
    end
    return said and said ~= self._at.region and not said:find("[^%w-]") and said ~= "" and said
        or nil
end

local function ask_for_region(self)
    local got = send(self, {method = "HEAD", repeatable = true})
    return got and got.headers["x-amz-bucket-region"]
end

local function fix_region(self, wanted, got, body)
    local region = other_region(self, got, body)
    if not region and wanted.method == "HEAD" and (got.status == 400 or got.status == 301) then
        got.headers["x-amz-bucket-region"] = ask_for_region(self)
        region = other_region(self, got, body)
    end
    if not region then
        return false
    end
    log.info("a bucket is in another region", {bucket = self._bucket, region = region,
                                              instead_of = self._at.region})
    endpoint.move(self._at, region)
    return true
end

--- The server's clock is the one that counts.
local function fix_clock(self, wanted, got, body)
    local its = dates.http(got.headers.date)
    if got.status ~= 403 or not its
        or not (body.Code == "RequestTimeTooSkewed" or wanted.method == "HEAD") then
        return false
    end
    local skew = its - os.time()
    if math.abs(skew - self._skew) < SKEW then
        return false
    end
    self._skew = skew
    log.warning("this machine's clock is not the server's: requests are made out for its time",
        {seconds = skew, server = self:_origin()})
    return true
end

local EXPIRED = {ExpiredToken = true, TokenRefreshRequired = true, InvalidToken = true}

local function fix_credentials(self, _, got, body)
    return (got.status == 400 or got.status == 403) and EXPIRED[body.Code]
        and self._credentials:renew() or false
end

local FIXES = {fix_region, fix_clock, fix_credentials}

--- A fix is made once for each request; who has the new setting only sends again.
local function put_right(self, wanted, got, body, done)
    for index, fix in ipairs(FIXES) do
        if not done[index] and fix(self, wanted, got, body) then
            done[index] = true
            return true
        end
    end
    return false
end

--- _ask{method=, key=, query=, headers=, body=, sums=, checked=, into=, xml=, repeatable=,
---      silence=, path=, op=, expected=} -> answer, or nil and an error
---
--- `key`: nil for the bucket. `body`: a text, with Content-MD5 when `checked`, or a block with its
--- `sums`. `path`, `op`: for messages. `expected`: a set of statuses that are fine too.
function methods:_ask(wanted)
    local url, done = self:_url(wanted.path), {}
    while true do
        local region = self._at.region
        local got, err = send(self, wanted)
        if not got and err.url then -- no credentials
            return nil, err
        elseif not got then
            return errors.wrap(err, {url = url, op = wanted.op})
        elseif got.status < 300 or (wanted.expected and wanted.expected[got.status]) then
            self._agreed = true
            return got
        end
        local body = answer.body(got)
        -- Another task may have found the region meanwhile.
        if self._at.region == region and not put_right(self, wanted, got, body, done) then
            return answer.fail(self, got, url, wanted.op, body)
        end
    end
end

return methods
