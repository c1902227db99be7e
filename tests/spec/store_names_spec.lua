-- Very many names, in memory that does not depend on how many there are. The server makes them when
-- it is asked (tests/support/names_server.py); make bench asks it for a million.
local fs = require("salvor.fs")
local memory = require("support.memory")
local python_server = require("support.python_server")
local salvor = require("support.salvor")

local NAMES = 100000
local LIMIT = 24 << 20 -- bytes, of which most are the program itself

describe("very many names", function()
    local server, home

    setup(function()
        server = python_server.start(python_server.class(), "names_server.py", nil, NAMES)
        home = must(fs.temporary_folder())
    end)

    teardown(function()
        server:stop()
        must(fs.remove_tree(home))
    end)

    --- What the code prints, which is given the URL of a bucket; it must not need much memory.
    local function run(code)
        local url = "s3://%s?region=default&endpoint=http://127.0.0.1:" .. server.port
        local result = salvor.run({"-e", code:gsub("URL%((%w+)%)",
            function(bucket)
                return string.format("%q", url:format(bucket))
            end) .. [[

            for line in io.lines("/proc/self/status") do
                if line:find("^VmHWM") then io.stderr:write(line:match("%d+")) end
            end]]}, {home = home, env = {AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b",
                                         AWS_CA_BUNDLE = false}})
        salvor.expect_code(0, result)
        memory.expect_at_most(LIMIT, tonumber(result.stderr) * 1024)
        return result.stdout
    end

    it("are gone over", function()
        assert.are.equal(NAMES .. "\tfolder-0099/name-0099999\n", run([[
            local opened <close> = must(require("salvor.store").open(URL(bucket)))
            local count, last = 0, nil
            for item in opened:each() do
                count, last = count + 1, item.path
            end
            print(count, last)]]))
    end)

    it("are listed by a command", function()
        local shown = run([[require("salvor.cli").main({[0] = "salvor", "store", "ls", "-r",
                                                        URL(bucket)})]])
        assert.are.equal(NAMES, select(2, shown:gsub("\n", "")))
        assert.are.equal("2024-05-31T12:30:00Z        99999  folder-0099/name-0099999",
            shown:match("([^\n]+)\n$"))
    end)

    it("are compared by a copy", function()
        assert.are.equal("0\t" .. NAMES .. "\t0\n", run([[
            local summary = must(require("salvor.store").copy(URL(one), URL(other)))
            print(summary.copied, summary.skipped, summary.failures)]]))
    end)
end)
