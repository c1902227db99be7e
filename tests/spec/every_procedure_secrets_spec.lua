-- No value of a secret leaves the place where it belongs, whichever procedure is planned and run:
-- every output at the log level that says most, every report, and each file that is left on the
-- disk is searched for each of them.
local apic = require("support.apic")
local base64 = require("salvor.digest").base64
local every_procedure = require("support.every_procedure")
local fortanix = require("support.fortanix")
local lab = require("support.lab")
local null = require("salvor").null
local platform = require("worlds.fortanix")
local salvor = require("support.salvor")
local secret_values = require("support.secret_values")

--- The output of a command at the log level that says most.
local function output_of(operation, words, more)
    local all = {"--log-level", "debug"}
    table.move(words, 1, #words, #all + 1, all)
    local result = operation:salvor(table.move(more or {}, 1, #(more or {}), #all + 1, all))
    salvor.expect_code(0, result)
    return result.stdout .. result.stderr
end

--- {what it is = its text} of all that is told of a procedure that is planned and run.
local function outputs_of(operation)
    local as_json = {"--output", "json"}
    local outputs = {
        plan = output_of(operation, operation:words("plan")),
        ["plan as JSON"] = output_of(operation, operation:words("plan"), as_json),
        -- The text of the run is on standard error.
        run = output_of(operation, operation:agreed_words(), as_json),
    }
    local run = operation:only_run()
    for _, form in ipairs({"markdown", "json", "html"}) do
        local report = salvor.run({"report", run, "--output", form}, {home = operation.home})
        salvor.expect_code(0, report)
        outputs["report as " .. form] = report.stdout
    end
    return outputs
end

--- Whether secrets belong there: a kit's, and what a project of v2018 has in its files.
local function is_their_place(path)
    return path:find("/secrets/[^/]+%.yaml$") or path:find("/secret%.yaml$")
        or path:find("^project/") or path:find("^workspace/")
end

lab.describe("no secret is told by", function()
    every_procedure.describe(function(start)
        it("in any output, nor left in any file that is not for it", function()
            local operation <close> = start()
            local outputs = outputs_of(operation)
            local values = secret_values.of(operation.world.client, operation.passwords)
            assert.truthy(next(values))
            for what, text in pairs(outputs) do
                secret_values.expect_none(values, what, text)
            end
            local journals, places, found = 0, 0, 0
            for path, text in pairs(salvor.tree(operation.home)) do
                if is_their_place(path) then
                    places = places + 1
                    found = found + (secret_values.find(values, text) and 1 or 0)
                else
                    secret_values.expect_none(values, path, text)
                    journals = journals + (path:find("journal%.jsonl$") and 1 or 0)
                end
            end
            assert.equal(1, journals)
            -- What is looked for is found where it belongs.
            assert.is_true(places == 0 or found > 0)
        end)
    end)
end)

--- Runs what fails at a check once `data` of a Secret is something else.
local function expect_none_told(operation, name, data)
    local client = operation.world.client
    local values = secret_values.of(client)
    must(client:patch("secrets", name, {data = data}))
    local words = operation:agreed_words()
    local result = operation:salvor(table.move(words, 1, #words, 3, {"--log-level", "debug"}))
    salvor.expect_code(4, result)
    salvor.expect(result.stdout, name)
    secret_values.expect_none(values, "the output", result.stdout .. result.stderr)
end

lab.describe("no secret is told by a check that fails", function()
    it("since a Secret has not the key that is read from it", function()
        local operation <close> = apic.start()
        expect_none_told(operation, "management-ui-cred",
            {["credential.json"] = null, other = base64("other")})
    end)

    it("since a Secret is not what it was", function()
        local operation <close> = fortanix.start("fortanix-ccm/restore")
        operation:back_up()
        expect_none_told(operation, platform.SECRET, {token = base64("another")})
    end)
end)
