-- Files and folders to and from archives, against the tar of GNU and that of BusyBox.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local memory = require("support.memory")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")
local transfer = require("salvor.transfer")

describe("a transfer", function()
    local folder, source

    local function run(...)
        local result = must(proc.run({...}))
        assert.are.equal("", result.stderr)
        return result.stdout
    end

    local function shell(script)
        return run("sh", "-c", "cd '" .. folder .. "' && " .. script)
    end

    before_each(function()
        folder = must(fs.temporary_folder())
        source = fs.join(folder, "source")
        must(fs.mkdir(source))
    end)
    after_each(function()
        shell("chmod -R u+rwx .")
        must(fs.remove_tree(folder))
    end)

    --- A tree with all that is allowed, and names that need care.
    local function make_tree()
        shell([[
            cd source
            mkdir -p a/b/empty 'with space'
            echo one > a/one; : > a/empty; echo "it's" > "with space/it's \"quoted\""
            echo dash > ./-rf; echo grün > grün; printf '\377' > "$(printf 'bytes-\377')"
            head -c 300000 /dev/urandom > a/b/random
            truncate -s 5M a/sparse
            printf x | dd of=a/sparse bs=1 seek=3000000 conv=notrunc 2>/dev/null
            ln -s ../one a/b/up; ln -s nowhere a/dangling; ln a/one a/hard
            chmod 750 a; chmod 640 a/one; chmod 755 a/empty
            touch -d @1234567890 a/one
            d=a; for i in 1 2 3 4 5 6 7 8; do d=$d/a-folder-with-a-rather-long-name; done
            mkdir -p $d; echo deep > $d/file
        ]])
    end

    --- All bytes of the archive; the transfer is closed.
    local function pack(options)
        local packing <close>, size = transfer.pack({
            path = options and options.path or source, name = "top", marker = "end"})
        if not packing then
            return nil, size
        end
        local parts = {}
        while true do
            local chunk, err = packing:read()
            if err then
                return nil, err
            elseif not chunk then
                break
            end
            parts[#parts + 1] = chunk
        end
        local data = table.concat(parts)
        assert.are.equal(size, #data)
        return data, packing:summary()
    end

    --- Gives `data` to a transfer to `folder/name`, in pieces.
    local function unpack(data, options)
        options = options or {}
        local unpacking <close>, err = transfer.unpack({
            path = fs.join(folder, options.name or "copy"), top = options.top or "source",
            limit = options.limit, replace = options.replace})
        if not unpacking then
            return nil, err
        end
        for position = 1, #data, 100000 do
            if not unpacking:write(data:sub(position, position + 99999)) then
                break
            end
        end
        local summary, problem = unpacking:finish()
        if not summary then
            return nil, problem
        end
        must(unpacking:commit())
        return summary
    end

    local function names_in(path)
        local names = {}
        for number, entry in ipairs(must(fs.list(path))) do
            names[number] = entry.name
        end
        return names
    end

    local function modes(path)
        return run("sh", "-c", "cd '" .. path .. "' && find . -type f -printf '%P %m %T@\\n'"
            .. " | sed 's/\\.[0-9]*$//' | sort")
    end

    for _, program in ipairs({"tar", "busybox tar"}) do
        it("makes archives that " .. program .. " unpacks", function()
            make_tree()
            local data = must(pack())
            must(fs.write(fs.join(folder, "archive"), data))
            shell("mkdir out && " .. program .. " -xof archive -C out")
            assert.are.same({"end", "top"}, names_in(fs.join(folder, "out")))
            assert.are.same(salvor.tree(source), salvor.tree(fs.join(folder, "out/top")))
            assert.are.equal(modes(source), modes(fs.join(folder, "out/top")))
        end)

        it("unpacks archives that " .. program .. " makes", function()
            make_tree()
            shell(program .. " -cf archive -C . -- source")
            must(unpack(must(fs.read(fs.join(folder, "archive")))))
            assert.are.same(salvor.tree(source), salvor.tree(fs.join(folder, "copy")))
            assert.are.equal(modes(source), modes(fs.join(folder, "copy")))
        end)
    end

    for _, format in ipairs({"pax", "ustar", "gnu", "oldgnu"}) do
        it("unpacks the form " .. format .. ", sparse files too", function()
            make_tree()
            if format == "ustar" then
                shell("rm -r source/a/a-folder*") -- which it has no room for
            end
            shell("tar --format=" .. format .. (format == "ustar" and "" or " --sparse")
                .. " -cf archive source")
            must(unpack(must(fs.read(fs.join(folder, "archive")))))
            assert.are.same(salvor.tree(source), salvor.tree(fs.join(folder, "copy")))
        end)
    end

    it("is the same there and back", function()
        make_tree()
        local data, sent = pack()
        local arrived = must(unpack(data, {top = "."}))
        assert.are.same(salvor.tree(source), salvor.tree(fs.join(folder, "copy/top")))
        assert.are.equal(sent.bytes, arrived.bytes)
        -- The folder around both, and the marker.
        assert.are.equal(sent.entries + 1, arrived.entries)
        assert.are.same({}, sent.skipped)
    end)

    it("takes a single file", function()
        must(fs.write(fs.join(source, "file"), "content", {mode = 416}))
        local data = must(pack({path = fs.join(source, "file")}))
        must(fs.write(fs.join(folder, "archive"), data))
        assert.are.equal("content", shell("tar -xOf archive top"))
        shell("tar -cf archive source/file")
        must(unpack(must(fs.read(fs.join(folder, "archive"))), {top = "source/file"}))
        assert.are.equal("content", must(fs.read(fs.join(folder, "copy"))))
        assert.are.equal(416, must(fs.stat(fs.join(folder, "copy"))).mode)
    end)

    it("skips what is neither file nor folder nor link, and tells", function()
        shell("mkfifo source/fifo; echo a > source/a")
        local data, summary = pack()
        assert.are.same({{name = "fifo", reason = "a device, pipe or socket"}}, summary.skipped)
        must(unpack(data, {top = "."}))
        shell("tar -cf archive source")
        summary = must(unpack(must(fs.read(fs.join(folder, "archive"))), {name = "other"}))
        assert.are.same({{name = "fifo", reason = "a device, pipe or socket"}}, summary.skipped)
        assert.are.same({a = "a\n"}, salvor.tree(fs.join(folder, "other")))
    end)

    it("leaves links out that lead out, and tells", function()
        shell("ln -s /etc source/etc; ln -s ../.. source/up; ln -s a source/stays; "
            .. "tar -cf archive source")
        local summary = must(unpack(must(fs.read(fs.join(folder, "archive")))))
        assert.are.same({stays = "-> a"}, salvor.tree(fs.join(folder, "copy")))
        assert.are.equal(2, #summary.skipped)
        assert.are.equal("etc", summary.skipped[1].name)
    end)

    it("of what is not there is an error", function()
        local _, err = pack({path = fs.join(folder, "none")})
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("/none", 1, true))
        _, err = pack({path = "/dev/null"})
        assert.are.equal("Invalid", err.code)
    end)

    for change, script in pairs({
        ["grows"] = "truncate -s 5000 source/file",
        ["shrinks"] = "truncate -s 10 source/file",
        ["vanishes"] = "rm source/file",
        ["gets company"] = "touch source/other",
        ["becomes a link"] = "rm source/file; ln -s /etc/passwd source/file",
    }) do
        it("of what " .. change .. " meanwhile is an error", function()
            must(fs.write(fs.join(source, "file"), ("x"):rep(1000)))
            local packing <close>, size = transfer.pack({path = source, name = "a", marker = "b"})
            assert.is_truthy(packing, tostring(size))
            shell(script)
            local chunk, err
            repeat
                chunk, err = packing:read()
            until not chunk
            assert.are.equal("Conflict", err.code)
        end)
    end

    it("that is refused says so as soon as it is known, and keeps nothing", function()
        shell("ln -s real source/link; mkdir source/real; echo a > source/real/a; "
            .. "tar -cf archive source/link; mkdir -p other/source/link; "
            .. "echo e > other/source/link/evil; "
            .. "tar -rf archive -C other source/link/evil; rm -r other")
        local before = names_in(folder)
        local unpacking <close> = must(transfer.unpack({path = fs.join(folder, "copy"),
                                                        top = "source"}))
        local archive = must(fs.read(fs.join(folder, "archive")))
        eventually("a refusal", function()
            return not unpacking:write(archive)
        end)
        local _, err = unpacking:finish()
        assert.are.equal("Corrupt", err.code)
        assert.truthy(err.message:find("'link/evil' lies below what is no folder", 1, true),
            err.message)
        assert.are.same(before, names_in(folder))
    end)

    it("that is given up keeps nothing", function()
        make_tree()
        local data = must(pack())
        local before = names_in(folder)
        do
            local unpacking <close> = must(transfer.unpack({path = fs.join(folder, "copy"),
                                                            top = "top"}))
            unpacking:write(data:sub(1, 200000))
        end
        assert.are.same(before, names_in(folder))
    end)

    it("that is cancelled ends at once and keeps nothing", function()
        local before = names_in(folder)
        local waiting = false
        local reader = task.spawn(function()
            local unpacking <close> = must(transfer.unpack({path = fs.join(folder, "copy"),
                                                            top = "top"}))
            waiting = true
            unpacking:write(("\0"):rep(512)) -- an archive that never goes on
            task.sleep(math.huge)
        end)
        eventually("its beginning", function()
            return waiting
        end)
        cancel(reader)
        assert.are.same(before, names_in(folder))
    end)

    it("holds the reader of files up that nobody takes", function()
        shell("truncate -s 1G source/huge")
        local before = memory.resident()
        local packing <close> = must(transfer.pack({path = source, name = "a", marker = "b"}))
        must(packing:read())
        task.sleep(0.05)
        local bytes = packing:progress()
        assert.is_true(bytes < 8 << 20, "read ahead: " .. bytes)
        memory.expect_at_most(8 << 20, memory.resident() - before)
    end)

    it("of wrong arguments raises and names them", function()
        local function message(fn, ...)
            return tostring(select(2, pcall(fn, ...)))
        end
        assert.truthy(message(transfer.unpack, {path = "a"}):find("'top'", 1, true))
        assert.truthy(message(transfer.unpack, {mispelt = 1}):find("'mispelt'", 1, true))
        assert.truthy(message(transfer.pack, {path = "a\0b"}):find("'path'", 1, true))
        local packing = must(transfer.pack({path = source, name = "a", marker = "b"}))
        assert.truthy(message(packing.write, packing, ""):find("read from", 1, true))
        assert.truthy(message(packing.commit, packing):find("not finished", 1, true))
        packing:close()
        packing:close()
        assert.truthy(message(packing.read, packing):find("closed", 1, true))
    end)
end)
