-- Downloads from and uploads to real containers.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local limit = require("support.limit")
local memory = require("support.memory")
local node = require("support.node")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")

node.describe("files of a node's containers", function()
    local client, namespace, folder

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace})
        node.pod({namespace = namespace, name = "main"})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)
    before_each(function()
        folder = must(fs.temporary_folder())
        must(client:exec("main", {"sh", "-c", "rm -rf /lab/*"}))
    end)
    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function inside(script)
        local result = must(client:exec("main", {"sh", "-ec", "cd /lab; " .. script}))
        assert.are.same({0, ""}, {result.code, result.stderr})
        return result.stdout
    end

    local function outside(script)
        local result = must(proc.run({"sh", "-ec", script}, {cwd = folder}))
        assert.are.same({0, ""}, {result.code, result.stderr})
        return result.stdout
    end

    local TREE = [[
        mkdir -p "tree/a/with space" tree/empty
        echo one > tree/a/one; : > tree/a/nothing; echo "quoted" > "tree/a/with space/it's \"q\""
        echo dash > tree/-rf; echo x > tree/grün; head -c 200000 /dev/urandom > tree/random
        ln -s a/one tree/link; chmod 640 tree/a/one; chmod 4755 tree/random
    ]]
    local LIST = "cd tree && find . -type f -exec sha256sum {} + | sort; find . | sort; "
        .. "readlink link"

    it("are the same there and back", limit(function()
        outside(TREE)
        local up = must(client:upload("main", fs.join(folder, "tree"), "/lab"))
        assert.are.equal("/lab/tree", up.path)
        assert.are.equal(outside(LIST), inside(LIST))
        assert.are.equal("640\n755\n0\ntree\n", inside(
            "stat -c %a tree/a/one tree/random; stat -c %u tree/a/one; ls -A"))
        local down = must(client:download("main", "/lab/tree", fs.join(folder, "back")))
        assert.are.same(salvor.tree(fs.join(folder, "tree")), salvor.tree(fs.join(folder, "back")))
        assert.are.same({up.bytes, up.entries}, {down.bytes, down.entries})
        assert.are.equal(416, must(fs.stat(fs.join(folder, "back/a/one"))).mode)
    end))

    it("may be single ones, under other names", limit(function()
        outside("echo content > file")
        local up = must(client:upload("main", fs.join(folder, "file"), "/lab/-renamed"))
        assert.are.equal("/lab/-renamed", up.path)
        assert.are.equal("content\n", inside("cat ./-renamed"))
        must(client:download("main", "/lab/-renamed", fs.join(folder, "again")))
        assert.are.equal("content\n", must(fs.read(fs.join(folder, "again"))))
    end))

    it("may be a folder's content, and go into the working folder", limit(function()
        outside("mkdir tree; echo one > tree/file")
        local up = must(client:upload("main", fs.join(folder, "tree"), "."))
        assert.are.equal("./tree", up.path)
        must(client:download("main", "/tree/.", fs.join(folder, "content")))
        assert.are.same({file = "one\n"}, salvor.tree(fs.join(folder, "content")))
        local _, err = client:download("main", "/tree/.", folder)
        assert.are.equal("AlreadyExists", err.code)
        inside("rm -r /tree")
    end))

    it("go into a folder that is there, and replace it only when asked to", limit(function()
        outside("mkdir tree; echo new > tree/file")
        inside("mkdir -p tree/tree; echo old > tree/tree/kept")
        local _, err = client:upload("main", fs.join(folder, "tree"), "/lab/tree/")
        assert.are.equal("AlreadyExists", err.code)
        assert.are.equal("old\n", inside("cat tree/tree/*"))
        must(client:upload("main", fs.join(folder, "tree"), "/lab/tree", {replace = true}))
        assert.are.equal("new\n", inside("cat tree/tree/*"))
        assert.are.equal("tree\n", inside("ls -A"))
        _, err = client:download("main", "/lab/tree", folder)
        assert.are.equal("AlreadyExists", err.code)
        must(client:download("main", "/lab/tree", folder, {replace = true}))
        assert.are.same({["tree/tree/file"] = "new\n"}, salvor.tree(folder))
    end))

    it("may be large: what is under way does not grow", limit(function()
        inside("dd if=/dev/zero of=large bs=1M count=96 2>/dev/null")
        local before, most = memory.resident(), 0
        local down = must(client:download("main", "/lab/large", folder, {on_progress = function()
            most = math.max(most, memory.resident() - before)
        end}))
        assert.are.equal(96 << 20, down.bytes)
        must(client:upload("main", fs.join(folder, "large"), "/lab/copy", {on_progress = function()
            most = math.max(most, memory.resident() - before)
        end}))
        assert.are.equal("", inside("cmp large copy"))
        memory.expect_at_most(32 << 20, most)
    end))

    it("that are not there are an error", limit(function()
        local _, err = client:download("main", "/lab/none", fs.join(folder, "none"))
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("none", 1, true))
        outside("head -c 3000000 /dev/urandom > file")
        _, err = client:upload("main", fs.join(folder, "file"), "/lab/no/folder")
        assert.are.equal("NotFound", err.code)
        assert.are.same({}, {client:download("main", "/lab/none", "/dev/null/x") and 1})
    end))

    it("that are links are an error which says where to", limit(function()
        inside("ln -s /etc link")
        local _, err = client:download("main", "/lab/link", fs.join(folder, "copy"))
        assert.are.equal("Invalid", err.code)
        assert.truthy(err.message:find("'/etc'", 1, true))
    end))

    it("need tar in the image", limit(function()
        node.pod({namespace = namespace, name = "bare", image = node.BARE_IMAGE})
        local _, err = client:download("bare", "/etc", fs.join(folder, "copy"))
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("no tar in the container's image", 1, true), err.message)
        outside("echo a > file")
        _, err = client:upload("bare", fs.join(folder, "file"), "/")
        assert.are.equal("NotFound", err.code)
        assert.truthy(err.message:find("no sh in", 1, true), err.message)
    end))

    it("leave nothing in the container when an upload is cancelled", limit(function()
        outside("truncate -s 2G file")
        local begun = false
        local child = task.spawn(function()
            client:upload("main", fs.join(folder, "file"), "/lab/copy", {
                on_progress = function(bytes)
                    begun = bytes > 10 << 20
                end,
            })
        end)
        eventually("its beginning", function()
            return begun
        end)
        cancel(child)
        eventually("an empty folder", function()
            return inside("ls -A") == ""
        end)
    end))
end)
