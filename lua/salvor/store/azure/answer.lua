--- What Azure's Blob service answers: items out of headers, errors out of headers and bodies.
local common = require("salvor.store.http.answer")
local dates = require("salvor.dates")
local md5_forms = require("salvor.store.http.md5")

local answer = {}
local text = common.text

--- Azure's own codes ("Common REST API error codes" and "Blob service error codes").
local CODES = {
    AccountBeingCreated = "SlowDown",
    AccountIsDisabled = "Forbidden",
    AuthenticationFailed = "Unauthorized",
    AuthorizationFailure = "Forbidden",
    AuthorizationPermissionMismatch = "Forbidden",
    AuthorizationProtocolMismatch = "Forbidden",
    AuthorizationResourceTypeMismatch = "Forbidden",
    AuthorizationServiceMismatch = "Forbidden",
    AuthorizationSourceIPMismatch = "Forbidden",
    BlobAlreadyExists = "AlreadyExists",
    BlobArchived = "Unsupported",
    BlobBeingRehydrated = "Unsupported",
    BlobImmutableDueToPolicy = "Forbidden",
    BlobNotFound = "NotFound",
    CannotVerifyCopySource = "NotFound",
    ConditionNotMet = "Changed",
    ContainerBeingDeleted = "NotFound",
    ContainerBeingDisabled = "Forbidden",
    ContainerDisabled = "Forbidden",
    ContainerNotFound = "NotFound",
    InsufficientAccountPermissions = "Forbidden",
    InternalError = "IO",
    InvalidAuthenticationInfo = "Unauthorized",
    InvalidBlobType = "Unsupported",
    InvalidBlockList = "Conflict",
    InvalidMd5 = "Corrupt",
    KeyBasedAuthenticationNotPermitted = "Forbidden",
    LeaseIdMissing = "Forbidden",
    Md5Mismatch = "Corrupt",
    NoAuthenticationInformation = "Unauthorized",
    NoPendingCopyOperation = "Changed",
    OperationTimedOut = "Timeout",
    PendingCopyOperation = "SlowDown",
    PublicAccessNotPermitted = "Forbidden",
    RequestBodyTooLarge = "TooLarge",
    ResourceNotFound = "NotFound",
    ServerBusy = "SlowDown",
    SourceConditionNotMet = "Changed",
    TargetConditionNotMet = "Changed",
    UnauthorizedBlobOverwrite = "Forbidden",
}

local HINTS = {
    InvalidBlockList = "another run has written the same object: look at what is there, and copy"
        .. " again",
    AccountIsDisabled = "have the account enabled",
    AuthenticationFailed = "check the account's name and its key or shared access signature",
    AuthorizationFailure = "the account may only take requests from certain networks",
    AuthorizationPermissionMismatch = "the signature or role has no right to do this",
    AuthorizationProtocolMismatch = "the signature is for https only",
    AuthorizationSourceIPMismatch = "the signature is for another address than this machine's",
    BlobArchived = "the object is in the archive tier: have it rehydrated first",
    BlobBeingRehydrated = "the object is on its way out of the archive: wait",
    BlobImmutableDueToPolicy = "a policy of the container forbids changes",
    InvalidBlobType = "it is an append or page blob: those are read, and not written",
    KeyBasedAuthenticationNotPermitted = "the account takes no keys: use workload identity",
    LeaseIdMissing = "somebody has a lease on it: break the lease, or wait",
    NoAuthenticationInformation = "anonymous requests are not enough here",
    PublicAccessNotPermitted = "anonymous requests are not enough here",
}

local WORTH_REPEATING = {InternalError = true, Md5Mismatch = true}

--- Signatures are refused when the clocks are further apart, in seconds.
answer.SKEW = 900

--- What the emulator says in other words, by a part of its message.
local EMULATOR = {
    AuthorizationFailure = {"failed to authenticate", "AuthenticationFailed"},
    InvalidOperation = {"contentMD5", "Md5Mismatch"},
}

--- Azure's code of an error: a HEAD has it in a header only.
function answer.code(got, body)
    local said = got.headers["x-ms-error-code"] or text(body, "Code")
    local other = EMULATOR[said]
    if other and (text(body, "Message") or ""):find(other[1], 1, true) then
        return other[2]
    end
    return said
end

--- How far the server's clock is ahead of ours, in seconds; nil when it does not tell.
function answer.skew(got)
    local its = dates.http(got.headers.date)
    return its and its - os.time()
end

--- Why the signature was refused. Its detail may hold what was signed, so only what says that a
--- signature has ended is told.
local function refusal(store, got, body)
    if store._credentials.source == "nobody" then
        return "anonymous requests are not enough here", "give a key or a signature"
    end
    local detail = text(body, "AuthenticationErrorDetail") or ""
    local skew = answer.skew(got)
    if skew and math.abs(skew) > answer.SKEW then
        return string.format("this machine's clock is %d s %s the server's", math.abs(skew),
            skew > 0 and "behind" or "ahead of"), "set this machine's clock"
    elseif detail:find("^Signature not valid") or detail:find("expired", 1, true) then
        return detail:match("^[^\r\n]*"), "get a new shared access signature"
    end
    return "the signature is not that of the account's key"
end

--- What the server said, without the lines about the request and the time.
local function message_of(body)
    local said = text(body, "Message")
    said = said and said:match("^[^\r\n]*"):gsub("%s*RequestId:.*$", "")
    return said ~= "" and said or nil
end

local function explain(store, got, body, said)
    if said == "AuthenticationFailed" then
        return refusal(store, got, body)
    elseif said == "ContainerBeingDeleted" then
        return "the container is being deleted", "it may be made anew in a minute"
    elseif said == "ContainerNotFound" then
        return "there is no such container at " .. store._at.origin .. store._at.base
    end
    return message_of(body)
end

local CONTAINERS = {ContainerBeingDeleted = true, ContainerNotFound = true}
local PLAIN = {BlobNotFound = true, ResourceNotFound = true, ContainerNotFound = true,
               BlobAlreadyExists = true}

--- The error of an answer: nil and an error object. `url`: what it is about; `body`: that of
--- http/answer.lua.
function answer.fail(store, got, url, op, body)
    local said = answer.code(got, body)
    local code = CODES[said] or common.STATUSES[got.status]
        or (got.status >= 500 and "IO") or "Invalid"
    local reason, hint = explain(store, got, body, said)
    if CONTAINERS[said] then
        url = "az://" .. store._container
    elseif PLAIN[said] or (code == "NotFound" and not said) then
        reason = nil
    end
    if said and not PLAIN[said] then
        reason = reason and said .. ": " .. reason or said
    end
    return common.fail(got, code, {
        url = url,
        op = op,
        reason = reason,
        retryable = WORTH_REPEATING[said],
        hint = hint or HINTS[said],
        details = said and {azure_code = said} or nil,
    })
end

function answer.etag(value)
    return value and value:gsub('^"(.*)"$', "%1") or nil
end

--- Folders are names that end in "/" and have no bytes, and with a hierarchical namespace objects
--- that say so.
function answer.kind(path, size, metadata)
    local is_folder = metadata and metadata.hdi_isfolder == "true"
        or size == 0 and path:sub(-1) == "/"
    return is_folder and "folder" or "file"
end

--- The item of an answer's headers; `size`: of the whole object. Content-MD5 is that of a range
--- when there is the other one.
function answer.item(path, headers, size, is_range)
    local metadata = common.metadata(headers, "x-ms-meta-")
    return {
        path = path,
        size = size,
        modified = dates.http(headers["last-modified"]),
        kind = answer.kind(path, size, metadata),
        etag = answer.etag(headers.etag),
        md5 = md5_forms.of_base64(headers["x-ms-blob-content-md5"]
            or not is_range and headers["content-md5"] or nil),
        version = headers["x-ms-version-id"],
        metadata = metadata,
    }
end

return answer
