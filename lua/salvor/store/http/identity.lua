--- What is the same in being somebody for the token of a Kubernetes service account: a service
--- gives credentials for it, and they end. The token's file is read each time, since it changes
--- every hour.
local answer = require("salvor.store.http.answer")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local mask = require("salvor.secret")
local task = require("salvor.task")

local identity = {}

local EARLY = 300 -- seconds before their end when credentials are renewed
local TOKEN_LIMIT = 64 << 10
local OP = "store.open"

local provider = {}
provider.__index = provider

--- Masked until the variable is closed: the service may quote it.
local function hide(text)
    mask.add(text)
    return setmetatable({}, {__close = function() mask.remove(text) end})
end

local function read_token(self)
    local text, err = fs.read(self.file, {limit = TOKEN_LIMIT})
    if not text then
        return errors.wrap(err, {url = self.file, op = OP})
    end
    text = text:gsub("%s+$", "")
    if text == "" then
        return errors.fail("Invalid", {url = self.file, op = OP, reason = "it holds no token"})
    end
    return text
end

local function refused(self, got)
    local reason, request_id = self:explain(got)
    local again = got.status >= 500 or got.status == 429
    return answer.fail(got, again and "SlowDown" or "Unauthorized", {
        url = self.origin, op = OP, reason = reason, request_id = request_id,
        hint = not again and self.hint or nil,
    })
end

local function ask(self)
    local token, err = read_token(self)
    if not token then
        return nil, err
    end
    local hidden <close> = hide(token) -- luacheck: ignore 211
    local wanted = self:request(token)
    wanted.method, wanted.origin, wanted.repeatable = "POST", self.origin, true
    local got
    got, err = self.client:request(wanted)
    if not got then
        return errors.wrap(err, {url = self.origin, op = OP})
    elseif got.status ~= 200 then
        return refused(self, got)
    end
    local given = self:read(got)
    if not given then
        return errors.fail("Corrupt", {url = self.origin, op = OP,
                                       reason = "its answer holds no credentials"})
    end
    return given
end

local function forget(self)
    for _, text in ipairs(self.secrets) do
        mask.remove(text)
    end
    self.secrets = {}
end

local function refresh(self)
    local given, err = ask(self)
    if not given then
        return nil, err
    end
    for _, text in ipairs(given.secrets) do
        mask.add(text)
    end
    forget(self)
    self.value, self.secrets = given.value, given.secrets
    self.ends = task.now() + given.seconds
    self.renewed_at = self.ends - math.min(EARLY, given.seconds / 2)
    return self.value
end

--- One asks, whoever else needs them waits for that.
function provider:get()
    while self.busy do
        task.sleep(0.01)
    end
    if self.value and task.now() < self.renewed_at then
        return self.value
    end
    self.busy = true
    local free <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        self.busy = false
    end})
    local value, err = refresh(self)
    if not value and self.value and task.now() < self.ends then
        return self.value -- they are good for a while yet
    end
    return value, err
end

--- `value`: what was refused. The next get() asks for others, unless there are some by now.
function provider:renew(value)
    if self.value == value then
        self.renewed_at, self.ends = -math.huge, -math.huge
    end
    return true
end

function provider:close()
    forget(self)
    self.value = nil
end

--- The body of a form.
function identity.form(fields)
    local parts = {}
    for name, value in pairs(fields) do
        parts[#parts + 1] = name .. "=" .. http.escape(value)
    end
    return table.concat(parts, "&")
end

--- new{source=, client=, origin=, file=, hint=, request=, explain=, read=} -> provider, see
--- credentials.lua; nil and an error for what is not https.
---
---     request(self, token) -> {path=, headers=, body=}
---     explain(self, answer) -> why there are none, and the request's id where no header has it
---     read(self, answer) -> {value =, secrets = texts in it, seconds = they are good for}, or nil
---
--- hint: what to check when the service refuses.
function identity.new(fields)
    if not fields.origin:lower():find("^https://") then
        return errors.fail("Invalid", {url = fields.origin, op = OP,
            reason = "a token is not sent over plain HTTP", hint = "use an https:// address"})
    end
    fields.secrets = {}
    return setmetatable(fields, provider)
end

return identity
