--- Temporary credentials for a token of somebody else's (a Kubernetes service account): STS's
--- AssumeRoleWithWebIdentity.
local dates = require("salvor.dates")
local http = require("salvor.store_http")
local identity = require("salvor.store.http.identity")

local web_identity = {}

local FORM = {["Content-Type"] = "application/x-www-form-urlencoded"}

local function request(self, token)
    return {
        path = "/",
        headers = FORM,
        body = identity.form({Action = "AssumeRoleWithWebIdentity", Version = "2011-06-15",
                              RoleArn = self.role, RoleSessionName = self.session,
                              WebIdentityToken = token}),
    }
end

local function explain(self, got)
    local body = http.xml(got.body, {})
    local said = body and body.Error
    return string.format("the role %s cannot be assumed: %s", self.role,
        type(said) == "table" and (said.Message or said.Code) or "no reason given"),
        got.headers["x-amzn-requestid"]
end

--- Their end is told by the server's clock.
local function seconds_until(expiration, got)
    local ends = dates.iso(expiration)
    return ends and ends - (dates.http(got.headers.date) or os.time())
end

local function read(_, got)
    local body = http.xml(got.body, {})
    local result = body and body.AssumeRoleWithWebIdentityResult
    local given = type(result) == "table" and result.Credentials
    if type(given) ~= "table" then
        return nil
    end
    local secret_key, token = given.SecretAccessKey, given.SessionToken
    local seconds = seconds_until(given.Expiration, got)
    for _, text in ipairs({given.AccessKeyId or false, secret_key or false, token or false}) do
        if type(text) ~= "string" or text == "" then
            return nil
        end
    end
    return seconds and {
        value = {access_key = given.AccessKeyId, secret_key = secret_key, token = token},
        secrets = {secret_key, token},
        seconds = seconds,
    }
end

--- new{file=, role=, session=, client=, origin=} -> provider, see credentials.lua; nil and an
--- error. client, origin: of STS.
function web_identity.new(fields)
    fields.source = "web identity"
    fields.session = fields.session ~= "" and fields.session or "salvor"
    fields.hint = "check AWS_ROLE_ARN, the role's trust policy and " .. fields.file
    fields.request, fields.explain, fields.read = request, explain, read
    return identity.new(fields)
end

return web_identity
