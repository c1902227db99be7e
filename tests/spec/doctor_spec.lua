-- salvor doctor against real servers: what it finds, and what it says to do about it.
local digest = require("salvor.digest")
local doctor = require("support.doctor")
local ended = require("support.ended")
local fs = require("salvor.fs")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local site = require("support.site")
local yaml = require("salvor.yaml")

local expect = doctor.expect

--- An SSH agent, which is killed at the latest when the variable is closed: its socket stays.
local function start_agent(socket)
    local pid = must(proc.run({"sh", "-c",
        'eval $(ssh-agent -s -a "$0") > /dev/null; echo $SSH_AGENT_PID', socket})).stdout
    pid = pid:match("%d+")
    local function kill()
        if pid then
            must(proc.run({"kill", "-9", pid}))
            ended.wait(pid)
            pid = nil
        end
    end
    return setmetatable({kill = kill}, {__close = kill})
end

lab.describe("salvor doctor", function()
    before_each(doctor.open)
    after_each(doctor.close)

    it("finds nothing wrong where nothing is", function()
        local found, result, told = doctor.run({"--kubeconfig", lab.kubeconfig()},
            {env = {LC_ALL = "C.UTF-8"}})
        salvor.expect_code(0, result)
        assert.are.equal("", result.stderr)
        for _, name in ipairs({"kubeconfig/files", "kubeconfig/context", "kubeconfig/credentials",
                               "server/connection", "server/TLS", "server/clock", "server/version",
                               "server/ready", "server/namespace", "server/kinds",
                               "user/identity", "site/files",
                               "procedures/site/script",
                               "tools/ssh-agent", "terminal/terminal", "terminal/locale",
                               "terminal/state folder"}) do
            expect(found, name, "ok")
            assert.is_nil(found[name].advice)
            assert.are.equal("integer", math.type(found[name].milliseconds))
        end
        assert.are.equal(0, told.counts.error)
        expect(found, "server/TLS", "ok", "certificate of CN=", ", until 20")
        expect(found, "server/version", "ok", "v1.")
    end)

    it("writes lines for people, and the counts below them", function()
        local result = salvor.run(
            {"doctor", "--procedure", "site/script", "--kubeconfig", lab.kubeconfig()},
            {home = doctor.home, env = {LC_ALL = "POSIX"}})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "kubeconfig\n  ok       files ",
            "server\n  ok       connection ",
            "\n  warning  locale        LC_ALL=POSIX is not UTF-8",
            "\n                         export LC_ALL=C.UTF-8\n")
        assert.is_truthy(result.stdout:find("\n%d+ ok, %d+ warnings?, 0 errors, %d+ skipped\n$"))
    end)

    it("changes nothing, so that it can be had in a session that only reads", function()
        local result = salvor.run({"--read-only", "doctor", "--procedure", "site/script",
                                   "--kubeconfig", lab.kubeconfig()}, {home = doctor.home})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "ok       site/script")
    end)

    for _, mode in ipairs({"640", "604", "620", "602"}) do
        it("warns of a kubeconfig that others can read or change: " .. mode, function()
            local path = doctor.write("kubeconfig", must(fs.read(lab.kubeconfig())),
                tonumber(mode, 8))
            local found, result = doctor.run({}, {env = {KUBECONFIG = path}})
            salvor.expect_code(0, result)
            expect(found, "kubeconfig/files", "warning",
                path .. " can be read or changed by others", "chmod 600 " .. path)
            expect(found, "server/ready", "ok")
        end)
    end

    it("says which files there are", function()
        local path = doctor.write("kubeconfig", must(fs.read(lab.kubeconfig())))
        local nothing = doctor.home .. "/nothing"
        local found = doctor.run({}, {env = {KUBECONFIG = path .. ":" .. nothing .. ":" .. path}})
        expect(found, "kubeconfig/files", "ok")
        assert.are.equal(path .. ", " .. nothing .. " (not there)",
            found["kubeconfig/files"].seen)
    end)

    it("takes a token for one without end that ends when no calendar goes on", function()
        local path = doctor.write("kubeconfig", [[
contexts: [{name: x, context: {cluster: x, user: x}}]
current-context: x
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: x, user: {token: e30.]] .. digest.base64('{"sub":"robot","exp":9223372036854775807}')
            :gsub("=", "") .. ".x}}]\n")
        local found = doctor.run({"--kubeconfig", path})
        expect(found, "kubeconfig/credentials", "ok")
        assert.are.equal("token of robot", found["kubeconfig/credentials"].seen)
    end)

    it("tells of a missing kubeconfig once, and looks at all that needs none", function()
        local found, result = doctor.run({"--store", doctor.home})
        salvor.expect_code(1, result)
        expect(found, "kubeconfig/files", "skipped", doctor.home .. "/.kube/config (not there)")
        expect(found, "kubeconfig/context", "error", "there is no kubeconfig", "--kubeconfig")
        for _, name in ipairs({"kubeconfig/credentials", "server/connection", "server/TLS",
                               "server/version", "user/identity", "procedures/site/script"}) do
            expect(found, name, "skipped", "not looked at, since 'context' failed")
        end
        expect(found, "stores/" .. doctor.home, "ok")
        expect(found, "terminal/state folder", "ok")
    end)

    --- {name, how it is made (the path it is given), parts of what is said}
    local BROKEN = {
        {"a folder", function(path) must(fs.mkdir(path)) end, "Is a directory", "name a file"},
        {"a pipe that nobody writes", function(path) must(proc.run({"mkfifo", path})) end,
         "nobody has written it to its end", "pipe"},
        {"nobody's to read", function(path) must(fs.write(path, "a: 1\n", {mode = 0})) end,
         "Permission denied", "can be read"},
        {"cut off", function(path) must(fs.write(path, "apiVersion: v1\nclusters:\n- na")) end,
         "entry 1 of clusters is not a mapping", "correct the file"},
        {"cut off behind a list", function(path)
            must(fs.write(path, "apiVersion: v1\nclusters:\n- name: c\n"))
        end, "has no contexts: it is empty or cut off", "--kubeconfig"},
        {"one of a namespace that is none", function(path)
            must(fs.write(path, "contexts: [{name: x, context: {cluster: c, namespace: a/b}}]\n"
                .. "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
                .. "current-context: x\n"))
        end, 'context "x" has the namespace "a/b", which cannot be one', "correct it"},
        {"no text", function(path) must(fs.write(path, "\0\1\255")) end, "kubeconfig ", "correct"},
    }
    for _, case in ipairs(BROKEN) do
        it("tells of a kubeconfig that is " .. case[1], function()
            local path = fs.join(doctor.home, "kubeconfig")
            case[2](path)
            local found, result = doctor.run({"--kubeconfig", path, "--timeout", "0.1"},
                {prefix = salvor.UNPRIVILEGED})
            salvor.expect_code(1, result)
            expect(found, "kubeconfig/context", "error", path, table.unpack(case, 3))
            expect(found, "user/identity", "skipped", "since 'context' failed")
        end)
    end

    it("reads a kubeconfig that a command writes, once", function()
        local result = must(proc.run({"bash", "-c", '"$0" doctor --procedure site/script -o json'
            .. ' --kubeconfig <(cat "$1")', salvor.path, lab.kubeconfig()},
            {env = salvor.environment(doctor.home)}))
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "(no regular file)", "all that it needs in namespace default")
    end)

    it("knows a namespace that is not there", function()
        local found, result = doctor.run({"--kubeconfig", lab.kubeconfig(), "-n", "nowhere"})
        salvor.expect_code(1, result)
        expect(found, "server/namespace", "error", "there is no namespace 'nowhere'",
            "--namespace")
    end)

    lab.it_as("restricted", "passes over a namespace that one may not look at", function(path)
        local found, result = doctor.run({"--kubeconfig", path})
        salvor.expect_code(0, result)
        expect(found, "server/namespace", "skipped", "the server does not say", "forbidden")
    end)

    it("knows a context that is not there", function()
        local found, result = doctor.run({"--kubeconfig", lab.kubeconfig(), "--context",
            "nowhere"})
        salvor.expect_code(1, result)
        expect(found, "kubeconfig/context", "error", 'there is no context "nowhere"',
            "the contexts are: lab")
    end)

    it("looks at several contexts, each by itself", function()
        local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
        table.insert(config.clusters, {name = "gone", cluster = {server = "https://127.0.0.1:1"}})
        table.insert(config.contexts, {name = "gone", context = {cluster = "gone", user = "lab"}})
        local path = doctor.write("kubeconfig", must(yaml.dump(config)))
        local found, result = doctor.run({"--kubeconfig", path, "--context", "lab,gone"})
        salvor.expect_code(1, result)
        expect(found, "lab:server/ready", "ok")
        expect(found, "gone:server/connection", "error", "cannot reach 127.0.0.1:1",
            "Connection refused", "check that the server runs")
        expect(found, "gone:user/identity", "skipped", "since 'connection' failed")
        expect(found, "gone:procedures/site/script", "skipped", "since 'connection' failed")
        local text = salvor.run({"doctor", "--procedure", "site/script", "--kubeconfig", path,
                                 "--context", "lab,gone"}, {home = doctor.home}).stdout
        salvor.expect(text, "\nserver, context lab\n", "\nserver, context gone\n")
    end)

    describe("and who we are", function()
        lab.it_as("cert", "is by a certificate", function(path)
            local found, result = doctor.run({"--kubeconfig", path})
            salvor.expect_code(0, result)
            expect(found, "kubeconfig/credentials", "ok", "client certificate of CN=", ", until 20")
            expect(found, "user/identity", "ok", "CN=")
        end)

        lab.it_as("expired", "is by a certificate that has expired", function(path)
            local found, result = doctor.run({"--kubeconfig", path})
            salvor.expect_code(1, result)
            expect(found, "kubeconfig/credentials", "error", "has expired on 20", "renew it")
            expect(found, "server/connection", "ok")
            expect(found, "user/identity", "skipped", "since 'credentials' failed")
            expect(found, "server/ready", "skipped", "since 'credentials' failed")
        end)

        lab.it_as("unauthorized", "is somebody whom the server does not know", function(path)
            local found, result = doctor.run({"--kubeconfig", path})
            salvor.expect_code(1, result)
            expect(found, "server/TLS", "ok")
            expect(found, "user/identity", "error", "does not accept the credentials", "log in")
            expect(found, "server/version", "skipped", "since 'identity' failed")
        end)

        lab.it_as("restricted", "is told by a server that is older than the question",
            function(path)
                local found, result = doctor.run({"--kubeconfig", path})
                salvor.expect_code(0, result)
                expect(found, "user/identity", "ok", "restricted")
                expect(found, "server/ready", "ok")
            end)

        it("is nobody without credentials", function()
            local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
            config.users[1].user = {}
            local found = doctor.run({"--kubeconfig",
                doctor.write("kubeconfig", must(yaml.dump(config)))})
            expect(found, "kubeconfig/credentials", "warning", "none: requests are anonymous",
                "name a user")
            expect(found, "user/identity", "warning", "system:anonymous", "name a user")
        end)
    end)

    describe("and what one may do", function()
        local SECRETS = '{{kind = "secrets", verbs = {"list"}}}'

        lab.it_as("restricted", "is an error for the procedure that is meant", function(path)
            doctor.install(SECRETS)
            local found, result = doctor.run({"--kubeconfig", path, "-n", "vaults"})
            salvor.expect_code(1, result)
            expect(found, "procedures/site/script", "error",
                "this user may not list secrets in namespace vaults",
                "salvor rbac site/script -n vaults")
        end)

        lab.it_as("restricted", "is a warning when none is named", function(path)
            doctor.install(SECRETS)
            local found, result = doctor.run_all({"--kubeconfig", path})
            salvor.expect_code(0, result)
            expect(found, "procedures/site/script", "warning",
                "this user may not list secrets in namespace default")
            assert(found["procedures/apic-v10/backup"])
        end)

        it("is not asked of kinds that the cluster does not know", function()
            doctor.install('{{kind = "things.nowhere.example.org", verbs = {"get"}}}')
            local found, result = doctor.run_all({"--kubeconfig", lab.kubeconfig()})
            salvor.expect_code(0, result)
            expect(found, "procedures/site/script", "skipped",
                "the cluster does not know things.nowhere.example.org")
            found, result = doctor.run({"--kubeconfig", lab.kubeconfig()})
            salvor.expect_code(0, result)
            expect(found, "procedures/site/script", "warning", "things.nowhere.example.org",
                "install what has them")
        end)

        it("is not known while a parameter is that it depends on", function()
            doctor.install('{{kind = "pods", verbs = {"list"}, namespace = function(params)'
                .. " return params.target end}}",
                {params = '{{name = "target", type = "name", required = true, help = "where"}}'})
            local found = doctor.run({"--kubeconfig", lab.kubeconfig()})
            expect(found, "procedures/site/script", "warning", "parameter 'target' is missing",
                "in the site file, or as $SALVOR_PARAM_NAME")
            found = doctor.run({"--kubeconfig", lab.kubeconfig()},
                {env = {SALVOR_PARAM_TARGET = "default"}})
            expect(found, "procedures/site/script", "ok")
        end)

        it("is asked of another cluster, too", function()
            doctor.install('{{kind = "pods", verbs = {"list"}, elsewhere = true}}', {
                elsewhere = 'function() return {{context = "gone"}} end'})
            local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
            table.insert(config.clusters, {name = "gone",
                                           cluster = {server = "https://127.0.0.1:1"}})
            table.insert(config.contexts, {name = "gone",
                                           context = {cluster = "gone", user = "lab"}})
            local found, result = doctor.run({"--kubeconfig",
                doctor.write("kubeconfig", must(yaml.dump(config)))})
            salvor.expect_code(1, result)
            expect(found, "procedures/site/script", "error", "cannot reach 127.0.0.1:1")
        end)

        it("is nothing where the script is invalid", function()
            site.install(doctor.home, "site/script", "return {}\n")
            local found, result = doctor.run({"--kubeconfig", lab.kubeconfig()})
            salvor.expect_code(1, result)
            expect(found, "procedures/site/script", "error", "site/script.lua", "missing")
            expect(found, "server/ready", "ok")
        end)
    end)

    describe("and the site's stores", function()
        local function write_site(text)
            return doctor.write("site.yaml", text)
        end

        it("are read, each by itself", function()
            must(fs.mkdir(fs.join(doctor.home, "full")))
            doctor.write("full/a", "b")
            must(fs.mkdir(fs.join(doctor.home, "void")))
            local path = write_site("stores: {full: {url: full}, void: {url: void},"
                .. " gone: {url: gone}}\n")
            local found, result = doctor.run({"--kubeconfig", lab.kubeconfig(), "--site",
                path, "--store", doctor.home .. "/nowhere"})
            salvor.expect_code(1, result)
            expect(found, "stores/@full", "ok", doctor.home .. "/full can be read")
            expect(found, "stores/@void", "ok", doctor.home .. "/void can be read, and is empty")
            expect(found, "stores/@gone", "error", doctor.home .. "/gone does not exist")
            expect(found, "stores/" .. doctor.home .. "/nowhere", "error", "does not exist")
        end)

        it("wait for the cluster only where it has their credentials", function()
            local path = write_site("stores:\n  here: {url: .}\n  vault: {url: 's3://b/p',"
                .. " credentials: {access_key: {env: KEY}, secret_key: {secret: s}}}\n"
                .. "  archive: {url: 'sftp://u@h/p', credentials: {secret: login}}\n")
            local found = doctor.run({"--site", path})
            expect(found, "stores/@here", "ok")
            expect(found, "stores/@vault", "skipped", "since 'context' failed")
            expect(found, "stores/@archive", "skipped", "since 'context' failed")
            found = doctor.run({"--kubeconfig", lab.kubeconfig(), "--site", path})
            expect(found, "stores/@archive", "error", "store 'archive': ", '"login" not found')
            expect(found, "stores/@vault", "error", "$KEY is not set", "set it")
        end)

        it("and the site's context count", function()
            local path = write_site("context: nowhere\nkubeconfig: " .. lab.kubeconfig() .. "\n")
            local found = doctor.run({"--site", path})
            expect(found, "kubeconfig/context", "error", 'there is no context "nowhere"')
        end)
    end)
end)

describe("salvor doctor", function()
    before_each(doctor.open)
    after_each(doctor.close)

    --- {words, part of the message}
    local MISUSE = {
        {{"--timeout", "soon"}, "--timeout is a number of seconds up to 3600, not 'soon'"},
        {{"--timeout", "0"}, "--timeout is a number of seconds"},
        {{"--output", "yaml"}, "unknown output 'yaml'"},
        {{"--procedure", "no/such"}, "there is no procedure 'no/such'"},
        {{"--procedure", "such"}, "'such' is no procedure's id"},
        {{"--store", "@vault"}, "there is no store 'vault'"},
        {{"--context", "a,"}, "has a name that is empty"},
        {{"-n", "a/b"}, "namespace 'a/b' (flag) is not valid"},
        {{"-n", "a..b"}, "namespace 'a..b' (flag) is not valid"},
        {{"-n", "x.y"}, "namespace 'x.y' (flag) is not valid"},
        {{"-n", "x-"}, "namespace 'x-' (flag) is not valid"},
        {{"-n", ("n"):rep(64)}, "(flag) is not valid; give up to 63 of a-z, 0-9 and '-'"},
        {{"word"}, "unexpected argument 'word'"},
    }
    for _, case in ipairs(MISUSE) do
        it("refuses " .. table.concat(case[1], " "), function()
            local result = salvor.run({"doctor", table.unpack(case[1])}, {home = doctor.home})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, case[2])
            assert.are.equal("", result.stdout)
        end)
    end

    --- {what stands in the site file, part of what is said}
    for _, case in ipairs({
        {"name: [\n", "site.yaml:2:1: while parsing"},
        {"contxt: a\n", "unknown key 'contxt'"},
        {"namespace: a b\n", "site.yaml:1:1: 'namespace' must be up to 63 of a-z"},
        {"procedures: {no/such: {}}\n", "there is no procedure 'no/such'"},
    }) do
        it("tells of a mistake in the site's file, and looks on: " .. case[2], function()
            local path = doctor.write("site.yaml", case[1])
            local found, result = doctor.run({"--site", path})
            salvor.expect_code(1, result)
            expect(found, "site/files", "error", case[2])
            expect(found, "terminal/state folder", "ok")
            assert.is_nil(found["kubeconfig/context"])
        end)
    end

    it("tells of a site file that is not there", function()
        expect(doctor.run({"--site", "no-such.yaml"}), "site/files", "error", "no-such.yaml",
            "--site")
    end)

    for _, words in ipairs({{"doctor"}, {"doctor", "--output", "json"}}) do
        it("fails when what it says cannot be written: " .. table.concat(words, " "), function()
            local result = must(proc.run({"sh", "-c", 'exec "$0" "$@" > /dev/full', salvor.path,
                table.unpack(words)}, {env = salvor.environment(doctor.home)}))
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "salvor: standard output: ")
        end)
    end

    it("says why a store cannot be reached, at the first try", function()
        local url = "s3://bucket/prefix?endpoint=http://127.0.0.1:1"
        local found, result = doctor.run({"--store", url, "--timeout", "5"},
            {env = {AWS_ACCESS_KEY_ID = "key", AWS_SECRET_ACCESS_KEY = "secret"}})
        salvor.expect_code(1, result)
        expect(found, "stores/" .. url, "error", "Connection refused")
    end)

    it("shows no secret, whatever is called so", function()
        local path = doctor.write("site.yaml", "stores: {vault: {url: 's3://geheimnis-17/p',"
            .. " options: {endpoint: 'http://127.0.0.1:1'},"
            .. " credentials: {access_key: {env: KEY}, secret_key: {env: SECRET}}}}\n")
        local env = {KEY = "key", SECRET = "geheimnis-17"}
        local found, result = doctor.run({"--site", path}, {env = env})
        expect(found, "stores/@vault", "error", "s3://***/p cannot be reached")
        local text = salvor.run({"doctor", "--procedure", "site/script", "--site", path},
            {home = doctor.home, env = env}).stdout
        salvor.expect(text, "s3://***/p cannot be reached")
        assert.is_nil((result.stdout .. text):find("geheimnis", 1, true))
    end)

    it("looks for programs that procedures name, for the editor and the SSH agent", function()
        doctor.install("{}", {params = [[{
            {name = "tool", type = "program", default = "no-such-tool", help = "a tool"},
            {name = "shell", type = "program", default = "sh", help = "a shell"}}]]})
        local found = doctor.run({}, {env = {EDITOR = "no-such-editor -x", VISUAL = false,
                                                    SSH_AUTH_SOCK = doctor.home .. "/agent"}})
        expect(found, "tools/no-such-tool", "warning", "not on PATH, and needed by site/script",
            "parameter")
        expect(found, "tools/sh", "ok", "/sh")
        expect(found, "tools/editor", "warning", "no-such-editor", "$EDITOR")
        expect(found, "tools/ssh-agent", "warning", doctor.home .. "/agent, which is not there",
            "ssh-agent")
        found = doctor.run({}, {env = {EDITOR = "sh -x", VISUAL = "", SSH_AUTH_SOCK = false}})
        expect(found, "tools/editor", "ok", "/sh")
        expect(found, "tools/ssh-agent", "ok", "none")
    end)

    it("asks the SSH agent for an answer", function()
        local socket = doctor.home .. "/agent"
        local agent <close> = start_agent(socket)
        local env = {SSH_AUTH_SOCK = socket}
        expect(doctor.run({}, {env = env}), "tools/ssh-agent", "ok", socket)
        agent.kill()
        expect(doctor.run({}, {env = env}), "tools/ssh-agent", "warning",
            "nobody answers at " .. socket, "start ssh-agent")
    end)

    it("tells names that are no UTF-8 all the same", function()
        local found = doctor.run({}, {env = {EDITOR = "\xff-editor", VISUAL = false}})
        expect(found, "tools/editor", "warning", "\\xff-editor is not on PATH")
    end)

    it("finds a folder for journals that cannot be written to", function()
        local folder = fs.join(doctor.home, "closed")
        must(fs.mkdir(folder, {mode = tonumber("500", 8)}))
        local found, result = doctor.run({}, {env = {XDG_STATE_HOME = folder .. "/deep"},
                                                     prefix = salvor.UNPRIVILEGED})
        salvor.expect_code(1, result)
        expect(found, "terminal/state folder", "error", folder .. "/deep/salvor",
            "Permission denied", "$XDG_STATE_HOME")
    end)

    it("takes the locale from the first variable that is set", function()
        for _, case in ipairs({
            {{LC_ALL = "en_US.utf8", LANG = "C"}, "ok", "en_US.utf8"},
            {{LC_ALL = false, LC_CTYPE = "C", LANG = "C.UTF-8"}, "warning", "LC_CTYPE=C"},
            {{LC_ALL = "", LC_CTYPE = false, LANG = "C.UTF-8"}, "ok", "C.UTF-8"},
            {{LC_ALL = false, LC_CTYPE = false, LANG = false}, "warning", "none is set"},
        }) do
            local found = doctor.run({}, {env = case[1]})
            expect(found, "terminal/locale", case[2], case[3])
        end
    end)
end)
