--- The stanza of the backups of a management database of the Crunchy generation (up to 10.0.5): the
--- Job that makes it in S3, why that fails, and what pgBackRest says of it afterwards.
local dig = require("salvor").dig
local fields = require("salvor.k8s.fields")
local json = require("salvor.json")
local job_state = require("salvor.k8s.ready").rule({group = "batch", kind = "Job"})

local stanza = {}

stanza.JOBS = "jobs.batch"

--- The stanza's name, and the container that pgBackRest is in, in every installation.
stanza.NAME = "db"
stanza.CONTAINER = "database"
stanza.INFO = {"pgbackrest", "info", "--output", "json", "--repo1-type", "s3"}

--- What is left when an installed database has been allowed to restart.
stanza.STILL_RESTARTS = "restartDB.accept is still true in databaseBackup: with it, the next change"
    .. " of the settings restarts the database without asking."

--- The name of the Job for a database cluster.
function stanza.job(cluster)
    return cluster .. "-stanza-create"
end

--- The labels of the pod that pgBackRest can be asked in.
function stanza.repository_labels(cluster)
    return {["pg-cluster"] = cluster, ["pgo-backrest-repo"] = "true"}
end

-- Why it fails

local USED = "remove every file at the path, or name one that was never used; a recovery from these"
    .. " backups copies them to a new path (-p copy_from=…)"
local DAMAGED = "remove every file at the path, or copy an undamaged repository to a new path"
local NETWORK = "look at -p host, and at the cluster's network policies and proxies"
local SECRET = "look at the keys key and keysecret of the Secret"
local CERTIFICATE = "the provider's certificate must be of an authority that is known everywhere;"
    .. " for one of your own use the provider custom and give its certificate with -p ca=FILE"

--- What is looked for in what a failed Job or pgBackRest said, the first that fits counts: `text`
--- of the message, `code` of pgBackRest's error, which is also its exit status. Where several
--- causes have one code, the first is what it means without a text.
local CAUSES = {
    {text = "do not match the database", code = 28,
     message = "the path holds the backups of another database: another installation's, or this"
        .. " one's before it was installed anew", hint = USED},
    {text = "file do not match", code = 28,
     message = "archive.info and backup.info at the path are of different databases: the repository"
        .. " there is damaged", hint = DAMAGED},
    {text = "directory not empty", code = 40,
     message = "there are files in archive/ or backup/ at the path, without a stanza", hint = USED},
    {text = "is missing on repo", code = 55,
     message = "only one of archive.info and backup.info is at the path: the repository there is"
        .. " damaged, or a copy of it was interrupted", hint = DAMAGED},
    {text = "unable to load info file",
     message = "archive.info or backup.info at the path cannot be read: the repository there is"
        .. " damaged, or encrypted", hint = DAMAGED},
    {text = "unable to find primary cluster", code = 56,
     message = "pgBackRest cannot reach the database",
     hint = "look whether the database's pods run, and at the lines before this one in the log"},
    {text = "unable to acquire lock", code = 50,
     message = "another pgBackRest is at work for this database: a backup, or a stanza-create that"
        .. " still tries", hint = "wait until it has ended"},
    {text = "certificate has expired", message = "the S3 server's certificate has expired",
     hint = "have it renewed"},
    {text = "certificate signed by unknown authority",
     message = "the S3 server's certificate is of an authority that API Connect does not know",
     hint = CERTIFICATE},
    {text = "unable to verify certificate",
     message = "the S3 server's certificate is of an authority that API Connect does not know",
     hint = CERTIFICATE},
    {text = "unable to find hostname",
     message = "the S3 server's certificate is for another host name",
     hint = "compare -p host with the certificate; with -p style=host the bucket is part of the"
        .. " name, with -p style=path it is not"},
    {text = "NoSuchBucket", message = "the S3 server has no such bucket",
     hint = "create it, or look at the path, and at -p style: with host the bucket is part of the"
        .. " server's name"},
    {text = "InvalidAccessKeyId", message = "the S3 server does not know the access key",
     hint = SECRET},
    {text = "SignatureDoesNotMatch", message = "the secret key does not belong to the access key",
     hint = SECRET},
    {text = "RequestTimeTooSkewed", message = "the clock of the pods' node differs from the S3"
        .. " server's by too much", hint = "have both set by NTP"},
    {text = "AuthorizationHeaderMalformed", message = "the bucket is in another region",
     hint = "the region stands behind the / in -p host"},
    {text = "PermanentRedirect", message = "the bucket has another endpoint",
     hint = "the endpoint of its region stands before the / in -p host"},
    {text = "403 (Forbidden)", message = "the S3 server refuses the credentials for this bucket",
     hint = SECRET .. ", and at what they may do"},
    {text = "unable to get address", message = "the pods cannot resolve the S3 server's name",
     hint = "look at -p host, with -p style=host the bucket stands before it; and at the cluster's"
        .. " DNS"},
    {text = "unable to connect", message = "the pods cannot reach the S3 server", hint = NETWORK},
    {text = "timeout connecting", message = "the pods cannot reach the S3 server", hint = NETWORK},
}

--- What pgBackRest wrote. The program around it in a Job's pod tells that as one line of its own
--- log, in which the ends of lines are written out.
local function unwrapped(log)
    return ((log or ""):gsub("\\n", "\n"):gsub('\\"', '"'))
end

--- "040" of a line of pgBackRest's, or the exit status that the program around it tells.
local function error_code(log)
    return tonumber(log:match("ERROR: %[(%d+)%]") or log:match("terminated with exit code (%d+)"))
end

--- explain(log, code) -> message, hint; nil when nothing is known of it. `code` is the exit status
--- of the container, or nil, and is what counts where the log has no error.
function stanza.explain(log, code)
    log = unwrapped(log)
    code = error_code(log) or code
    for _, cause in ipairs(CAUSES) do
        if log:find(cause.text, 1, true) then
            return cause.message, cause.hint
        end
    end
    local is_told = not code or log:find("ERROR: ", 1, true)
    for _, cause in ipairs(is_told and {} or CAUSES) do
        if cause.code == code then
            return cause.message, cause.hint
        end
    end
end

--- The first error line of a log, for people.
function stanza.first_error(log)
    log = unwrapped(log)
    return log:match("ERROR: [^\n]+") or log:match("[^\n]*x509[^\n]*")
end

-- The Job

--- state(job, known) -> "ready" | "failed" | "waiting", words. `known` is the uid of the Job of an
--- earlier configuration, which counts for nothing.
function stanza.state(job, known)
    if known and job.metadata.uid == known then
        return "waiting", "the Job is still the one of the settings before"
    end
    return job_state(job)
end

--- is_installed(management, job) -> whether there is a database, which takes other settings of S3
--- by a restart alone: it is up, or makes or has made a stanza, up or not. job: the one that is
--- there, or nil.
function stanza.is_installed(management, job)
    return dig(management, "status", "phase") == "Running"
        or job ~= nil and stanza.state(job) ~= "failed"
end

--- The exit status with which the container of a failed pod ended.
function stanza.exit_code(pod)
    for _, container in ipairs(dig(pod, "status", "containerStatuses") or {}) do
        local code = fields.integer(container, "state", "terminated", "exitCode")
        if code and code ~= 0 then
            return code
        end
    end
end

-- What pgBackRest says

local STATUSES = {
    [1] = "there is no stanza at the path",
    [3] = "what makes the stanza is missing at the path",
    [4] = "its repositories are of different databases",
    [5] = "the repositories are of different databases",
    [6] = "the backup that was asked for is not there",
}

local function find_stanza(info)
    for _, entry in ipairs(type(info) == "table" and info or {}) do
        if dig(entry, "name") == stanza.NAME then
            return entry
        end
    end
end

--- What a repository says of itself goes deeper than what pgBackRest makes of it.
local function repository_message(entry)
    for _, repository in ipairs(dig(entry, "repo") or {}) do
        local message = dig(repository, "status", "message")
        if dig(repository, "status", "code") ~= 0 and message then
            return message
        end
    end
end

--- judge(output) -> {backups = how many, newest = label or nil} | nil, message, hint. `output` is
--- what `pgbackrest info --output json` wrote: it exits with 0 even when it reached nothing.
function stanza.judge(output)
    local info = json.decode(output)
    if type(info) ~= "table" then
        return nil, "pgbackrest info did not write JSON"
    end
    local entry = find_stanza(info)
    if not entry then
        return nil, "pgbackrest info knows no stanza " .. stanza.NAME
    end
    local code = dig(entry, "status", "code")
    local backups = dig(entry, "backup") or {}
    if code == 0 or code == 2 then
        return {backups = #backups, newest = dig(backups[#backups] or {}, "label")}
    end
    local said = repository_message(entry) or dig(entry, "status", "message") or "no status"
    local message, hint = stanza.explain(said)
    return nil, string.format("pgbackrest info: %s (status %s: %s)", message or STATUSES[code]
        or "the repository cannot be used", tostring(code), said:match("^[^\n]*")), hint
end

return stanza
