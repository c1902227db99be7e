-- No secret value leaves the kit's secrets/: every output, the journal and everything else on the
-- disk is searched for each of them, byte by byte.
local apic = require("support.apic")
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local lab = require("support.lab")
local null = require("salvor").null
local salvor = require("support.salvor")

--- Short parts of values stand in other texts by chance.
local MIN_LENGTH = 8

--- Each value raw, in base64 and, since logs wrap and cut, in parts of both.
local function needles(world)
    local found = {}
    local function add(text)
        if #text >= MIN_LENGTH then
            found[text] = true
        end
        for first = 1, #text - 16, 16 do
            found[text:sub(first, first + 15)] = true
        end
    end
    for _, secret in pairs(world.secrets) do
        for key, encoded in pairs(secret.data) do
            -- "looks-…" are plain words and numbers; the user's name is no secret.
            if not key:match("^looks") and key ~= "username" then
                add(encoded)
                add(must(digest.unbase64(encoded)))
            end
        end
    end
    return found
end

local function expect_none(fixture, what, text)
    for needle in pairs(needles(fixture.world)) do
        if text:find(needle, 1, true) then
            error(what .. " holds a secret value:\n" .. text, 2)
        end
    end
end

lab.describe("secret values of apic-v10/prepare-management", function()
    local fixture

    setup(function()
        fixture = apic.start()
        fixture.world:patch_status({laterCredentialSecret = "management-atm-cred"})
    end)

    teardown(function()
        fixture:close()
    end)

    it("are found by this test where they may be", function()
        salvor.expect_code(0, fixture:run({kit = fixture.home .. "/proof"}))
        assert.has_error(function()
            expect_none(fixture, "a file", must(fs.read(
                fixture:latest(fixture.home .. "/proof") .. "/secrets/management-enc-key.yaml")))
        end)
    end)

    local COMMANDS = {
        ["plan"] = {"plan", apic.ID},
        ["plan --output json"] = {"plan", apic.ID, "--output", "json"},
        ["plan that takes a backup"] = {"plan", apic.ID, "-p", "take_backup=true"},
        ["run"] = {"run", apic.ID},
        ["run --output json"] = {"run", apic.ID, "--output", "json"},
    }
    for name, words in pairs(COMMANDS) do
        for _, level in ipairs({"warning", "debug"}) do
            it("are not in the output of " .. name .. " at log level " .. level, function()
                local all = {"--log-level", level}
                table.move(words, 1, #words, #all + 1, all)
                table.move({"-p", "kit=" .. fixture.kit}, 1, 2, #all + 1, all)
                local result = fixture:salvor(all)
                salvor.expect_code(0, result)
                expect_none(fixture, "standard output", result.stdout)
                expect_none(fixture, "standard error", result.stderr)
            end)
        end
    end

    it("are not in the output of a failing check", function()
        must(fixture.world.client:patch("secrets", "management-ui-cred",
            {data = {["credential.json"] = null, other = digest.base64("other")}}))
        local result = fixture:run()
        salvor.expect_code(4, result)
        expect_none(fixture, "standard output", result.stdout)
    end)

    it("are nowhere on the disk but in the secrets of a kit", function()
        local seen = 0
        for path, data in pairs(salvor.tree(fixture.home)) do
            if not path:match("/secrets/[^/]+%.yaml$") then
                expect_none(fixture, path, data)
                seen = seen + (path:match("journal%.jsonl$") and 1 or 0)
            end
        end
        assert.is_true(seen > 2)
    end)
end)
