--- Tokens of Microsoft Entra for a token of somebody else's (a Kubernetes service account): the
--- client credentials of RFC 6749 with the assertion of RFC 7523.
local errors = require("salvor.store.errors")
local http = require("salvor.store_http")
local identity = require("salvor.store.http.identity")
local json = require("salvor.json")

local workload_identity = {}

local AUTHORITY = "https://login.microsoftonline.com/"
local SCOPE = "https://storage.azure.com/.default"
local ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
local HEADERS = {["Content-Type"] = "application/x-www-form-urlencoded",
                 Accept = "application/json"}
local REASON_LIMIT = 500 -- bytes

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

local function text_of(body, name)
    return type(body) == "table" and type(body[name]) == "string" and body[name] or nil
end

local function request(self, assertion)
    return {
        path = self.path,
        headers = HEADERS,
        body = identity.form({grant_type = "client_credentials", client_id = self.client_id,
                              scope = SCOPE, client_assertion_type = ASSERTION,
                              client_assertion = assertion}),
    }
end

local function explain(self, got)
    local body = json.decode(got.body)
    local said = text_of(body, "error_description") or text_of(body, "error") or "no reason given"
    return string.format("no token for the client %s: %s", self.client_id,
        said:match("^[^\r\n]*"):sub(1, REASON_LIMIT)), text_of(body, "trace_id")
end

local function read(_, got)
    local body = json.decode(got.body)
    local token = text_of(body, "access_token")
    local seconds = token and tonumber(body.expires_in)
    if not seconds or token == "" or token:find("[^\33-\126]") then
        return nil
    end
    return {value = {token = token}, secrets = {token}, seconds = seconds}
end

--- new(environment, client, at) -> provider (credentials.lua); nil and an error. `environment`: of
--- of_environment().
function workload_identity.new(environment, client, at)
    local origin, path = environment.authority:match("^(%a+://[^/?#]+)/*([^?#]*)$")
    if not origin or not origin:lower():find("^https://") then
        return errors.fail("Invalid", {url = environment.authority, op = "store.open",
            reason = "AZURE_AUTHORITY_HOST is not an https:// address"})
    elseif not at.origin:find("^https://") then
        return errors.fail("Invalid", {url = at.origin, op = "store.open",
            reason = "a token is not sent over plain HTTP", hint = "use an https:// endpoint"})
    end
    path = path:gsub("/+$", "")
    return identity.new({
        source = "workload identity",
        client = client,
        client_id = environment.client_id,
        file = environment.file,
        origin = origin,
        path = (path ~= "" and "/" .. path or "") .. "/" .. http.escape(environment.tenant)
            .. "/oauth2/v2.0/token",
        hint = "check AZURE_CLIENT_ID, AZURE_TENANT_ID, the federated credential of that client, "
            .. "and " .. environment.file,
        request = request, explain = explain, read = read,
    })
end

return workload_identity
