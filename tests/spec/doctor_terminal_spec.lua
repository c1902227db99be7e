-- salvor doctor on terminals, good and bad ones.
local doctor = require("support.doctor")
local ended = require("support.ended")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local json = require("salvor.json")
local plugin = require("support.plugin")
local salvor = require("support.salvor")
local screen = require("support.screen")
local scripted = require("support.scripted")

describe("salvor doctor", function()
    before_each(doctor.open)
    after_each(doctor.close)

    --- What is shown in the end on a terminal of that kind.
    local function shown(kind, env, columns)
        local all = {TERM = kind, LC_ALL = "C.UTF-8"}
        for name, value in pairs(env or {}) do
            all[name] = value
        end
        local terminal <close> = screen.start({"doctor", "--procedure", "site/script"},
            {home = doctor.home, env = all, columns = columns or 140, rows = 60})
        return eventually("the last line", function()
            local text = terminal:text()
            return text:find("%d+ ok, %d+ warnings?, 1 error, %d+ skipped") and text
        end)
    end

    it("knows a terminal by terminfo", function()
        salvor.expect(shown("screen-256color"),
            "ok       terminal      screen-256color, 140 columns, no colours")
        salvor.expect(shown("screen-256color", {NO_COLOR = false}), "140 columns, colours")
    end)

    it("warns of one that terminfo does not know, and of a dumb one", function()
        salvor.expect(shown("no-such-terminal"),
            "warning  terminal      no-such-terminal is not known to terminfo")
        salvor.expect(shown("dumb"), "warning  terminal      TERM is 'dumb'", "plain lines")
    end)

    it("breaks lines between words, below what was seen", function()
        salvor.expect(shown("screen-256color", {}, 60),
            "\n  error    context       there is no kubeconfig:"
            .. "\n                         ~/.kube/config does not exist"
            .. "\n                         name one with --kubeconfig or"
            .. "\n                         $KUBECONFIG\n")
    end)

    describe("and a credential plugin that asks", function()
        local servers, at

        before_each(function()
            servers, at = scripted.start(), plugin.new()
            servers:rules({
                {path = "/version", json = {gitVersion = "v1.30.1"}},
                {method = "POST", path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                 status = 201, json = {status = {userInfo = {username = "jane"}}}},
            })
            at:does("printf 'Password: ' > /dev/tty; read -r answer < /dev/tty"
                .. '; test "$answer" = yes && cat output')
            must(fs.write(at:path("output"), plugin.credential({token = "printed"})))
        end)

        after_each(function()
            at:remove()
            servers:stop()
        end)

        --- About as many contexts, each with a user of its own.
        local function start(count)
            local config = must(json.decode(must(fs.read(servers:kubeconfig()))))
            local cluster, names = config.clusters[1].name, {}
            for number = 1, count do
                local name = "x" .. number
                names[number] = name
                config.contexts[number] = {name = name, context = {cluster = cluster, user = name}}
                config.users[number] = {name = name, user = {exec = {
                    command = at:path("plugin"), args = {name}, apiVersion = plugin.V1,
                    interactiveMode = "IfAvailable"}}}
            end
            return screen.start({"doctor", "--procedure", "site/script", "--timeout", "1",
                "--kubeconfig", servers:put("kubeconfig", json.encode(config)),
                "--context", table.concat(names, ",")},
                {home = doctor.home, columns = 140, rows = 60})
        end

        it("leaves it the terminal, as long as any asks", function()
            local terminal <close> = start(2)
            terminal:expect_text("a credential plugin may ask you something; Ctrl-C leaves")
            terminal:expect_text("Password:")
            terminal:type("yes")
            terminal:press("Enter")
            terminal:expect_text("Password: yes\nPassword:")
            local _, times = terminal:text():gsub("may ask you something", "")
            assert.are.equal(1, times)
            assert.is_nil(terminal:text():find("waiting for", 1, true))
            terminal:type("yes")
            terminal:press("Enter")
            terminal:expect_text("ok       identity      jane")
        end)

        it("can be left by Ctrl-C", function()
            local terminal <close> = start(1)
            terminal:expect_text("Password:")
            local pid = terminal:pid()
            terminal:press("C-c")
            ended.wait(pid)
            assert.is_nil(terminal:text():find("identity", 1, true))
        end)
    end)

    it("leaves nothing of what it showed while it waited", function()
        assert.is_nil(shown("screen-256color"):find("waiting for", 1, true))
    end)
end)
