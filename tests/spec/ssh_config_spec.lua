-- What ~/.ssh/config says of a host (ssh_config(5)).
local config = require("salvor.ssh.config")
local fs = require("salvor.fs")
local match = require("salvor.ssh.match")

describe("the SSH configuration", function()
    local folder = must(fs.temporary_folder())
    local home = os.getenv("HOME") or ""

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local function write(name, text)
        must(fs.write(fs.join(folder, name), text))
        return fs.join(folder, name)
    end

    local function lookup(text, host, given)
        return config.lookup(host or "vault", write("config", text), given)
    end

    it("that is not there says nothing", function()
        assert.are.same({hostname = "vault", identity_files = {}},
            must(config.lookup("vault", fs.join(folder, "none"))))
    end)

    it("has the first value that fits, and every key file", function()
        local found = must(lookup([[
IdentityFile /first
Host other
    Port 1
Host vault
    Port 2
    identityfile /second
    USER=me
Host *
    Port 3
    User=you
]]))
        assert.are.equal(2, found.port)
        assert.are.equal("me", found.user)
        assert.are.same({"/first", "/second"}, found.identity_files)
    end)

    it("knows comments, quotes and patterns that exclude", function()
        local found = must(lookup([[
# Port 1
Host "va*" !vault2
    HostName  a.example # not part of it
    UserKnownHostsFile "/with space" none /other # nor this
]]))
        assert.are.equal("a.example", found.hostname)
        assert.are.same({"/with space", "/other"}, found.known_hosts_files)
        found = must(lookup("Host va* !vault2\nHostName x\n", "vault2"))
        assert.are.equal("vault2", found.hostname)
        assert.are.equal("vault", must(lookup("Host !vault *\nHostName x\n")).hostname)
    end)

    it("knows the tokens that have a value here", function()
        local found = must(lookup([[
HostName %h.example
User %u
Port 7
IdentityFile ~/.ssh/%n-%h-%r-%p-%%-%x
]]))
        assert.are.equal("vault.example", found.hostname)
        assert.are.equal(home .. "/.ssh/vault-vault.example-%u-7-%-%x", found.identity_files[1])
        found = must(lookup("IdentityFile %d/key\n"))
        assert.are.equal(home .. "/key", found.identity_files[1])
        local user_and_port = "User other\nIdentityFile /keys/%r-%p\n"
        assert.are.equal("/keys/other-22", must(lookup(user_and_port)).identity_files[1])
        assert.are.equal("/keys/me-2222", must(lookup(user_and_port .. "Port 7\n", nil,
            {user = "me", port = 2222})).identity_files[1])
    end)

    it("understands Match of all, host and originalhost, and passes over the rest", function()
        local function port(text)
            return must(lookup(text)).port
        end
        assert.are.equal(1, port("Match all\nPort 1\n"))
        assert.are.equal(1, port("HostName a.example\nMatch host *.example\nPort 1\n"))
        assert.are.equal(1, port("HostName a\nMatch originalhost x,vault\nPort 1\n"))
        assert.is_nil(port("Match host other\nPort 1\n"))
        assert.is_nil(port("Match exec true\nPort 1\n"))
        assert.is_nil(port("Match host vault exec true\nPort 1\n"))
        assert.is_nil(port("Match\nPort 1\n"))
    end)

    it("includes other files where the block applies, and goes on after them", function()
        write("a.conf", "Host other\nPort 1\n")
        write("b.conf", "User b\n")
        local found = must(lookup("Host vault\nInclude ?.conf none.conf\nPort 5\n"))
        assert.are.equal("b", found.user)
        assert.are.equal(5, found.port)
        found = must(lookup("Host other\nInclude b.conf\n"))
        assert.is_nil(found.user)
    end)

    it("includes no hidden file unless asked, and files that are not there without end", function()
        write(".b.swp", "User swapped\n")
        assert.is_nil(must(lookup("Include *.swp\n")).user)
        assert.are.equal("swapped", must(lookup("Include .*.swp\n")).user)
        assert.are.equal(5, must(lookup(("Include none.conf\n"):rep(100) .. "Port 5\n")).port)
    end)

    it("includes what a pattern names in any part of its path, in the order of names", function()
        for name, user in pairs({["sites/a1/ssh/config"] = "a1", ["sites/b/ssh/config"] = "b",
                                 ["sites/c/ssh/config/no-file"] = "", ["sites/d"] = "no folder",
                                 ["sites/.hidden/ssh/config"] = "hidden",
                                 ["sites/e[1]/x.conf"] = "brackets",
                                 ["sites/B.conf"] = "capital"}) do
            local path = fs.join(folder, name)
            must(fs.mkdir(fs.dirname(path), {parents = true}))
            must(fs.write(path, "User " .. user .. "\nIdentityFile /" .. user .. "\n"))
        end
        local function keys(pattern)
            return table.concat(must(lookup("Include " .. pattern .. "\n")).identity_files, " ")
        end
        assert.are.equal("/a1 /b", keys("sites/*/ssh/config"))
        assert.are.equal("/a1 /b", keys(folder .. "/s?tes/*/*/conf*"))
        assert.are.equal("/b", keys("sites/[!a]/ssh/config"))
        assert.are.equal("/a1", keys("sites/a[0-9]/ssh/*"))
        assert.are.equal("/hidden", keys("sites/.h*/ssh/config"))
        assert.are.equal("/brackets", keys("sites/e\\[1]/x.conf"))
        assert.are.equal("/capital", keys("sites/*.conf"))
        assert.are.equal("", keys("sites/b*.conf"), "names have capitals")
        assert.are.equal("", keys("none/*/config"))
        assert.are.equal("", keys("sites/[/x") .. keys("sites/[!]") .. keys("sites/[!]*"))
    end)

    it("is refused when it includes itself, or too many files", function()
        local _, err = lookup("Include config\n")
        assert.are.equal("TooLarge", err.code, tostring(err))
        for number = 1, 70 do
            write("many-" .. number, "Port 1\n")
        end
        _, err = lookup("Include many-*\n")
        assert.are.equal("TooLarge", err.code, tostring(err))
        -- But as many one after the other as there are is no depth.
        assert.are.equal(1, must(lookup(("Include many-1\n"):rep(60))).port)
    end)

    it("is refused when its Port is none", function()
        for _, port in ipairs({"0", "65536", "ssh", "2.5"}) do
            local found, err = lookup("Port " .. port .. "\n")
            assert.is_nil(found)
            assert.are.equal("Invalid", err.code)
            assert.is_truthy(err.message:find("Port '" .. port .. "' for vault", 1, true))
        end
    end)

    it("tells of another host in between", function()
        assert.is_true(must(lookup("ProxyJump gate\n")).proxy)
        assert.is_true(must(lookup("ProxyCommand nc %h %p\n")).proxy)
        assert.is_falsy(must(lookup("ProxyJump none\n")).proxy)
    end)

    it("has patterns that never take long", function()
        assert.is_false(match.any(("a"):rep(5000), {("a*"):rep(50) .. "b"}))
        assert.is_true(match.any("a.b.c", {"a?b*c"}))
        assert.is_false(match.any("a.b.c", {"a.b"}))
    end)
end)
