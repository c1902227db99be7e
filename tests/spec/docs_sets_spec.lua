-- The examples with backup sets: blocks whose language ends in `sets storage`. They find
-- backup sets below /srv/backups.
local documents = require("support.documents")
local fs = require("salvor.fs")
local pgbackrest = require("support.pgbackrest")
local salvor = require("support.salvor")
local sets = require("support.backup_sets")
local store_lab = require("support.store_lab")

store_lab.describe("the examples with backup sets", "pgbackrest", function()
    local repository, home

    setup(function()
        repository = pgbackrest.copy("bundle")
        home = repository:match("^(.*)/repo$")
        local folder = home .. "/backups/"
        must(fs.mkdir(folder))
        must(fs.rename(repository, folder .. "pgbackrest"))
        sets.v2018(folder .. "management", "1587549284406812631", 3)
        sets.medusa(folder .. "cassandra", {name = "daily", nodes = {"node-0", "node-1"}})
        sets.tar_gz(folder .. "portal/_portal_system_backup-20220604.010302.tar.gz", "system")
        sets.tar_gz(folder .. "portal/portal.example.com@shop@main-20220604.010302.tar.gz", "site")
    end)

    teardown(function()
        must(fs.remove_tree(home))
    end)

    local function run(...)
        local result = salvor.run({...}, {home = home})
        salvor.expect_code(0, result)
    end

    local function run_console(text)
        for line in text:gmatch("%$ salvor ([^\n]+)") do
            local words = {}
            for word in line:gmatch("%S+") do
                words[#words + 1] = word
            end
            run(table.unpack(words))
        end
    end

    for _, document in ipairs(documents.paths()) do
        for _, block in ipairs(documents.blocks(document)) do
            local language = block.language:match("^(%l+) sets storage$")
            if language then
                it("are right: " .. document .. ", line " .. block.line, function()
                    local text = block.text:gsub("/srv", home)
                    if language == "lua" then
                        run("-e", text)
                    else
                        assert.are.equal("console", language)
                        run_console(text)
                    end
                end)
            end
        end
    end
end)
