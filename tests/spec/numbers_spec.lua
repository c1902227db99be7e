-- A script may set another language for numbers (os.setlocale); JSON and YAML have their own.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local support = require("support.salvor")

describe("numbers in the language of a country with decimal commas", function()
    local folder

    setup(function()
        folder = must(fs.temporary_folder())
    end)
    teardown(function()
        must(fs.remove_tree(folder))
    end)

    it("are what they are in any other", function()
        local locale = fs.join(folder, "de_DE.UTF-8")
        local made, err = proc.run({"localedef", "-i", "de_DE", "-f", "UTF-8", locale})
        if not made or made.code ~= 0 then
            pending("no such locale can be made: " .. (made and made.stderr or err.message))
        end
        -- The C library does not give back what it has made of LOCPATH.
        local env = {LOCPATH = folder, ASAN_OPTIONS = "detect_leaks=0"}
        local result = must(support.run({"-e", [[
            assert(os.setlocale("de_DE.UTF-8", "numeric"))
            assert(tostring(1.5) == "1,5")
            local json, yaml = require("salvor.json"), require("salvor.yaml")
            assert(json.decode("1.5") == 1.5 and json.decode("15e-1") == 1.5)
            assert(json.encode({1.5}) == "[1.5]")
            assert(yaml.load("1.5") == 1.5 and yaml.load("15.0") == 15)
            assert(next(yaml.load("1.5: a")) == "1.5")
            assert(yaml.dump({1.5}) == "- 1.5\n")
        ]]}, {home = folder, env = env}))
        assert.are.equal("", result.stderr)
        assert.are.equal(0, result.code)
    end)
end)
