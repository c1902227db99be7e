--- Tokens of Microsoft Entra for a token of somebody else's (a Kubernetes service account): the
--- client credentials of RFC 6749 with the assertion of RFC 7523. The file is read each time, since
--- it changes every hour.
local dates = require("salvor.store.dates")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local json = require("salvor.json")
local mask = require("salvor.secret")
local task = require("salvor.task")

local workload_identity = {}

local AUTHORITY = "https://login.microsoftonline.com/"
local SCOPE = "https://storage.azure.com/.default"
local ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
local EARLY = 300 -- seconds before its end when a token is renewed
local TOKEN_LIMIT = 64 << 10

--- {client_id, tenant, file, authority} of the environment, as Azure's webhook sets it in pods; nil
--- when it is not all there.
function workload_identity.of_environment(getenv)
    local client_id, tenant, file = getenv("AZURE_CLIENT_ID"), getenv("AZURE_TENANT_ID"),
        getenv("AZURE_FEDERATED_TOKEN_FILE")
    for _, text in ipairs({client_id or "", tenant or "", file or ""}) do
        if text == "" then
            return nil
        end
    end
    local authority = getenv("AZURE_AUTHORITY_HOST")
    return {client_id = client_id, tenant = tenant, file = file,
            authority = authority ~= "" and authority or AUTHORITY}
end

local function failed(self, code, fields)
    fields.url, fields.op = self.origin, "store.open"
    return errors.fail(code, fields)
end

local function form(fields)
    local parts = {}
    for name, value in pairs(fields) do
        parts[#parts + 1] = name .. "=" .. http.escape(value)
    end
    return table.concat(parts, "&")
end

local function text_of(body, name)
    return type(body) == "table" and type(body[name]) == "string" and body[name] or nil
end

local function refused(self, answer)
    local body = json.decode(answer.body)
    local again = answer.status >= 500 or answer.status == 429
    local said = text_of(body, "error_description") or text_of(body, "error") or "no reason given"
    return failed(self, again and "SlowDown" or "Unauthorized", {
        reason = string.format("no token for the client %s: %s", self.client_id,
            said:match("^[^\r\n]*"):sub(1, 500)),
        status = answer.status,
        request_id = text_of(body, "trace_id") or answer.headers["x-ms-request-id"],
        retry_after = dates.retry_after(answer.headers["retry-after"], os.time()),
        hint = not again and "check AZURE_CLIENT_ID, AZURE_TENANT_ID, the federated credential of "
            .. "that client, and " .. self.file or nil,
    })
end

local function read_assertion(self)
    local text, err = fs.read(self.file, {limit = TOKEN_LIMIT})
    if not text then
        return errors.wrap(err, {url = self.file, op = "store.open"})
    end
    text = text:gsub("%s+$", "")
    if text == "" then
        return errors.fail("Invalid", {url = self.file, op = "store.open",
                                       reason = "it holds no token"})
    end
    return text
end

local function send(self, assertion)
    mask.add(assertion)
    local forget <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        mask.remove(assertion)
    end})
    return self.client:request({
        method = "POST",
        origin = self.origin,
        path = self.path,
        headers = {["Content-Type"] = "application/x-www-form-urlencoded",
                   Accept = "application/json"},
        body = form({grant_type = "client_credentials", client_id = self.client_id, scope = SCOPE,
                     client_assertion_type = ASSERTION, client_assertion = assertion}),
        repeatable = true,
    })
end

--- The token and the seconds that it is good for.
local function ask(self)
    local assertion, err = read_assertion(self)
    if not assertion then
        return nil, err
    end
    local answer
    answer, err = send(self, assertion)
    if not answer then
        return errors.wrap(err, {url = self.origin, op = "store.open"})
    elseif answer.status ~= 200 then
        return refused(self, answer)
    end
    local body = json.decode(answer.body)
    local token = text_of(body, "access_token")
    local seconds = token and tonumber(body.expires_in)
    if not token or token:find("[^\33-\126]") or not seconds then
        return failed(self, "Corrupt", {reason = "its answer holds no token"})
    end
    return token, seconds
end

local function forget(self)
    if self.value then
        mask.remove(self.value.token)
    end
end

local methods = {}

local function refresh(self)
    local token, seconds = ask(self)
    if not token then
        return nil, seconds
    end
    mask.add(token)
    forget(self)
    self.value = {token = token}
    self.ends = task.now() + seconds
    self.renewed_at = self.ends - math.min(EARLY, seconds / 2)
    return self.value
end

--- One asks, whoever else needs it waits for that.
function methods:get()
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
        return self.value -- it is good for a while yet
    end
    return value, err
end

--- The token was refused: the next get() asks for another one.
function methods:renew(refused_token)
    if self.value and self.value.token == refused_token then
        self.renewed_at, self.ends = -math.huge, -math.huge
    end
    return true
end

function methods:close()
    forget(self)
    self.value = nil
end

--- new(identity, client, at) -> provider (credentials.lua); nil and an error.
function workload_identity.new(identity, client, at)
    local origin, path = identity.authority:match("^(%a+://[^/?#]+)/*([^?#]*)$")
    if not origin or not origin:lower():find("^https://") then
        return errors.fail("Invalid", {url = identity.authority, op = "store.open",
            reason = "AZURE_AUTHORITY_HOST is not an https:// address"})
    elseif not at.origin:find("^https://") then
        return errors.fail("Invalid", {url = at.origin, op = "store.open",
            reason = "a token is not sent over plain HTTP", hint = "use an https:// endpoint"})
    end
    path = path:gsub("/+$", "")
    return setmetatable({
        source = "workload identity",
        client_id = identity.client_id,
        file = identity.file,
        client = client,
        origin = origin,
        path = (path ~= "" and "/" .. path or "") .. "/" .. http.escape(identity.tenant)
            .. "/oauth2/v2.0/token",
        renewed_at = -math.huge,
        ends = -math.huge,
    }, {__index = methods})
end

return workload_identity
