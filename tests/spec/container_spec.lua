-- The image that packaging/container/image makes: what is in it, and what is not. That it runs is
-- seen in procedure_deploy_node_spec.lua.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

describe("the image of Salvor", function()
    local folder, image, name

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
