--- Who we are for Azure Storage, and which account it is. In this order, the first that is there:
---
---     options             connection_string, key or sas; anonymous = true: nobody
---     secret              a Kubernetes Secret that holds them
---     environment         AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY,
---                         AZURE_STORAGE_SAS_TOKEN
---     workload identity   AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE
---
--- The account is that of the options, of the endpoint, of what holds the key, and at last
--- AZURE_STORAGE_ACCOUNT. A key of the environment that is another account's is not used.
local account = require("salvor.store.azure.account")
local common = require("salvor.store.http.credentials")
local json = require("salvor.json")
local workload_identity = require("salvor.store.azure.workload_identity")

local credentials = {}

--- The names that a Secret's data have the account and the key under: those of Azure's CSI drivers,
--- of the environment, and of others.
local SECRET_KEYS = {
    {"azurestorageaccountname", "azurestorageaccountkey"},
    {"AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"},
    {"AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_ACCESS_KEY"},
    {"AZURE_STORAGE_ACCOUNT_ID", "AZURE_STORAGE_ACCOUNT_ACCESS_KEY"},
    {"storage_account", "key"},
    {"accountname", "accountkey"},
    {"account", "key"},
}
local SECRET_STRINGS = {"AZURE_STORAGE_CONNECTION_STRING", "AZURE_CONNECTION_STRING",
                        "connection_string", "connection-string", "connectionString"}
local SECRET_SIGNATURES = {"AZURE_STORAGE_SAS_TOKEN", "sas", "sas_token", "sastoken"}

local function invalid(...)
    return common.invalid("Azure", ...)
end

--- Secrets

--- Medusa's: `credentials` is {"storage_account": ..., "key": ...} as JSON.
local function of_medusa(text)
    local found = json.decode(text)
    if type(found) ~= "table" or type(found.storage_account) ~= "string"
        or type(found.key) ~= "string" then
        return nil
    end
    return {account = found.storage_account, key = found.key}
end

local function first_of(secret, names)
    for _, name in ipairs(names) do
        local text = common.value_of(secret, name)
        if text then
            return text
        end
    end
end

local function of_secret(secret)
    local source = "the Secret " .. tostring((secret.metadata or {}).name or "")
    local text = common.value_of(secret, "credentials")
    local found = text and of_medusa(text)
    if found then
        return found
    end
    text = first_of(secret, SECRET_STRINGS)
    if text then
        return account.connection_string(text, source)
    end
    for _, names in ipairs(SECRET_KEYS) do
        local key = common.value_of(secret, names[2])
        if key and common.value_of(secret, names[1]) then
            return {account = common.value_of(secret, names[1]), key = key}
        end
    end
    text = first_of(secret, SECRET_SIGNATURES)
    if text then
        return {account = first_of(secret, {"AZURE_STORAGE_ACCOUNT", "account"}), sas = text}
    end
    return invalid(source .. " has no account and key in it; its keys are: "
        .. common.names_in(secret),
        'they are looked for as credentials ({"storage_account": ..., "key": ...}), '
        .. "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, "
        .. "azurestorageaccountname and azurestorageaccountkey, AZURE_STORAGE_SAS_TOKEN")
end

--- Where else they may be. Each gives {account, endpoint, key, sas} as texts; nil when there is
--- nothing, nil and an error when it is wrong.

local function of_options(options)
    local given = {}
    for _, name in ipairs({"connection_string", "key", "sas"}) do
        given[#given + 1] = options[name] and name or nil
    end
    if #given > 1 then
        return invalid(table.concat(given, " and ") .. " are given; one of them is enough")
    elseif options.connection_string then
        return account.connection_string(options.connection_string, "the options")
    elseif given[1] then
        return {key = options.key, sas = options.sas}
    end
end

local function of_environment(getenv)
    local function get(name)
        local text = getenv(name)
        return text ~= "" and text or nil
    end
    local text = get("AZURE_STORAGE_CONNECTION_STRING")
    if text then
        return account.connection_string(text, "AZURE_STORAGE_CONNECTION_STRING")
    end
    local key, sas = get("AZURE_STORAGE_KEY"), get("AZURE_STORAGE_SAS_TOKEN")
    if key or sas then
        return {account = get("AZURE_STORAGE_ACCOUNT"), key = key, sas = not key and sas or nil}
    end
end

--- The account that a candidate is for, as far as it says so.
local function account_of(found)
    local at = found.endpoint and account.endpoint(found.endpoint)
    return found.account or (at and at.account)
end

--- Providers: get() -> {key = bytes}, {sas = parameters}, {token = text} or {}; nil and an error.
--- renew(what get() gave, and was refused) -> true when there are others. close(). `source` says
--- where they are from.

local function new_provider(found, source)
    if found.key then
        local bytes, err = account.key(found.key, source)
        return bytes and common.fixed({key = bytes}, {(found.key:gsub("%s+$", ""))}, source), err
    end
    local sas, err = account.sas(found.sas, source)
    return sas and common.fixed({sas = sas}, {sas.sig}, source), err
end

local function nothing_found(looked)
    return common.nothing_found("Azure", looked, "set AZURE_STORAGE_CONNECTION_STRING, or name a"
        .. " store of the site file; in a script: connection_string, account and key, account and"
        .. " sas, secret, or anonymous = true for what everybody may read")
end

local LOOKED = {
    "the options connection_string, key and sas",
    "the option secret",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE",
}

--- {account, endpoint, key, sas, identity, anonymous} and where it is from; nil and an error.
local function search(options, getenv, wanted)
    if options.anonymous then
        return {anonymous = true}, "nobody"
    end
    local found, err = of_options(options)
    if found or err then
        return found, err or "the options"
    elseif options.secret then
        found, err = of_secret(options.secret)
        return found, err or "the Secret"
    end
    found, err = of_environment(getenv)
    if err then
        return nil, err
    end
    local looked = table.move(LOOKED, 1, #LOOKED, 1, {})
    local its = found and account_of(found)
    if found and its and wanted and its ~= wanted then
        looked[#looked + 1] = string.format(
            "the environment's is of the account '%s' and not '%s'", its, wanted)
    elseif found then
        return found, "the environment"
    end
    local identity = workload_identity.of_environment(getenv)
    if identity then
        return {identity = identity}, "workload identity"
    end
    return nothing_found(looked)
end

--- The endpoint of what was found, and the account's name.
local function place_of(options, found, wanted, getenv)
    local text = options.endpoint or found.endpoint
    local name = wanted or account_of(found)
    if not name and not text then
        name = getenv("AZURE_STORAGE_ACCOUNT")
        name = name ~= "" and name or nil
        if not name then
            return invalid("it is not known which account it is", "give account, endpoint or "
                .. "connection_string, or set AZURE_STORAGE_ACCOUNT")
        end
    end
    if name and name:find("[^%w-]") then
        return invalid("'" .. name .. "' is not the name of an account")
    end
    local at, err = account.endpoint(text or account.default_endpoint(name))
    if not at then
        return nil, err
    end
    at.account = name or at.account
    if found.key and not at.account then
        return invalid("the account's name is needed for its key, and " .. at.origin
            .. " does not tell it", "give account")
    end
    return at
end

--- find(options, getenv, client) -> provider and {origin, base, account}, or nil and an error.
function credentials.find(options, getenv, client)
    local wanted = options.account
    if options.endpoint and not wanted then
        local at, err = account.endpoint(options.endpoint)
        if not at then
            return nil, err
        end
        wanted = at.account
    end
    local found, source = search(options, getenv, wanted)
    if not found then
        return nil, source
    end
    local at, err = place_of(options, found, wanted, getenv)
    if not at then
        return nil, err
    end
    local provider
    if found.identity then
        provider, err = workload_identity.new(found.identity, client, at)
    elseif found.anonymous then
        provider = common.fixed({}, {}, source)
    else
        provider, err = new_provider(found, source)
    end
    if not provider then
        return nil, err
    end
    return provider, at
end

return credentials
