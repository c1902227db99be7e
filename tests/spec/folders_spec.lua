-- Where Salvor keeps things.
local folders = require("salvor.folders")

describe("home", function()
    local getenv, home = os.getenv, nil

    before_each(function()
        os.getenv = function(name) -- luacheck: ignore 122
            return name == "HOME" and home or nil
        end
    end)

    after_each(function()
        os.getenv = getenv -- luacheck: ignore 122
    end)

    it("is ~, alone or before a slash", function()
        for _, where in ipairs({"/home/me", "/100%a%1"}) do
            home = where
            assert.equal(where .. "/x/y", folders.expand_home("~/x/y"))
            assert.equal(where, folders.expand_home("~"))
        end
        for _, path in ipairs({"", "x", "~other/x", "x/~", "/~/x", "~~"}) do
            assert.equal(path, folders.expand_home(path))
        end
    end)

    it("is not known without $HOME", function()
        for _, where in ipairs({"", false}) do
            home = where
            assert.equal("~/x", folders.expand_home("~/x"))
            assert.equal("~", folders.expand_home("~"))
        end
    end)
end)
