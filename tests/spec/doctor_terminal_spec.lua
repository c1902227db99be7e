-- salvor doctor on terminals, good and bad ones.
local doctor = require("support.doctor")
local eventually = require("support.eventually")
local salvor = require("support.salvor")
local screen = require("support.screen")

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

    it("leaves nothing of what it showed while it waited", function()
        assert.is_nil(shown("screen-256color"):find("waiting for", 1, true))
    end)
end)
