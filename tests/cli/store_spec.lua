-- salvor store, on folders: output, exit codes, and what it says when something is wrong.
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

describe("salvor store", function()
    local folder

    before_each(function()
        folder = must(fs.temporary_folder())
        must(fs.mkdir(folder .. "/from/sub", {parents = true}))
        must(fs.write(folder .. "/from/a", "one\n"))
        must(fs.write(folder .. "/from/sub/b", "two\n"))
        must(proc.run({"touch", "-d", "2020-02-03 04:05:06 UTC", folder .. "/from/a"}))
    end)

    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function run(...)
        return salvor.run({"store", ...}, {home = folder, cwd = folder})
    end

    local function expect(code, ...)
        local result = run(...)
        salvor.expect_code(code, result)
        return result
    end

    it("lists", function()
        assert.are.equal("2020-02-03T04:05:06Z            4  a\n"
            .. "-                               -  sub/\n", expect(0, "ls", "from").stdout)
        assert.is_truthy(expect(0, "ls", "-r", "from").stdout:match("a\n.*  sub/b\n$"))
        assert.is_truthy(expect(0, "ls", "from/a").stdout:match(" 4  a\n$"))
        local rows = must(json.decode(expect(0, "ls", "-r", "--output=json", "from").stdout))
        assert.are.equal("sub/b", rows[2].path)
        assert.are.equal(4, rows[2].size)
        must(fs.mkdir(folder .. "/empty"))
        assert.are.equal("[]\n", expect(0, "ls", "--output", "json", "empty").stdout)
        must(proc.run({"sh", "-c", 'cd "$1" && seq 1 1500 | xargs touch', "sh",
                       folder .. "/empty"}))
        assert.are.equal(1500, #salvor.lines(expect(0, "ls", "empty").stdout))
        salvor.expect(expect(1, "ls", "-r", "none").stderr, folder .. "/none does not exist")
        local err = expect(1, "ls", "none").stderr
        assert.are.equal("salvor: store.list: " .. folder .. "/none does not exist\n", err)
    end)

    it("shows names without letting them move the cursor", function()
        must(fs.write(folder .. "/from/\27[2Jx\n", ""))
        assert.is_nil(expect(0, "ls", "from").stdout:find("\27", 1, true))
        must(fs.mkdir(folder .. "/bytes"))
        must(fs.write(folder .. "/bytes/x\xff", ""))
        must(fs.symlink("none", folder .. "/bytes/y\xff"))
        local rows = must(json.decode(expect(0, "ls", "--output", "json", "bytes").stdout))
        assert.are.equal("x\\xff", rows[1].path)
        assert.are.equal("eP8=", rows[1].path_base64)
        local summary = expect(0, "cp", "-q", "--output", "json", "bytes", "to").stdout
        assert.are.same({"y\\xff"}, must(json.decode(summary)).left_out)
        assert.are.equal("", fs.read(folder .. "/to/x\xff"))
    end)

    it("prints objects and what is known of them", function()
        assert.are.equal("one\n", expect(0, "cat", "from/a").stdout)
        must(proc.run({"chmod", "640", folder .. "/from/a"}))
        salvor.expect(expect(0, "stat", "from/a").stdout, "mode      0640\n")
        assert.are.equal("two\n", expect(0, "cat", "file://" .. folder .. "/from/sub/b").stdout)
        salvor.expect(expect(0, "stat", "from/a").stdout, "path      a\n", "size      4\n",
            "modified  2020-02-03T04:05:06Z\n")
        assert.are.equal(4, must(json.decode(
            expect(0, "stat", "--output", "json", "from/a").stdout)).size)
        salvor.expect(expect(1, "cat", "from").stderr, "from does not exist", "salvor store ls")
        salvor.expect(expect(1, "stat", "from/none").stderr, "from/none does not exist")
    end)

    it("copies, and says what it did", function()
        salvor.expect(expect(0, "cp", "from", "to").stdout, "2 files copied (8 B) in 0s\n")
        salvor.expect(expect(0, "cp", "from", "to").stdout,
            "0 files copied (0 B), 2 files there already in ")
        salvor.expect(expect(0, "cp", "from/a", "to/a").stdout, ", 1 file there already in ")
        salvor.expect(expect(0, "cp", "--skip", "never", "from", "to").stdout, "2 files copied")
        assert.are.same({checksum = 2, size = 0}, must(json.decode(expect(0, "cp", "--verify",
            "content", "--output", "json", "from", "verified").stdout)).verified)
        must(fs.write(folder .. "/to/other", ""))
        salvor.expect(expect(0, "cp", "--delete", "from", "to").stdout, "1 file removed")
        assert.are.same(salvor.tree(folder .. "/from"), salvor.tree(folder .. "/to"))
        local summary = must(json.decode(expect(0, "cp", "--output", "json", "-q", "from/a",
            "x").stdout))
        assert.are.equal(1, summary.copied)
        assert.are.equal("one\n", fs.read(folder .. "/x"))
        assert.are.equal("", expect(0, "cp", "-q", "from", "to").stderr)
    end)

    it("tells of what failed, one line each, and of links", function()
        must(fs.mkdir(folder .. "/to/a/x", {parents = true}))
        must(fs.symlink("/etc/passwd", folder .. "/from/link"))
        local result = expect(1, "cp", "-q", "from", "to")
        salvor.expect(result.stdout, "1 file copied (4 B), 1 failure")
        salvor.expect(result.stderr, folder .. "/to/a is not valid: it is a folder",
            "1 link or special file not copied, such as link")
        assert.are.equal(2, #salvor.lines(result.stderr))
        local summary = must(json.decode(expect(1, "cp", "-q", "--output", "json", "from",
            "to").stdout))
        assert.are.equal("Invalid", summary.failed[1].code)
        assert.are.same({"link"}, summary.left_out)
        for number = 1, 30 do
            must(fs.write(folder .. "/from/file" .. number, ""))
            must(fs.mkdir(folder .. "/to/file" .. number))
        end
        local lines = salvor.lines(expect(1, "cp", "-q", "from", "to").stderr)
        assert.are.equal("salvor: and 11 other failures", lines[21])
        assert.are.equal(22, #lines)
    end)

    it("removes, and everything below a name only when that is confirmed", function()
        expect(0, "rm", "from/a")
        assert.is_nil(fs.stat(folder .. "/from/a"))
        salvor.expect(expect(6, "rm", "-r", "from").stderr, "there is no terminal to ask on",
            "--yes agrees beforehand")
        assert.are.equal("two\n", fs.read(folder .. "/from/sub/b"))
        must(fs.mkdir(folder .. "/from/empty/deep", {parents = true}))
        assert.are.equal("1 file removed\n", expect(0, "rm", "-r", "--yes", "from").stdout)
        assert.are.same({}, must(fs.list(folder .. "/from")))
        salvor.expect(expect(1, "rm", "from/none").stderr, "from/none does not exist")
        salvor.expect(expect(1, "rm", "-r", "--yes", "none").stderr, "none does not exist")
    end)

    it("tells of what could not be removed", function()
        must(proc.run({"chmod", "500", folder .. "/from/sub"}))
        local result = salvor.run({"store", "rm", "-r", "--yes", "from"},
            {home = folder, cwd = folder, prefix = salvor.UNPRIVILEGED})
        must(proc.run({"chmod", "700", folder .. "/from/sub"}))
        if result.stderr:find("setpriv:", 1, true) then
            return pending("setpriv is not permitted: " .. result.stderr)
        end
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, folder .. "/from/sub/b: permission denied")
        assert.are.equal("1 file removed\n", result.stdout)
    end)

    it("prints a line of progress each second, and the whole at the end", function()
        local lines = salvor.lines(expect(0, "cp", "from", "to").stderr)
        assert.are.equal("copied 100% 8 B of 8 B, ", lines[#lines]:sub(1, 24))
        salvor.expect(lines[#lines], "2 of 2 files")
    end)

    it("ends with 2 when it is used wrongly", function()
        salvor.expect(expect(2).stderr, "usage: salvor store COMMAND", "cp ")
        salvor.expect(expect(2, "copy").stderr, "no command 'copy'")
        salvor.expect(expect(2, "cp", "from").stderr, "an argument is missing")
        salvor.expect(expect(2, "ls", "--nonsense", "from").stderr, "unknown option '--nonsense'")
        salvor.expect(expect(2, "ls", "--output", "xml", "from").stderr, "unknown output 'xml'")
        salvor.expect(expect(2, "cp", "--workers", "0", "from", "to").stderr, "a number from 1")
        salvor.expect(expect(2, "cp", "--skip", "all", "from", "to").stderr,
            "unknown skip 'all'; checksum, size or never")
        salvor.expect(expect(2, "ls", "--secret", "x", "from").stderr, "from takes no Secret")
        salvor.expect(expect(0, "--help").stdout, "usage: salvor store COMMAND", "ls ", "rm ")
        salvor.expect(expect(0, "cp", "--help").stdout, "--workers N", "--delete")
    end)

    it("names what is wrong with a URL, and no password", function()
        local err = expect(1, "ls", "ftp://me:hunter2@host/").stderr
        salvor.expect(err, "ftp://me:***@host/: unknown scheme 'ftp'", "known are az, file, s3")
        assert.is_nil(err:find("hunter2", 1, true))
        salvor.expect(expect(1, "cp", "from", "file:///x?nothing=1").stderr,
            "unknown setting 'nothing'")
    end)
end)

store_lab.describe("salvor store leftovers", "sftp", function(at)
    it("shows what is old enough, and removes it when asked", function()
        local path, here = store_lab.folder()
        local name = "/.salvor-0123456789abcdef.tmp"
        must(fs.write(here .. name, "half"))
        must(proc.run({"touch", "-d", "3 hours ago", here .. name}))
        local url = string.format("sftp://%s@%s:%d%s?key_file=%s&known_hosts=%s&config=none",
            at.user, at.host, math.tointeger(at.port), path, at.ed25519, at.known_hosts)
        local function run(...)
            local result = salvor.run({"store", "leftovers", ...}, {home = here})
            salvor.expect_code(0, result)
            return result.stdout
        end
        assert.are.equal("", run(url))
        assert.are.equal("", run("--older-than", "4", url))
        salvor.expect(run("--older-than", "2", url), name:sub(2))
        assert.are.equal(name:sub(2), must(json.decode(run("--older-than", "2", "--output", "json",
            url)))[1].path)
        assert.are.equal("half", fs.read(here .. name))
        salvor.expect(run("--older-than", "2", "--remove", url), "removed")
        assert.is_nil(fs.stat(here .. name))
    end)
end)
