-- A repository of pgBackRest at a new path: complete, info files last, and verified.
local backup_copy = require("salvor.apiconnect.backup_copy")
local fs = require("salvor.fs")
local json = require("salvor.json")
local pgbackrest = require("salvor.pgbackrest")
local repositories = require("support.pgbackrest")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")

store_lab.describe("pgbackrest.copy", "pgbackrest", function(at)
    local from, to

    before_each(function()
        from = repositories.copy("bundle")
        to = from .. "-copy/new"
    end)

    after_each(function()
        must(fs.remove_tree(from:match("^(.*)/repo$")))
    end)

    it("makes a repository that pgBackRest finds nothing wrong with", function()
        local summary = must(pgbackrest.copy(from, to, {full = true}))
        assert.is_true(summary.report.restorable)
        assert.is_true(summary.report.checked.contents > 100)
        assert.are.same(salvor.tree(from .. "/archive"), salvor.tree(to .. "/archive"))
        local info = must(json.decode(sets.run({"pgbackrest", "--repo1-path=" .. to, "--stanza="
            .. at.stanza, "--log-path=" .. to, "--lock-path=" .. to, "--log-level-file=off", "info",
            "--output=json"})))
        assert.are.equal(0, info[1].status.code)
        assert.are.equal(3, #info[1].backup)
    end)

    it("refuses a path that was used", function()
        must(pgbackrest.copy(from, to))
        local other = repositories.copy("gz")
        finally(function() must(fs.remove_tree(other:match("^(.*)/repo$"))) end)
        for _, path in ipairs({to, other .. "/backup"}) do
            local summary, err = pgbackrest.copy(path == to and other or from, path)
            assert.is_nil(summary)
            assert.are.equal("AlreadyExists", err.code)
        end
        sets.write(to .. "-2/readme", "x")
        local _, err = pgbackrest.copy(from, to .. "-2")
        assert.are.equal("AlreadyExists", err.code)
        assert.is_truthy(err.message:find("readme", 1, true))
    end)

    it("can be asked beforehand", function()
        assert.is_true(must(pgbackrest.can_copy(from, to)))
        assert.is_nil(fs.stat(to))
        assert.are.equal("Invalid", select(2, pgbackrest.can_copy(from .. "/backup", to)).code)
        sets.write(to .. "/readme", "x")
        assert.are.equal("AlreadyExists", select(2, pgbackrest.can_copy(from, to)).code)
    end)

    it("leaves no info file when it fails: what is not whole must not look like it", function()
        sets.write(to .. "/backup/" .. at.stanza .. "/" .. repositories.labels(from).full, "a file")
        local summary, err = pgbackrest.copy(from, to)
        assert.is_nil(summary)
        assert.is_string(err.message)
        for path in pairs(salvor.tree(to)) do
            assert.is_nil(path:find(".info", 1, true), path)
        end
    end)

    it("writes what pgBackRest looks at first last: the copies of info files are before", function()
        local folder = to .. "/backup/" .. at.stanza
        must(fs.mkdir(folder .. "/backup.info", {parents = true}))
        assert.is_nil((pgbackrest.copy(from, to)))
        assert.is_truthy(fs.stat(folder .. "/backup.info.copy"))
    end)

    it("goes on with a copy that was interrupted", function()
        must(pgbackrest.copy(from, to))
        local info = to .. "/backup/" .. at.stanza .. "/backup.info"
        must(fs.remove(info))
        must(fs.remove_tree(to .. "/archive"))
        local summary = must(pgbackrest.copy(from, to))
        assert.is_true(summary.report.restorable)
        assert.is_true(summary.skipped > 0)
        assert.are.equal(must(fs.read(from .. "/backup/" .. at.stanza .. "/backup.info")),
            must(fs.read(info)))
    end)

    it("tells what is wrong with the copy, since it was wrong before", function()
        must(fs.remove(repositories.segment(from, repositories.labels(from).full)))
        local summary = must(pgbackrest.copy(from, to))
        assert.is_false(summary.report.restorable)
    end)

    it("takes nothing but repositories, and puts none into itself", function()
        local summary, err = pgbackrest.copy(from .. "/backup", to)
        assert.is_nil(summary)
        assert.are.equal("Invalid", err.code)
        summary, err = pgbackrest.copy(from, from .. "/inside")
        assert.is_nil(summary)
        assert.are.equal("Invalid", err.code)
        summary, err = pgbackrest.copy(from .. "/none", to)
        assert.is_nil(summary)
        assert.are.equal("NotFound", err.code)
        assert.has_error(function() pgbackrest.copy(from) end)
        assert.has_error(function() pgbackrest.copy(from, to, {worker = 1}) end)
        assert.has_error(function() pgbackrest.copy(from, to, {workers = 0}) end)
    end)

    it("of a repository of which nothing can be restored is no success for API Connect", function()
        for _, label in pairs(repositories.labels(from)) do
            local manifest = from .. "/backup/" .. at.stanza .. "/" .. label .. "/backup.manifest"
            must(fs.remove(manifest))
            must(fs.remove(manifest .. ".copy"))
        end
        local summary, err = backup_copy.repository(from, to)
        assert.is_nil(summary)
        assert.are.equal("Corrupt", err.code)
        assert.is_truthy(err.message:find(from .. " holds nothing that can be restored", 1, true))
    end)
end)
