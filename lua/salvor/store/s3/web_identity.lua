--- Temporary credentials for a token of somebody else's (a Kubernetes service account): STS's
--- AssumeRoleWithWebIdentity. The token's file is read each time, since it changes every hour.
local dates = require("salvor.store.dates")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local mask = require("salvor.secret")
local task = require("salvor.task")

local web_identity = {}

local EARLY = 300 -- seconds before their end when they are renewed
local TOKEN_LIMIT = 64 << 10

local function failed(self, code, fields)
    fields.url, fields.op = self.endpoint.origin, "store.open"
    return errors.fail(code, fields)
end

local function form(fields)
    local parts = {}
    for name, value in pairs(fields) do
        parts[#parts + 1] = name .. "=" .. http.escape(value)
    end
    return table.concat(parts, "&")
end

local function refused(self, answer)
    local body = http.xml(answer.body, {})
    local said = body and body.Error or {}
    local again = answer.status >= 500 or answer.status == 429
    return failed(self, again and "SlowDown" or "Unauthorized", {
        reason = string.format("the role %s cannot be assumed: %s", self.role,
            type(said) == "table" and (said.Message or said.Code) or "no reason given"),
        status = answer.status,
        request_id = answer.headers["x-amzn-requestid"],
        retry_after = dates.retry_after(answer.headers["retry-after"], os.time()),
        hint = not again and "check AWS_ROLE_ARN, the role's trust policy and " .. self.file or nil,
    })
end

local function read_token(self)
    local token, err = fs.read(self.file, {limit = TOKEN_LIMIT})
    if not token then
        return errors.wrap(err, {url = self.file, op = "store.open"})
    end
    token = token:gsub("%s+$", "")
    mask.add(token)
    return token
end

local function request(self, token)
    return self.endpoint.client:request({
        method = "POST",
        origin = self.endpoint.origin,
        path = "/",
        headers = {["Content-Type"] = "application/x-www-form-urlencoded"},
        body = form({Action = "AssumeRoleWithWebIdentity", Version = "2011-06-15",
                     RoleArn = self.role, RoleSessionName = self.session,
                     WebIdentityToken = token}),
        repeatable = true,
    })
end

--- The credentials in an answer.
local function read_answer(self, answer)
    if answer.status ~= 200 then
        return refused(self, answer)
    end
    local body = http.xml(answer.body, {})
    local result = body and body.AssumeRoleWithWebIdentityResult
    local given = type(result) == "table" and result.Credentials
    if type(given) ~= "table" or not given.AccessKeyId or not given.SecretAccessKey
        or not given.SessionToken or not dates.iso(given.Expiration) then
        return failed(self, "Corrupt", {reason = "its answer holds no credentials"})
    end
    return given
end

local function ask(self)
    if not self.endpoint.origin:find("^https://") then
        return failed(self, "Invalid", {reason = "a token is not sent over plain HTTP",
                                        hint = "use an https:// address"})
    end
    local token, err = read_token(self)
    if not token then
        return nil, err
    end
    -- An answer may quote it.
    local hidden <close> = setmetatable({}, { -- luacheck: ignore 211
        __close = function() mask.remove(token) end,
    })
    local answer
    answer, err = request(self, token)
    if not answer then
        return errors.wrap(err, {url = self.endpoint.origin, op = "store.open"})
    end
    return read_answer(self, answer)
end

local function forget(self)
    if self.value then
        mask.remove(self.value.secret_key)
        mask.remove(self.value.token)
    end
end

local function refresh(self)
    local given, err = ask(self)
    if not given then
        return nil, err
    end
    forget(self)
    self.value = {access_key = given.AccessKeyId, secret_key = given.SecretAccessKey,
                  token = given.SessionToken}
    mask.add(self.value.secret_key)
    mask.add(self.value.token)
    self.ends = dates.iso(given.Expiration)
    return self.value
end

local methods = {}

--- One asks, whoever else needs them waits for that.
function methods:get()
    while self.busy do
        task.sleep(0.01)
    end
    local now = os.time()
    if self.value and now < self.ends - EARLY then
        return self.value
    end
    self.busy = true
    local free <close> = setmetatable({}, { -- luacheck: ignore 211
        __close = function() self.busy = false end,
    })
    local value, err = refresh(self)
    if not value and self.value and now < self.ends then
        return self.value -- they are good for a while yet
    end
    return value, err
end

function methods:renew()
    self.ends = 0
    return true
end

function methods:close()
    forget(self)
    self.value = nil
end

--- new{file=, role=, session=, endpoint={client, origin}} -> provider, see credentials.lua
function web_identity.new(fields)
    fields.source = "web identity"
    fields.session = fields.session ~= "" and fields.session or "salvor"
    return setmetatable(fields, {__index = methods})
end

return web_identity
