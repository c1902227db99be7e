-- The image that packaging/container/image makes: what is in it, and what is not; and that a
-- container engine makes the same. That it runs is seen in procedure_deploy_node_spec.lua.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

describe("the image of Salvor", function()
    local folder, image, name

    local function in_folder(...)
        return fs.join(folder, ...)
    end

    local function run(argv)
        local result = must(proc.run(argv, {timeout = 60}))
        assert.are.equal(0, result.code, result.stderr)
        return result.stdout
    end

    local function make(file_name)
        local file = fs.join(folder, file_name)
        return file, run({"packaging/container/image", salvor.path, file})
    end

    setup(function()
        folder = must(fs.temporary_folder())
        image, name = make("image.tar")
    end)
    teardown(function()
        must(fs.remove_tree(folder))
    end)

    it("holds the program, its libraries and certificates, and no shell", function()
        assert.matches("^localhost/salvor:%d", name)
        run({"tar", "-C", folder, "-xf", image})
        local manifest = must(json.decode(must(fs.read(fs.join(folder, "manifest.json")))))
        assert.are.same({(name:gsub("\n", ""))}, manifest[1].RepoTags)
        local config = must(json.decode(must(fs.read(fs.join(folder, manifest[1].Config)))))
        assert.are.same({"/usr/bin/salvor"}, config.config.Entrypoint)
        assert.are.equal("65532:65532", config.config.User) -- runAsNonRoot takes no names
        local layer = fs.join(folder, manifest[1].Layers[1])
        assert.are.same({"sha256:" .. must(digest.file("sha256", layer))}, config.rootfs.diff_ids)
        local there = {}
        for _, path in ipairs(salvor.lines(run({"tar", "-tf", layer}))) do
            there[fs.basename(path)] = path
        end
        for _, wanted in ipairs({"salvor", "libcurl.so.4", "libarchive.so.13", "libc.so.6",
                                 "ca-certificates.crt"}) do
            assert.is_string(there[wanted], wanted)
        end
        for _, unwanted in ipairs({"sh", "bash", "dpkg", "apt"}) do
            assert.is_nil(there[unwanted])
        end
    end)

    --- How an image is run, and the lines of tar about its files: type, mode, owner, size, path.
    local function look_into(file)
        local at = must(fs.temporary_folder())
        run({"tar", "-C", at, "-xf", file})
        local manifest = must(json.decode(must(fs.read(fs.join(at, "manifest.json")))))[1]
        local config = must(json.decode(must(fs.read(fs.join(at, manifest.Config))))).config
        local files, layers = {}, #manifest.Layers
        for _, line in ipairs(salvor.lines(run({"tar", "--numeric-owner", "-tvf",
                                                fs.join(at, manifest.Layers[1])}))) do
            local mode, owner, size, path = line:match("^(%S+) +(%S+) +(%d+) %S+ %S+ (.+)$")
            path = path:gsub("^%./", ""):gsub("/$", "")
            files[#files + 1] = path ~= "" and table.concat({mode, owner, size, path}, " ") or nil
        end
        table.sort(files)
        must(fs.remove_tree(at))
        return {Entrypoint = config.Entrypoint, User = config.User, Env = config.Env,
                WorkingDir = config.WorkingDir}, files, layers
    end

    it("has two folders that any user may write to, and all else is root's", function()
        local _, files = look_into(image)
        local writable = {}
        for _, line in ipairs(files) do
            local mode, owner, path = line:match("^(%S+) (%S+) %d+ (.*)$")
            assert.are.equal("0/0", owner)
            if mode:sub(9, 9) == "w" and mode:sub(1, 1) ~= "l" then
                writable[#writable + 1] = mode .. " " .. path
            end
        end
        assert.are.same({"drwxrwxrwt tmp", "drwxrwxrwt var/lib/salvor"}, writable)
    end)

    it("is what an engine makes of the Containerfile", function()
        if not proc.which("buildah") then
            return pending("buildah is not installed")
        end
        local buildah = {"buildah", "--storage-driver", "vfs", "--root", in_folder("storage"),
                         "--runroot", in_folder("running")}
        local function engine(...)
            run(table.move({...}, 1, select("#", ...), #buildah + 1,
                table.move(buildah, 1, #buildah, 1, {})))
        end
        run({"packaging/container/rootfs", salvor.path, in_folder("root")})
        engine("bud", "--isolation", "chroot", "--pull-never", "--quiet", "--tag", "made",
            "--file", "packaging/container/Containerfile", in_folder("root"))
        engine("push", "--quiet", "made", "docker-archive:" .. in_folder("made.tar"))
        local ours, our_files = look_into(image)
        local theirs, their_files, layers = look_into(in_folder("made.tar"))
        assert.are.equal(1, layers)
        assert.are.same(ours, theirs)
        assert.are.same(our_files, their_files)
    end)

    it("is the same for the same program", function()
        assert.are.equal(must(digest.file("sha256", image)),
            must(digest.file("sha256", (make("again.tar")))))
    end)

    it("is not made of what is not there", function()
        local result = must(proc.run({"packaging/container/rootfs", "/bin/true", folder}))
        assert.are.equal(1, result.code)
        salvor.expect(result.stderr, folder .. " is there already")
    end)
end)
