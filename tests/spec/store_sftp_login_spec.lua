-- Who an SFTP server is, and who we are for it: against OpenSSH.
local cancel = require("support.cancel")
local digest = require("salvor.digest")
local expect_error = require("support.store_conformance").expect_error
local fs = require("salvor.fs")
local native = require("salvor.sftp")
local proc = require("salvor.proc")
local sftp_server = require("support.sftp_server")
local secret = require("salvor.secret")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

store_lab.describe("SFTP", "sftp", function(at)
    local authority = string.format("sftp://%s@%s:%d", at.user, at.host, at.port)
    local there
    local folder = must(fs.temporary_folder())
    local _, has_rsa_sha2 = native.version()

    setup(function()
        there = store_lab.folder()
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local count = 0
    local function file(text, name)
        count = count + 1
        local path = fs.join(folder, name or "file-" .. count)
        must(fs.write(path, text))
        return path
    end

    local function options(more)
        local all = {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none",
                     retries = 0}
        for name, value in pairs(more or {}) do
            all[name] = value ~= "none" and value or name == "config" and value or nil
        end
        return all
    end

    --- Whether the server lets us in: a list of the folder.
    local function try(more, url)
        local opened <close>, err = store.open((url or authority) .. there, options(more))
        if not opened then
            return nil, err
        end
        return opened:list("")
    end

    local function let_in(more, url)
        assert.is_table(must(try(more, url)))
    end

    local function refused(code, more, url)
        local got, err = try(more, url)
        return expect_error(code, "sftp://", got, err)
    end

    describe("host keys:", function()
        local line -- of the server's Ed25519 key
        local function known(text)
            return file(text)
        end

        setup(function()
            for each in must(fs.read(at.known_hosts)):gmatch("[^\n]+") do
                line = each:find("ssh-ed25519", 1, true) and each or line
            end
        end)

        local function key_of(text)
            return text:match("^%S+ (.*)$")
        end

        it("one that is not known is refused, with its fingerprint and what to do", function()
            local err = refused("Untrusted", {known_hosts = known("")})
            assert.is_truthy(err.message:find(at.fingerprint, 1, true), err.message)
            assert.is_truthy(err.message:find("ssh-ed25519", 1, true))
            assert.is_truthy(err.message:find(string.format("[%s]:%d", at.host, at.port), 1, true))
            local pin = 'host_key="' .. at.fingerprint .. '"'
            assert.is_truthy(err.hint:find(pin, 1, true), err.hint)
            assert.is_false(err.retryable)
            refused("Untrusted", {known_hosts = fs.join(folder, "there is none")})
        end)

        it("one that has changed is refused, with both sides of it", function()
            local other = must(fs.read(at.other_known_hosts)):match("ssh%-ed25519 %S+")
            local path = known(string.format("# comment\n[%s]:%d %s\n", at.host, at.port, other))
            local err = refused("Untrusted", {known_hosts = path})
            assert.is_truthy(err.message:find("has changed", 1, true), err.message)
            assert.is_truthy(err.message:find(at.fingerprint, 1, true))
            assert.is_truthy(err.message:find(path .. ":2", 1, true))
        end)

        it("one that is revoked is refused, even when it is known or pinned", function()
            local path = known(line .. "\n@revoked * " .. key_of(line) .. "\n")
            for _, pin in ipairs({"none", at.fingerprint}) do
                local err = refused("Untrusted", {known_hosts = path, host_key = pin})
                assert.is_truthy(err.message:find("is revoked", 1, true), err.message)
                assert.is_truthy(err.message:find(path .. ":2", 1, true))
            end
        end)

        it("of a host that only an authority vouches for is refused", function()
            local path = known("@cert-authority * " .. key_of(line) .. "\n")
            local err = refused("Untrusted", {known_hosts = path})
            assert.is_truthy(err.message:find("certificate authority", 1, true), err.message)
            assert.is_truthy(err.message:find("not supported", 1, true), err.message)
        end)

        it("are asked for by the type that is known", function()
            local tried = 0
            for each in must(fs.read(at.known_hosts)):gmatch("[^\n]+") do
                if has_rsa_sha2 or not each:find("ssh-rsa", 1, true) then
                    let_in({known_hosts = known(each .. "\n")})
                    tried = tried + 1
                end
            end
            assert.is_true(tried >= 2)
        end)

        it("of other types than those known are not taken for changed ones", function()
            local path = known(string.format("[%s]:%d ssh-dss AAAAB3NzaC1kc3M=\n", at.host,
                at.port))
            local err = refused("Untrusted", {known_hosts = path})
            assert.is_truthy(err.message:find("has one of type ssh-dss", 1, true), err.message)
        end)

        it("are found by hashed names, patterns, several names and without the port", function()
            local key = key_of(line)
            local hashed = known(line .. "\n")
            must(proc.run({"ssh-keygen", "-H", "-f", hashed}))
            assert.is_truthy(must(fs.read(hashed)):find("^|1|"))
            let_in({known_hosts = hashed})
            let_in({known_hosts = known(string.format("[127.0.0.?]:%d,other %s\n", at.port, key))})
            let_in({known_hosts = known(at.host .. " " .. key .. "\n")})
            refused("Untrusted", {known_hosts = known("*,!" .. at.host .. ",![" .. at.host .. "]:*"
                .. " " .. key .. "\n")})
            refused("Untrusted", {known_hosts = known(string.format("[%s]:%d %s\n", at.host,
                at.port + 1, key))})
        end)

        it("are accepted by their fingerprint, whatever is known", function()
            let_in({known_hosts = known(""), host_key = at.fingerprint})
            let_in({known_hosts = known(""), host_key = at.fingerprint .. "="})
            local other = must(fs.read(at.other_known_hosts))
            let_in({known_hosts = known((other:gsub("%]:%d+", "]:" .. at.port))),
                    host_key = at.fingerprint})
            -- That of another of the server's keys.
            local _, ecdsa = must(fs.read(at.known_hosts)):match("(ecdsa%S+) (%S+)")
            local raw = must(digest.unbase64(ecdsa))
            let_in({known_hosts = known(""),
                    host_key = require("salvor.ssh.known_hosts").fingerprint(raw)})
            local err = refused("Untrusted", {host_key = at.other_fingerprint})
            assert.is_truthy(err.message:find(at.fingerprint, 1, true), err.message)
            assert.is_truthy(err.message:find("not " .. at.other_fingerprint, 1, true), err.message)
        end)

        it("a fingerprint that is none is refused before anything else", function()
            refused("Invalid", {host_key = "MD5:00:11"})
        end)

        it("come from files that may be damaged", function()
            local path = known("\0\1\2\n|1|x|y ssh-ed25519 AAAA\n|1|\n@\n@revoked\n"
                .. ("x"):rep(20000) .. "\n" .. ("*"):rep(5000) .. "a ssh-ed25519 AAAA\n"
                .. line .. "\r\n")
            let_in({known_hosts = path})
        end)
    end)

    describe("credentials:", function()
        it("keys of each kind, by file and from memory", function()
            for _, kind in ipairs({"ed25519", "ecdsa"}) do
                let_in({key_file = at[kind]})
                let_in({key_file = "none", key = must(fs.read(at[kind]))})
            end
        end)

        it("keys in the older forms", function()
            local path = file(must(fs.read(at.ecdsa)))
            local made = must(proc.run({"ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "",
                                        "-f", path}))
            assert.are.equal(0, made.code, made.stderr)
            assert.is_truthy(must(fs.read(path)):find("BEGIN EC PRIVATE KEY", 1, true))
            let_in({key_file = path})
        end)

        it("a key with a passphrase, which must be given and right", function()
            let_in({key_file = at.locked, passphrase = at.passphrase})
            local err = refused("Invalid", {key_file = at.locked})
            assert.is_truthy(err.message:find("is encrypted: give its passphrase", 1, true),
                err.message)
            err = refused("Unauthorized", {key_file = at.locked, passphrase = "wrong words"})
            assert.is_truthy(err.message:find("is the passphrase right?", 1, true), err.message)
            assert.is_nil(err.message:find("wrong words", 1, true))
        end)

        it("a password, as option and in the URL, and a wrong one", function()
            if not at.password then
                pending("needs root")
            end
            let_in({key_file = "none", password = at.password})
            local with = string.format("sftp://%s:%s@%s:%d", at.user,
                at.password:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end),
                at.host, at.port)
            let_in({key_file = "none"}, with)
            local err = refused("Unauthorized", {key_file = "none", password = "not-this-one"})
            assert.is_truthy(err.message:find("does not accept the password", 1, true),
                err.message)
            assert.is_nil(tostring(err):find("not-this-one", 1, true))
            assert.are.equal("said ***", secret.mask("said not-this-one"))
            with = with:gsub(":[^:@]+@", ":not-this-one@")
            err = refused("Unauthorized", {key_file = "none"}, with)
            assert.is_nil(tostring(err):find("not-this-one", 1, true), tostring(err))
        end)

        it("a password where the server takes none", function()
            local server = sftp_server.start({openssh = true, more =
                "PasswordAuthentication no\nKbdInteractiveAuthentication no"})
            finally(function() server:stop() end)
            local err = refused("Unauthorized", {key_file = "none", password = "x",
                                                 host_key = at.fingerprint},
                string.format("sftp://%s@%s:%d", at.user, at.host, server.port))
            assert.is_truthy(err.message:find("the password: the server does not take this (the "
                .. "server takes publickey)", 1, true), err.message)
        end)

        it("that are refused leave no connection behind", function()
            refused("Unauthorized", {key_file = at.stranger})
            local before = store_lab.count_open_files()
            collectgarbage("stop")
            finally(function() collectgarbage("restart") end)
            for _ = 1, 3 do
                refused("Unauthorized", {key_file = at.stranger})
                refused("Untrusted", {host_key = at.other_fingerprint})
            end
            assert.are.equal(before, store_lab.count_open_files(before))
        end)

        it("a key that is not let in, and a user that is not there", function()
            local err = refused("Unauthorized", {key_file = at.stranger})
            assert.is_truthy(err.message:find(at.stranger, 1, true), err.message)
            assert.is_truthy(err.message:find("publickey", 1, true), err.message)
            assert.is_nil(err.hint)
            refused("Unauthorized", {}, string.format("sftp://nobody-at-all@%s:%d", at.host,
                at.port))
        end)

        it("an RSA key is explained where libssh2 cannot use it", function()
            if has_rsa_sha2 then
                return let_in({key_file = at.rsa})
            end
            local err = refused("Unauthorized", {key_file = at.rsa})
            assert.is_truthy(err.hint:find("SHA-1 alone", 1, true), tostring(err))
            assert.is_truthy(err.hint:find("Ed25519", 1, true))
        end)

        it("what is no private key is told from one", function()
            local cases = {
                {must(fs.read(at.ed25519 .. ".pub")), "it is a public key"},
                {"PuTTY-User-Key-File-3: ssh-ed25519\n", "it is a key of PuTTY's"},
                {"nothing of this kind\n", "it is not a private key"},
                {must(fs.read(at.ed25519)):sub(1, 120) .. "\n-----END OPENSSH PRIVATE KEY-----\n",
                 "it is damaged or cut short"},
            }
            for _, case in ipairs(cases) do
                local err = refused("Invalid", {key_file = file(case[1])})
                assert.is_truthy(err.message:find(case[2], 1, true), err.message)
            end
            local err = refused("Invalid", {key_file = fs.join(folder, "none here")})
            assert.is_truthy(err.message:find("none here: there is none", 1, true), err.message)
        end)

        it("a Secret of Kubernetes, with key, user and known hosts", function()
            local function encode(data)
                local encoded = {}
                for name, value in pairs(data) do
                    encoded[name] = digest.base64(value)
                end
                return {kind = "Secret", type = "kubernetes.io/ssh-auth", data = encoded}
            end
            local alone = encode({["ssh-privatekey"] = must(fs.read(at.ed25519))})
            let_in({key_file = "none", secret = alone})
            local full = encode({["ssh-privatekey"] = must(fs.read(at.locked)),
                                 passphrase = at.passphrase .. "\n", username = at.user,
                                 known_hosts = must(fs.read(at.known_hosts))})
            let_in({key_file = "none", known_hosts = "none", secret = full},
                string.format("sftp://%s:%d", at.host, at.port))
            local err = refused("Invalid", {key_file = "none", secret = encode({token = "x"})})
            assert.is_truthy(err.message:find("neither ssh-privatekey nor password", 1, true),
                err.message)
            err = refused("Invalid", {key_file = "none",
                                      secret = {data = {["ssh-privatekey"] = "%%%"}}})
            assert.is_truthy(err.message:find("data.ssh-privatekey is not base64", 1, true),
                err.message)
        end)
    end)

    describe("the user's own files:", function()
        --- What a script of a user with that home, and no other environment, prints.
        local function run(home, text, env)
            local all = {HOME = home, PATH = os.getenv("PATH"), USER = "somebody"}
            for name, value in pairs(env or {}) do
                all[name] = value
            end
            local result = must(proc.run({"/proc/self/exe", "-e", text}, {env = all, timeout = 60}))
            return result.stdout .. result.stderr
        end

        local function new_home(known_hosts)
            count = count + 1
            local home = fs.join(folder, "home-" .. count)
            must(fs.mkdir(fs.join(home, ".ssh"), {parents = true}))
            if known_hosts then
                must(fs.write(fs.join(home, ".ssh/known_hosts"), known_hosts))
            end
            return home
        end

        local function list(url, more)
            return string.format([[
                local opened, err = require("salvor.store").open(%q, {retries = 0, %s})
                local listed
                if opened then
                    listed, err = opened:list("")
                end
                print(listed and "let in" or err)
            ]], url .. there, more or "")
        end

        it("known_hosts and id_ed25519", function()
            local home = new_home(must(fs.read(at.known_hosts)))
            must(fs.write(fs.join(home, ".ssh/id_ed25519"), must(fs.read(at.ed25519))))
            assert.are.equal("let in\n", run(home, list(authority)))
        end)

        it("where none of them is let in, those that could not be tried are named too", function()
            local home = new_home(must(fs.read(at.known_hosts)))
            must(fs.write(fs.join(home, ".ssh/id_ed25519"), must(fs.read(at.stranger))))
            local text = run(home, list(authority))
            for _, part in ipairs({"Unauthorized", "~/.ssh/id_ed25519: ", "does not accept the key",
                                   "SSH_AUTH_SOCK is not set", "~/.ssh/id_ecdsa: there is none"}) do
                assert.is_truthy(text:find(part, 1, true), text)
            end
        end)

        it("where there are no credentials it says where it looked", function()
            local text = run(new_home(must(fs.read(at.known_hosts))), list(authority))
            for _, part in ipairs({"Unauthorized", "password", "key_file", "SSH_AUTH_SOCK",
                                   "~/.ssh/id_ed25519: there is none", "secret"}) do
                assert.is_truthy(text:find(part, 1, true), text)
            end
        end)

        it("the configuration names host, port, user, key and known hosts", function()
            local home = new_home()
            must(fs.write(fs.join(home, ".ssh/keys"), must(fs.read(at.ed25519))))
            must(fs.write(fs.join(home, ".ssh/hosts"), must(fs.read(at.known_hosts))))
            must(fs.write(fs.join(home, ".ssh/more"), string.format([[
Port %d
User=%s
    IdentityFile "%%d/.ssh/keys"
]], at.port, at.user)))
            must(fs.write(fs.join(home, ".ssh/config"), [[
# a comment
Host other !vault
    HostName nowhere.invalid
Host vault*
    HostName 127.0.0.1
    Include more
    UserKnownHostsFile ~/.ssh/hosts
Match exec "false"
    Port 1
Host *
    Port 2
]]))
            assert.are.equal("let in\n", run(home, list("sftp://vault-1")))
            local proxied = must(fs.read(fs.join(home, ".ssh/config")))
            must(fs.write(fs.join(home, ".ssh/config"), proxied .. "ProxyJump gate\n"))
            -- What the URL says goes before it.
            local text = run(home, list("sftp://vault-1:1"))
            assert.is_truthy(text:find("cannot reach 127.0.0.1:1: Connection refused", 1, true),
                text)
            assert.is_truthy(text:find("names a proxy for this host", 1, true), text)
        end)

        it("an agent's keys, and an agent that is not there", function()
            local home = new_home(must(fs.read(at.known_hosts)))
            local socket = fs.join(folder, "agent")
            local agent = must(proc.run({"sh", "-c", [[
                eval "$(ssh-agent -a "$0" -s)" > /dev/null && ssh-add -q "$@" && echo $SSH_AGENT_PID
            ]], socket, at.stranger, at.rsa, at.ed25519}))
            assert.are.equal(0, agent.code, agent.stderr)
            finally(function() os.execute("kill " .. agent.stdout) end)
            local env = {SSH_AUTH_SOCK = socket}
            assert.are.equal("let in\n", run(home, list(authority), env))
            let_in({key_file = "none", agent = socket})
            local text = run(home, list(authority),
                {SSH_AUTH_SOCK = fs.join(folder, "no agent here")})
            assert.is_truthy(text:find("the agent does not answer", 1, true), text)
        end)
    end)

    describe("an agent that never answers", function()
        it("is left when the time is over, or at once when nobody waits", function()
            local socket = fs.join(folder, "silent agent")
            local agent = assert(io.popen("exec python3 -c '" .. [[
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print(os.getpid(), flush=True)
time.sleep(60)
]] .. "' '" .. socket .. "'"))
            local pid = agent:read("l")
            finally(function()
                os.execute("kill -KILL " .. pid)
                agent:close()
            end)
            local err = refused("Timeout", {key_file = "none", agent = socket, timeout = 1})
            assert.is_true(err.retryable)
            local child = task.spawn(function()
                return try({key_file = "none", agent = socket})
            end)
            task.sleep(0.5) -- somewhere in it
            cancel(child)
        end)
    end)

    describe("servers that are not there:", function()
        it("a port where nobody listens, and a name without an address", function()
            local err = refused("Unreachable", {}, "sftp://keeper@127.0.0.1:1")
            local expected = "cannot reach 127.0.0.1:1: Connection refused"
            assert.is_truthy(err.message:find(expected, 1, true), err.message)
            assert.is_true(err.retryable)
            err = refused("Unreachable", {}, "sftp://keeper@does-not-exist.invalid")
            assert.is_truthy(err.message:find("does-not-exist.invalid:22", 1, true), err.message)
        end)

        it("a URL without a host", function()
            local opened, err = store.open("sftp:///path", options())
            expect_error("Invalid", "sftp:///path is not valid: it has no host", opened, err)
        end)
    end)

    describe("the command", function()
        it("takes settings from the URL, and never shows its password", function()
            local command = {"/proc/" .. proc.pid() .. "/exe", "store", "ls"}
            local function run(url)
                command[4] = url
                return must(proc.run(command, {env = {HOME = folder}, timeout = 60}))
            end
            local settings = "?config=none&key_file=" .. at.ed25519 .. "&host_key="
            local result = run(authority .. there .. settings .. at.fingerprint)
            assert.are.equal(0, result.code, result.stderr)
            result = run(authority .. there .. settings .. at.other_fingerprint)
            assert.are.equal(1, result.code)
            assert.is_truthy(result.stderr:find(at.fingerprint, 1, true), result.stderr)
            result = run(string.format("sftp://keeper:not-the-password@%s:%d/x?host_key=%s",
                at.host, at.port, at.fingerprint))
            assert.are.equal(1, result.code)
            assert.is_truthy(result.stderr:find("does not accept the password", 1, true),
                result.stderr)
            assert.is_nil(result.stderr:find("not-the-password", 1, true), result.stderr)
        end)
    end)
end)
