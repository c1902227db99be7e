-- Every example of README and docs runs: `lua` blocks as scripts, `lua procedure ID` blocks as
-- procedures that are planned and run, `console` blocks line by line.
local fs = require("salvor.fs")
local lab = require("support.lab")
local proc = require("salvor.proc")
local world = require("worlds.apic_v10")

local SALVOR = os.getenv("SALVOR") or "build/salvor"

local function documents()
    local paths = {"README.md", "CONTRIBUTING.md"}
    for _, folder in ipairs({"docs", "docs/procedures"}) do
        for _, entry in ipairs(must(fs.list(folder))) do
            if entry.name:match("%.md$") then
                paths[#paths + 1] = folder .. "/" .. entry.name
            end
        end
    end
    return paths
end

-- The fenced blocks of a document: {language, line, text}.
local function blocks(path)
    local found, open, number = {}, nil, 0
    for line in (must(fs.read(path)) .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        local language = line:match("^```(.*)$")
        if open and language == "" then
            found[#found + 1] = {language = open.language, line = open.line,
                                 text = table.concat(open, "\n") .. "\n"}
            open = nil
        elseif language then
            open = {language = language, line = number}
        elseif open then
            open[#open + 1] = line
        end
    end
    return found
end

lab.describe("the examples of the documentation", function()
    local home, namespace, subsystem, env

    setup(function()
        home = must(fs.temporary_folder())
        namespace = lab.namespace()
        subsystem = world.start({kubeconfig = lab.kubeconfig(), namespace = namespace})
        env = {KUBECONFIG = lab.kubeconfig(), XDG_STATE_HOME = home, XDG_CONFIG_HOME = home}
    end)

    teardown(function()
        subsystem:close()
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

    for _, path in ipairs(documents()) do
        for _, block in ipairs(blocks(path)) do
            local id = block.language:match("^lua procedure (%S+)$")
            it(path .. ", line " .. block.line, function()
                if id then
                    run_procedure(id, block.text)
                elseif block.language == "lua" then
                    run({SALVOR, "-"}, block.text)
                elseif block.language == "console" then
                    run_console(block.text)
                else
                    error("a block without a known language: '" .. block.language .. "'")
                end
            end)
        end
    end
end)
