-- No secret value of a platform leaves the kit's secret.yaml: every output, report and everything
-- else on the disk is searched for each of them.
local digest = require("salvor.digest")
local fortanix = require("worlds.fortanix")
local json = require("salvor.json")
local lab = require("support.lab")
local operation = require("support.operation")
local salvor = require("support.salvor")
local support = require("support.fortanix")

--- Each value, encoded and not, and in parts, since logs wrap and cut.
local function needles_of(client, storage_secret)
    local found = {}
    local function add(text)
        for first = 1, math.max(1, #text - 16), 16 do
            found[text:sub(first, first + 15)] = true
        end
    end
    for _, name in ipairs({fortanix.SECRET, storage_secret}) do
        for key, encoded in pairs(must(client:get("secrets", name)).data) do
            local value = must(digest.unbase64(encoded))
            -- The account's name is none.
            value = key == "credentials" and must(json.decode(value)).key or value
            add(value)
            add(digest.base64(value))
        end
    end
    return found
end

local function expect_none(needles, what, text)
    for needle in pairs(needles) do
        if text:find(needle, 1, true) then
            error(what .. " holds a secret value:\n" .. text, 2)
        end
    end
end

lab.describe("secret values of Fortanix CCM", function()
    local fixture, needles

    setup(function()
        fixture = support.start("fortanix-ccm/restore")
        needles = needles_of(fixture.world.client, fixture.world.storage_secret)
        fixture:back_up()
    end)

    teardown(function()
        fixture:close()
    end)

    local function run(command, id, params, more)
        local own = fixture.id
        fixture.id = id
        local words = fixture:words(command, params)
        fixture.id = own
        table.insert(words, 1, "debug")
        table.insert(words, 1, "--log-level")
        return fixture:salvor(table.move(more or {}, 1, #(more or {}), #words + 1, words))
    end

    it("are found by this test where they may be", function()
        local proof = salvor.tree(fixture.kit)
        local count = 0
        for path, text in pairs(proof) do
            if path:find("secret.yaml", 1, true) then
                count = count + 1
                assert.has_error(function()
                    expect_none(needles, path, text)
                end)
            end
        end
        assert.equal(1, count)
    end)

    for _, form in ipairs({"text", "json"}) do
        for _, id in ipairs({"fortanix-ccm/backup", "fortanix-ccm/restore"}) do
            it("are in no output of " .. id .. " as " .. form, function()
                if id == "fortanix-ccm/restore" then
                    must(fixture.world.client:delete("secrets", fortanix.SECRET))
                end
                for _, command in ipairs({"plan", "run"}) do
                    local result = run(command, id, nil, {"--output", form})
                    salvor.expect_code(0, result)
                    expect_none(needles, "standard output", result.stdout)
                    expect_none(needles, "standard error", result.stderr)
                end
            end)
        end
    end

    it("are in no report", function()
        for _, id in ipairs((fixture:runs())) do
            for _, form in ipairs({"markdown", "json", "html"}) do
                local report = salvor.run({"report", id, "--output", form}, {home = fixture.home})
                salvor.expect_code(0, report)
                expect_none(needles, "a report", report.stdout)
            end
        end
    end)

    it("are not told when a check fails", function()
        must(fixture.world.client:patch("secrets", fortanix.SECRET,
            {data = {token = digest.base64("another")}}))
        local result = fixture:run()
        salvor.expect_code(4, result)
        assert.truthy(operation.run_id(result))
        expect_none(needles, "standard output", result.stdout)
    end)

    it("are nowhere on the disk but in the kit", function()
        for path, text in pairs(salvor.tree(fixture.home)) do
            if not path:find("/secret%.yaml$") then
                expect_none(needles, path, text)
            end
        end
    end)
end)
