--- Who we are for an S3 store. In this order, the first that is there:
---
---     options                  access_key, secret_key and session_token; anonymous = true: nobody
---     secret                   a Kubernetes Secret that holds them
---     profile                  when it is named by an option
---     environment              AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
---     web identity             AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN
---     profile                  AWS_PROFILE's, or "default": ~/.aws/credentials, ~/.aws/config
local common = require("salvor.store.http.credentials")
local errors = require("salvor.store.errors")
local web_identity = require("salvor.store.s3.web_identity")

local credentials = {}

--- The names that a Secret's data have them under: API Connect's, then those of others.
local SECRET_KEYS = {
    {"key", "keysecret"},
    {"access_key", "secret_key"},
    {"accesskey", "secretkey"},
    {"access-key", "secret-key"},
    {"accessKey", "secretKey"},
    {"accessKeyId", "secretAccessKey"},
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
    {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"},
    {"ACCESS_KEY_ID", "ACCESS_SECRET_KEY"},
    {"username", "password"},
}

local UNSUPPORTED = {
    credential_process = "programs that print credentials",
    sso_start_url = "single sign-on",
    sso_session = "single sign-on",
    source_profile = "roles assumed with another profile's keys",
    credential_source = "roles of instances and containers",
}

local function invalid(...)
    return common.invalid("S3", ...)
end

local function fixed(access_key, secret_key, token, source)
    token = token ~= "" and token or nil
    return common.fixed({access_key = access_key, secret_key = secret_key, token = token},
        {secret_key, token}, source)
end

local function of_secret(secret)
    for _, names in ipairs(SECRET_KEYS) do
        local access_key = common.value_of(secret, names[1])
        local secret_key = common.value_of(secret, names[2])
        if access_key and secret_key then
            return fixed(access_key, secret_key, names[3] and common.value_of(secret, names[3]),
                "the Secret")
        end
    end
    return invalid("the Secret " .. tostring((secret.metadata or {}).name or "")
        .. " has no access key and secret key in it; its keys are: "
        .. common.names_in(secret),
        "they are looked for as key and keysecret, access_key and secret_key, "
        .. "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, username and password")
end

local function of_options(options)
    if not options.access_key or not options.secret_key then
        return invalid("access_key and secret_key belong together; one of them is missing")
    end
    return fixed(options.access_key, options.secret_key, options.session_token, "the options")
end

local function of_environment(getenv)
    local access_key, secret_key = getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
    if not access_key or access_key == "" then
        return nil
    elseif not secret_key or secret_key == "" then
        return invalid("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
    end
    return fixed(access_key, secret_key, getenv("AWS_SESSION_TOKEN"), "the environment")
end

--- A role is who a profile is for, also where the keys that may assume it stand in the same one.
local function of_profile(profile, sts)
    local keys = profile.keys
    local is_role = keys.role_arn and (keys.source_profile or keys.credential_source)
    if not is_role and keys.aws_access_key_id and keys.aws_secret_access_key then
        return fixed(keys.aws_access_key_id, keys.aws_secret_access_key, keys.aws_session_token,
            "the profile " .. profile.name)
    elseif keys.web_identity_token_file and keys.role_arn then
        return web_identity.new({
            file = keys.web_identity_token_file,
            role = keys.role_arn,
            session = keys.role_session_name,
            client = sts.client,
            origin = sts.origin,
        })
    end
    for name, what in pairs(UNSUPPORTED) do
        if keys[name] then
            return errors.fail("Unsupported", {url = "credentials of S3", op = "store.open",
                reason = string.format("the profile '%s' has %s, and Salvor does not do %s",
                    profile.name, name, what),
                hint = "run 'aws configure export-credentials --format env', and set what it says"})
        end
    end
    return nil
end

local function nothing_found(looked)
    return common.nothing_found("S3", looked, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"
        .. " name a store of the site file; in a script: access_key and secret_key, secret,"
        .. " profile, or anonymous = true for what everybody may read")
end

local function unknown_profile(profile)
    return invalid(string.format("there is no profile '%s' in %s or %s", profile.name,
        profile.credentials or "~/.aws/credentials", profile.config or "~/.aws/config"))
end

--- find(options, profile, getenv, sts) -> provider, or nil and an error. `sts`: {client, origin},
--- for web identities.
---
--- A provider has get() -> {access_key, secret_key, token}, or nil and an error; it is empty for
--- nobody. renew(what get() gave, and was refused) -> true when there are others. close(). `source`
--- says where they are from.
function credentials.find(options, profile, getenv, sts)
    if options.anonymous then
        return common.fixed({}, {}, "nobody")
    elseif options.access_key or options.secret_key or options.session_token then
        return of_options(options)
    elseif options.secret then
        return of_secret(options.secret)
    end
    if profile.explicit and not profile.found then
        return unknown_profile(profile)
    elseif options.profile then
        local found, err = of_profile(profile, sts)
        if found or err then
            return found, err
        end
        return nothing_found({string.format("the profile '%s' of %s and %s", profile.name,
            profile.credentials, profile.config)})
    end
    local found, err = of_environment(getenv)
    if found or err then
        return found, err
    end
    local file, role = getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), getenv("AWS_ROLE_ARN")
    if file and file ~= "" and role and role ~= "" then
        return web_identity.new({file = file, role = role, client = sts.client,
                                 origin = sts.origin, session = getenv("AWS_ROLE_SESSION_NAME")})
    end
    found, err = of_profile(profile, sts)
    if found or err then
        return found, err
    end
    return nothing_found({
        "the options access_key and secret_key",
        "the option secret",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
        string.format("the profile '%s' of %s and %s", profile.name,
            profile.credentials or "~/.aws/credentials", profile.config or "~/.aws/config"),
    })
end

return credentials
