--- The storage servers that other specs rely on do what they are said to do.
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local store_lab = require("support.store_lab")

local function write_file(folder, name, text)
    local path = fs.join(folder, name)
    must(fs.write(path, text))
    return path
end

store_lab.describe("the S3 server", "s3", function(at)
    local scratch = must(fs.temporary_folder())

    teardown(function()
        must(fs.remove_tree(scratch))
    end)

    it("keeps what its owner puts", function()
        local path = "/" .. store_lab.bucket() .. "/a"
        assert(store_lab.s3_request("PUT", path, {body = write_file(scratch, "a", "text")}))
        assert.equal("text", assert(store_lab.s3_request("GET", path)))
    end)

    it("refuses a stranger", function()
        local found, why = store_lab.s3_request("GET", "/" .. store_lab.bucket(), {
            access_key = at.stranger_access_key, secret_key = at.stranger_secret_key})
        assert.is_nil(found)
        assert.matches("AccessDenied", why)
    end)

    it("takes a session's credentials, and only with their token", function()
        local path = "/" .. store_lab.bucket()
        local session = {access_key = at.session_access_key, secret_key = at.session_secret_key}
        assert.is_nil((store_lab.s3_request("GET", path, session)))
        session.headers = {"x-amz-security-token: " .. at.session_token}
        assert.matches("ListBucketResult", assert(store_lab.s3_request("GET", path, session)))
    end)

    it("has no room for a small user's large object", function()
        local bucket = "/" .. store_lab.name()
        local small = {access_key = at.small_access_key, secret_key = at.small_secret_key}
        assert(store_lab.s3_request("PUT", bucket, small))
        small.body = write_file(scratch, "large", ("x"):rep(2 << 20))
        local found, why = store_lab.s3_request("PUT", bucket .. "/large", small)
        assert.is_nil(found)
        assert.matches("QuotaExceeded", why)
    end)

    it("shows a certificate of the lab's authority, for its hosts' names too", function()
        for _, url in ipairs({at.tls_endpoint, at.tls_host_endpoint}) do
            local argv = {"curl", "-sSf", "--noproxy", "*", "--cacert", at.ca, url}
            local result = must(proc.run(argv))
            assert.equal(0, result.code, result.stderr)
        end
    end)
end)

store_lab.describe("the SFTP servers", "sftp", function(at)
    local function sftp(port, known_hosts, key, commands)
        local argv = {"sftp", "-F", "none", "-b", "-", "-o", "BatchMode=yes",
                      "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" .. known_hosts,
                      "-i", key, "-P", tostring(port), at.user .. "@" .. at.host}
        return must(proc.run(argv, {stdin = commands, timeout = 20, env = {SSH_AUTH_SOCK = false}}))
    end

    it("let each of the user's keys in", function()
        for _, key in ipairs({at.ed25519, at.ecdsa, at.rsa}) do
            local result = sftp(at.port, at.known_hosts, key, "pwd\n")
            assert.equal(0, result.code, result.stderr)
            assert.matches(at.home, result.stdout, 1, true)
        end
    end)

    it("refuse another's key", function()
        local result = sftp(at.port, at.known_hosts, at.stranger, "pwd\n")
        assert.matches("Permission denied", result.stderr)
    end)

    it("are two, each with a key of its own", function()
        local result = sftp(at.other_port, at.other_known_hosts, at.ed25519, "pwd\n")
        assert.equal(0, result.code, result.stderr)
        result = sftp(at.other_port, at.known_hosts, at.ed25519, "pwd\n")
        assert.matches("Host key verification failed", result.stderr)
    end)

    it("keep what is put where a spec can look at it", function()
        local there, here = store_lab.folder()
        local result = sftp(at.port, at.known_hosts, at.ed25519,
            ("put %s %s/a\n"):format(at.known_hosts, there))
        assert.equal(0, result.code, result.stderr)
        assert.equal(must(fs.read(at.known_hosts)), must(fs.read(here .. "/a")))
    end)
end)

store_lab.describe("the emulator of Azure Blob", "azure", function(at)
    it("keeps what is put", function()
        local scratch = must(fs.temporary_folder())
        local path = "/" .. store_lab.container() .. "/a"
        assert(store_lab.azure_request("PUT", path, {
            body = write_file(scratch, "a", "text"), headers = {"x-ms-blob-type: BlockBlob"}}))
        assert.equal("text", assert(store_lab.azure_request("GET", path, {sas = at.read_sas})))
        must(fs.remove_tree(scratch))
    end)

    it("refuses a signature that allows too little or has expired", function()
        for _, sas in ipairs({at.read_sas, at.expired_sas}) do
            local path = "/" .. store_lab.name() .. "?restype=container"
            local made, why = store_lab.azure_request("PUT", path, {sas = sas})
            assert.is_nil(made)
            assert.matches("403", why)
        end
    end)

    it("takes a token by HTTPS, for its host's name too", function()
        for _, url in ipairs({at.tls_endpoint, at.tls_host_endpoint}) do
            local argv = {"curl", "-sS", "-w%{http_code}", "--noproxy", "*", "--cacert", at.ca,
                          "-Hx-ms-version: 2020-10-02", "-HAuthorization: Bearer " .. at.token,
                          url .. "/?comp=list"}
            local result = must(proc.run(argv))
            assert.equal(0, result.code, result.stderr)
            assert.matches("200$", result.stdout)
        end
    end)
end)

store_lab.describe("the repositories of pgBackRest", "pgbackrest", function(at)
    it("hold a full backup and two of what has changed, each", function()
        for _, name in ipairs({"gz", "zst", "lz4", "none", "encrypted", "bundle"}) do
            local info = must(json.decode(must(fs.read(at[name] .. ".json"))))[1]
            assert.equal(0, info.status.code)
            assert.equal(name == "encrypted" and "aes-256-cbc" or "none", info.cipher)
            for index, kind in ipairs({"full", "diff", "incr"}) do
                local backup = info.backup[index]
                assert.equal(kind, backup.type)
                local folder = fs.join(at[name], "backup", at.stanza, backup.label)
                assert(fs.stat(fs.join(folder, "backup.manifest")))
            end
        end
    end)
end)
