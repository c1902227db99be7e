--- Checks of apic-v10/configure-s3-backup: the credentials, the certificate and the bucket.
local base64 = require("salvor.digest").base64
local contents = require("salvor.k8s.contents")
local dig = require("salvor").dig
local find = require("salvor.k8s.find")
local fs = require("salvor.fs")
local management = require("salvor.apiconnect.management")
local merge = require("salvor.copy").merge
local s3_place = require("salvor.apiconnect.s3_place")
local settings = require("salvor.apiconnect.configure_s3.settings")
local site_stores = require("salvor.procedure.site")
local sites = require("salvor.apiconnect.configure_s3.sites")
local store = require("salvor.store")

local bucket = {}

local RETRIES = 2 -- somebody waits for the answer
local CA_KEY = s3_place.CA_KEY
local CERTIFICATE_LIMIT = 1 << 20

local function find_secret(client, name)
    return find.object(client, "secrets", name)
end

--- The data of the Secret of credentials that was given as parameters; nil when none was.
function bucket.credentials(params)
    if not params.access_key or not params.secret_key then
        return nil
    end
    return {key = base64(params.access_key), keysecret = base64(params.secret_key)}
end

--- The data of the certificate's Secret; nil when no file was given.
function bucket.certificate(params)
    return params.ca and {[CA_KEY] = base64(must(fs.read(params.ca, {limit = CERTIFICATE_LIMIT})))}
        or nil
end

--- Whether a Secret has these data (and perhaps others).
function bucket.holds(client, name, data)
    return contents.holds(find_secret(client, name), {data = data})
end

local function check_existing(ctx, site, client)
    local found = find_secret(client, ctx.params.credentials)
    local missing = found and management.BUCKET_KEYS(found)
    if not found then
        ctx:problem("there is no secret " .. ctx.params.credentials .. sites.of(site),
            "give the credentials with -p access_key=… -p secret_key=…, or name a Secret that has"
            .. " them with -p credentials=…")
    elseif missing then
        ctx:problem("secret " .. ctx.params.credentials .. sites.of(site) .. " has " .. missing,
            "these two names are what the operator reads")
    end
end

local function check_replaced(ctx, site, client, name, data)
    if find_secret(client, name) and not bucket.holds(client, name, data) then
        ctx:warn("secret " .. name .. sites.of(site) .. " exists with other values, which are"
            .. " replaced", "name another one when somebody else uses it")
    end
end

--- Check `credentials`: the two parts of the credentials, or a Secret that has them.
function bucket.check_credentials(ctx)
    local params = ctx.params
    if (params.access_key == nil) ~= (params.secret_key == nil) then
        return ctx:problem("access_key and secret_key belong together; one of them is missing",
            "give both, or neither and name a Secret that has them with -p credentials=…")
    end
    local data = bucket.credentials(params)
    for _, site, client in sites.each(ctx) do
        if data then
            check_replaced(ctx, site, client, params.credentials, data)
        else
            check_existing(ctx, site, client)
        end
    end
end

--- Check `certificate`: a file, or a Secret, in which there is a certificate.
function bucket.check_certificate(ctx)
    local text = ctx.params.ca and must(fs.read(ctx.params.ca, {limit = CERTIFICATE_LIMIT}))
    if text and not text:find("-----BEGIN CERTIFICATE-----", 1, true) then
        return ctx:problem(ctx.params.ca .. " holds no certificate",
            "it is the authority's certificate as PEM: -----BEGIN CERTIFICATE-----")
    elseif text and text:find("PRIVATE KEY-----", 1, true) then
        return ctx:problem(ctx.params.ca .. " holds a private key, which must not be copied",
            "give a file with the authority's certificate alone")
    end
    for _, site, client in sites.each(ctx) do
        local name = site.wanted.backupCerts
        if text then
            check_replaced(ctx, site, client, name, bucket.certificate(ctx.params))
        elseif name and (dig(find_secret(client, name), "data", CA_KEY) or "") == "" then
            ctx:problem("there is no secret " .. name .. sites.of(site) .. " with a key " .. CA_KEY,
                "give the certificate with -p ca=FILE")
        end
    end
end

--- The credentials that API Connect will have, for salvor.store.
local function credentials_of(ctx, client)
    if ctx.params.access_key then
        return {access_key = ctx.params.access_key, secret_key = ctx.params.secret_key}
    end
    return {secret = must(client:get("secrets", ctx.params.credentials))}
end

--- with_place(ctx, site, client, fn) -> what fn(url, options) gives: a data centre's place with
--- just what API Connect will have.
function bucket.with_place(ctx, site, client, fn)
    local params, certificate = ctx.params, nil
    if not params.ca and site.wanted.backupCerts then
        certificate = must(client:get("secrets", site.wanted.backupCerts))
    end
    return s3_place.with(site.wanted, certificate,
        merge(credentials_of(ctx, client), {ca = params.ca}), fn)
end

local UNTRUSTED = "API Connect would say 'x509: certificate signed by unknown authority': with the"
    .. " provider custom give the authority's certificate with -p ca=FILE, any other must be known"
    .. " everywhere"

local REFUSED = "look at the access key and the secret key, and at what they may do with this"
    .. " bucket"

local HINTS = {
    Untrusted = UNTRUSTED,
    Forbidden = REFUSED,
    Unauthorized = REFUSED,
    Unreachable = "look at -p host; when only the cluster can reach it, leave this check out with"
        .. " --skip bucket",
}

local function is_its_own(ctx, site)
    local now = settings.live(ctx, site)
    return now.protocol == "objstore" and now.host == site.wanted.host
        and now.path == site.wanted.path
end

local USED = "stanza-create fails where other backups are: name a new path, or remove every file;"
    .. " to take old backups over, copy them with -p copy_from=…"

--- Whether the place could be looked at.
local function check_empty(ctx, site, opened)
    local empty, names = store.is_empty(opened)
    if empty == nil then
        return ctx:problem(names.message, HINTS[names.code] or names.hint)
    elseif not empty and is_its_own(ctx, site) then
        ctx:note(opened.url .. " is where its backups are already")
    elseif not empty then
        ctx:problem(opened.url .. " is not empty: " .. table.concat(names, ", "),
            ctx.params.copy_from and "a repository is copied to a path that was never used" or USED)
    end
    return true
end

local function check_retention(ctx, opened)
    s3_place.check_retention(ctx, opened, ctx.problem, "-p retain=…")
end

--- source(ctx, options) -> URL and options of what is to be copied. A store of the site (@NAME) has
--- its own; S3 is else the same server, and the credentials are the same.
function bucket.source(ctx, options)
    local url, known = must(site_stores.store(ctx.site, ctx.params.copy_from))
    local is_plain_s3 = url == ctx.params.copy_from and url:find("^s3://")
    return url, is_plain_s3 and options or known
end

local function check_source(ctx, options)
    local url, own = bucket.source(ctx, options)
    local report = must(store.verify(url, {kind = "pgbackrest", open = own}))
    if not report.restorable then
        ctx:problem("the repository at " .. report.url .. " cannot be restored: " .. report.summary,
            "salvor verify " .. report.url .. " tells more")
    end
end

--- Check `bucket`: reachable with what API Connect will have, empty, and left alone by the server.
function bucket.check(ctx)
    for _, site, client in sites.each(ctx) do
        bucket.with_place(ctx, site, client, function(url, options)
            local opened <close> = must(store.open(url, merge(options, {retries = RETRIES})))
            if check_empty(ctx, site, opened) then
                check_retention(ctx, opened)
            end
            if ctx.params.copy_from and not site.other then
                check_source(ctx, options)
            end
        end)
    end
end

return bucket
