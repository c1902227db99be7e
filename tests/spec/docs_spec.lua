-- Every example of README and docs runs: `lua` blocks as scripts, `lua procedure ID` blocks as
-- procedures that are planned and run, `console` blocks line by line; `yaml FILE` and `lua file
-- FILE` are files below /srv that later blocks use. `lua pod` blocks are run by docs_node_spec.lua,
-- those whose language ends in `storage` by docs_storage_spec.lua, in `fortanix` by
-- docs_fortanix_spec.lua.
local documents = require("support.documents")
local fs = require("salvor.fs")
local lab = require("support.lab")
local portal_world = require("worlds.apic_v10_portal")
local proc = require("salvor.proc")
local world = require("worlds.apic_v10")

local SALVOR = os.getenv("SALVOR") or "build/salvor"

lab.describe("the examples of the documentation", function()
    local home, namespace, subsystem, portal, new_subsystem, new_portal, env

    setup(function()
        home = must(fs.temporary_folder())
        must(fs.mkdir(fs.join(home, "site")))
        must(fs.write(fs.join(home, "site", "site.yaml"), "kind: Site\n"))
        namespace = lab.namespace()
        subsystem = world.start({kubeconfig = lab.kubeconfig(), namespace = namespace})
        portal = portal_world.start({kubeconfig = lab.kubeconfig(), namespace = namespace})
        -- Where lost subsystems are recovered.
        must(lab.client():create({apiVersion = "v1", kind = "Namespace",
                                  metadata = {name = namespace .. "-new"}}))
        new_subsystem = world.start({kubeconfig = lab.kubeconfig(),
                                     namespace = namespace .. "-new", empty = true})
        new_portal = portal_world.start({kubeconfig = lab.kubeconfig(),
                                         namespace = namespace .. "-new", install = false,
                                         storage = portal.storage})
        env = {KUBECONFIG = documents.write_kubeconfig(fs.join(home, "kubeconfig"),
                   lab.kubeconfig(), namespace,
                   {frankfurt = namespace, berlin = namespace .. "-new"}),
               XDG_STATE_HOME = home, XDG_CONFIG_HOME = home, XDG_CACHE_HOME = home}
    end)

    teardown(function()
        subsystem:close()
        portal:close()
        new_subsystem:close()
        new_portal:close()
        must(fs.remove_tree(home))
    end)

    local function run(argv, input)
        local result = must(proc.run(argv, {env = env, stdin = input, timeout = 60}))
        assert.are.equal(0, result.code, result.stdout .. result.stderr)
        return result.stdout
    end

    local function run_procedure(id, text)
        local path = fs.join(home, "salvor", "scripts", id .. ".lua")
        must(fs.mkdir(fs.dirname(path), {parents = true}))
        must(fs.write(path, text))
        for _, verb in ipairs({"show", "plan", "run"}) do
            local argv = {SALVOR, verb, id}
            if verb ~= "show" then
                table.move({"-p", "target=" .. namespace}, 1, 2, #argv + 1, argv)
            end
            for _, name in ipairs({"kit", "place"}) do
                if text:find('name = "' .. name .. '"', 1, true) then
                    table.move({"-p", name .. "=" .. home .. "/example/" .. name}, 1, 2, #argv + 1,
                        argv)
                end
            end
            run(argv)
        end
    end

    -- The folder and the namespace of the examples are those of the test.
    local function run_console(text)
        for line in text:gmatch("[^\n]+") do
            local words = {}
            line = line:gsub("/srv", home):gsub(" %-n apic", " -n " .. namespace)
            for word in line:gmatch("%S+") do
                words[#words + 1] = word
            end
            assert.are.same({"$", "salvor"}, {words[1], words[2]})
            table.remove(words, 1)
            words[1] = SALVOR
            run(words)
        end
    end

    local function write_file(path, text)
        path = fs.join(home, path)
        must(fs.mkdir(fs.dirname(path), {parents = true}))
        must(fs.write(path, text))
    end

    local function run_block(block)
        local id = block.language:match("^lua procedure (%S+)$")
        if id then
            run_procedure(id, block.text)
        elseif block.language:match("^%w+ file %S+$") or block.language:match("^yaml %S+$") then
            write_file(block.language:match("%S+$"), block.text)
        elseif block.language == "lua" then
            run({SALVOR, "-"}, block.text)
        elseif block.language == "console" then
            run_console(block.text)
        else
            error("a block without a known language: '" .. block.language .. "'")
        end
    end

    for _, path in ipairs(documents.paths()) do
        for _, block in ipairs(documents.blocks(path)) do
            if block.language ~= "lua pod" and not block.language:find(" storage$")
                and not block.language:find(" fortanix$") then
                it(path .. ", line " .. block.line, function()
                    run_block(block)
                end)
            end
        end
    end
end)
