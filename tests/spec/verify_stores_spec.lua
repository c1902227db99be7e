-- Backup sets on servers: the same answers as in a folder, copied there by salvor.store.
local fs = require("salvor.fs")
local pgbackrest = require("support.pgbackrest")
local sets = require("support.backup_sets")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

--- A place on the server that is called `title`, and how to open it.
local function run(title, server, place)
    store_lab.describe("backup sets on " .. title, server .. " pgbackrest", function(at)
        local repository, url, options

        setup(function()
            repository = pgbackrest.copy("bundle")
            url, options = place(at)
            local summary = must(store.copy(repository, url, {to = options}))
            assert.are.equal(0, summary.failures)
        end)

        teardown(function()
            must(fs.remove_tree(repository:match("^(.*)/repo$")))
        end)

        it("are known, whole and damaged", function()
            local last = pgbackrest.labels(repository).incr
            for _, how in ipairs({{}, {sample = 20}}) do
                how.open = options
                local report = must(store.verify(url, how))
                assert.are.same({}, sets.findings(report))
                assert.is_true(report.restorable)
                assert.are.equal(3, #report.backups)
            end
            local s <close> = must(store.open(url, options))
            local path = "backup/main/" .. last .. "/bundle/1"
            local data = must(s:read(path))
            must(s:write(path, "x" .. data:sub(2)))
            assert.is_true(must(store.verify(s)).restorable)
            local report = must(store.verify(s, {full = true, backup = last}))
            assert.are.equal("error file-damaged " .. path, sets.findings(report)[1])
            must(s:remove(path))
            assert.is_false(must(store.verify(s)).restorable)
            must(s:write(path, data))
        end)

        it("are in places that are not empty", function()
            local empty, names = store.is_empty(url, {open = options})
            assert.is_false(empty)
            assert.are.same({"archive/", "backup/"}, names)
        end)
    end)
end

run("S3", "s3", function(at)
    return "s3://" .. store_lab.bucket() .. "/a set", {
        endpoint = at.endpoint, region = at.region,
        access_key = at.access_key, secret_key = at.secret_key,
    }
end)

run("SFTP", "sftp", function(at)
    return string.format("sftp://%s@%s:%d%s", at.user, at.host, at.port, (store_lab.folder())), {
        key_file = at.ed25519, known_hosts = at.known_hosts, config = "none",
    }
end)

run("Azure Blob", "azure", function(at)
    return "az://" .. store_lab.container() .. "/sets/production",
        {account = at.account, endpoint = at.endpoint, key = at.key}
end)
