-- The examples about Fortanix CCM: `console fortanix` blocks. They find a platform in the namespace
-- `prod`, on nodes of the pool `ccm`, and may write below /srv. To what is destroyed they say yes.
local documents = require("support.documents")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local support = require("support.fortanix")

lab.describe("the examples about Fortanix CCM", function()
    local fixture

    setup(function()
        fixture = support.start("fortanix-ccm/backup")
    end)

    teardown(function()
        fixture:close()
    end)

    local function run_console(text)
        text = text:gsub("/srv", fs.join(fixture.home, "srv"))
            :gsub(" %-n prod", " -n " .. fixture.namespace)
            :gsub("agentpool=ccm", "agentpool=" .. fixture.namespace)
        for line in text:gmatch("%$ salvor ([^\n]+)") do
            local words = {}
            for word in line:gmatch("%S+") do
                words[#words + 1] = word
            end
            words[#words + 1] = words[1] == "run" and "--yes" or nil
            if words[2] == "fortanix-ccm/restore" then
                table.move({"-p", "settle=0s"}, 1, 2, #words + 1, words)
            end
            table.move({"--kubeconfig", fixture.kubeconfig}, 1, 2, #words + 1, words)
            salvor.expect_code(0, salvor.run(words, {home = fixture.home}))
        end
    end

    for _, path in ipairs(documents.paths()) do
        for _, block in ipairs(documents.blocks(path)) do
            if block.language == "console fortanix" then
                it("are right: " .. path .. ", line " .. block.line, function()
                    run_console(block.text)
                end)
            end
        end
    end
end)
