--- What an S3 server answers: items out of headers, errors out of bodies.
local common = require("salvor.store.http.answer")
local dates = require("salvor.dates")
local md5_forms = require("salvor.store.http.md5")

local answer = {}
local text = common.text

local META, PART_SIZE = "x-amz-meta-", "salvor-part-size"

--- What notes the size of the parts that an object was sent in, for its checksum; not shown.
answer.PART_SIZE = META .. PART_SIZE

--- S3's own error codes ("Error responses" in the Amazon S3 API Reference).
local CODES = {
    AccessDenied = "Forbidden",
    AccountProblem = "Forbidden",
    AllAccessDisabled = "Forbidden",
    BadDigest = "Corrupt",
    BucketAlreadyExists = "AlreadyExists",
    ConditionalRequestConflict = "Changed",
    EntityTooLarge = "TooLarge",
    ExpiredToken = "Unauthorized",
    InternalError = "IO",
    InvalidAccessKeyId = "Unauthorized",
    InvalidDigest = "Corrupt",
    InvalidObjectState = "Unsupported",
    InvalidSecurity = "Unauthorized",
    InvalidToken = "Unauthorized",
    MethodNotAllowed = "Unsupported",
    NoSuchBucket = "NotFound",
    NoSuchKey = "NotFound",
    NoSuchUpload = "Conflict",
    NoSuchVersion = "NotFound",
    NotImplemented = "Unsupported",
    OperationAborted = "SlowDown",
    PreconditionFailed = "Changed",
    QuotaExceeded = "NoSpace",
    RequestTimeTooSkewed = "Unauthorized",
    RequestTimeout = "Timeout",
    ServiceUnavailable = "SlowDown",
    SignatureDoesNotMatch = "Unauthorized",
    SlowDown = "SlowDown",
    TokenRefreshRequired = "Unauthorized",
    TooManyRequests = "SlowDown",
    XAmzContentSHA256Mismatch = "Corrupt",
}

local HINTS = {
    NoSuchUpload = "another run has completed or given up the same upload: look at what is there,"
        .. " and copy again",
    InvalidAccessKeyId = "check the access key, and that it is one of this server's",
    SignatureDoesNotMatch = "check the secret key; a proxy that changes requests does this too",
    ExpiredToken = "get new credentials",
    RequestTimeTooSkewed = "set this machine's clock",
    InvalidObjectState = "the object is in an archive: have it restored first",
    QuotaExceeded = "have the quota raised, or remove something",
}

local HINTS_BY_CODE = {
    Forbidden = "check the credentials and what they may do; some servers say the same of a bucket "
        .. "that is somebody else's, and of keys that they do not know",
}

local WORTH_REPEATING = {BadDigest = true, InternalError = true, RequestTimeout = true,
                         XAmzContentSHA256Mismatch = true}

--- The server's own fault; with a status of success it came after the answer had begun.
local function is_servers(got)
    return got.status >= 500 or got.status < 300
end

--- The error of an answer: nil and an error object. `url`: what it is about; `body`: that of
--- http/answer.lua, or the XML of an error that came with status 200.
function answer.fail(store, got, url, op, body)
    local said = text(body, "Code")
    local code = CODES[said] or common.STATUSES[got.status]
        or (is_servers(got) and "IO") or "Invalid"
    local retryable = nil
    if WORTH_REPEATING[said] or got.status == 200 then
        retryable = true
    end
    local message = text(body, "Message")
    if said == "NoSuchBucket" then
        url = "s3://" .. store._bucket
        message = "there is no such bucket at " .. store:_origin()
    elseif said == "RequestTimeTooSkewed" then
        message = "this machine's clock and the server's are too far apart"
    elseif code == "NotFound" then
        said, message = nil, nil
    end
    local reason = said and message and said .. ": " .. message or message or said
    return common.fail(got, code, {
        url = url,
        op = op,
        reason = reason,
        retryable = retryable,
        hint = HINTS[said] or HINTS_BY_CODE[code],
        details = said and {s3_code = said} or nil,
    })
end

local function metadata_of(headers)
    local metadata = common.metadata(headers, META)
    if metadata then
        metadata[PART_SIZE] = nil
    end
    return metadata and next(metadata) and metadata
end

--- With a key of KMS's or the client's an ETag is no MD5, and none of MD5s.
function answer.has_md5(headers)
    local encryption = headers["x-amz-server-side-encryption"] or ""
    return not encryption:find("^aws:kms")
        and not headers["x-amz-server-side-encryption-customer-algorithm"]
end

--- What other programs that copy (rclone) note at an object that was sent in parts.
local function noted_md5(metadata)
    return metadata and md5_forms.of_base64(metadata.md5chksum)
end

--- An ETag without its quotes, and the MD5 that it is when it is one; nil for what is none.
function answer.etag(value, headers)
    if type(value) ~= "string" or value:find("%c") then
        return nil
    end
    local etag = value:gsub('^W/', ""):gsub('^"(.*)"$', "%1")
    local md5 = #etag == 32 and not etag:find("%X") and etag:lower() or nil
    return etag, (not headers or answer.has_md5(headers)) and md5 or nil
end

--- A name that ends in "/" and has no bytes is a folder: S3's console makes those.
function answer.kind(path, size)
    return size == 0 and path:sub(-1) == "/" and "folder" or "file"
end

--- The item of a GET, HEAD or PUT's headers; `size`: of the whole object.
function answer.item(path, headers, size)
    local etag, md5 = answer.etag(headers.etag, headers)
    local metadata = metadata_of(headers)
    return {
        path = path,
        size = size,
        modified = dates.http(headers["last-modified"] or headers.date),
        kind = answer.kind(path, size),
        etag = etag,
        md5 = md5 or noted_md5(metadata),
        version = headers["x-amz-version-id"],
        metadata = metadata,
    }
end

return answer
