-- salvor.console, which the prompt is built on, with tasks that are in each other's way.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

--- What a script prints that is run in a terminal.
local function printed(script)
    local folder = must(fs.temporary_folder())
    local path = fs.join(folder, "script.lua")
    must(fs.write(path, script))
    local result = must(proc.run({"python3", "tests/support/terminal.py", "never", "",
                                  salvor.path, path}, {env = salvor.environment(folder)}))
    must(fs.remove_tree(folder))
    return result.stdout
end

describe("salvor.console", function()
    it("is read by one task", function()
        local text = printed([[
            local console, task = require("salvor.console"), require("salvor.task")
            local terminal <close> = must(console.open())
            local reader = task.spawn(terminal.read, terminal)
            task.sleep(0)
            print(pcall(terminal.read, terminal))
            reader:cancel()
        ]])
        assert.is_truthy(text:find("another task reads the console", 1, true), text)
        assert.is_truthy(text:find("^0, echo on"), text)
    end)

    it("tells who reads it when another task closes it, also where Lua cannot yield", function()
        local text = printed([[
            local console, task = require("salvor.console"), require("salvor.task")
            for _, call in ipairs({pcall, function(...)
                local arguments, result = {...}
                string.gsub("?", "?", function()
                    result = table.pack(pcall(table.unpack(arguments)))
                end)
                return table.unpack(result)
            end}) do
                local terminal = must(console.open())
                local reader = task.spawn(call, terminal.read, terminal)
                task.sleep(0)
                terminal:close()
                print(reader:join())
                print(pcall(terminal.size, terminal))
            end
            print("again:", (must(console.open()):size()))
        ]])
        local _, count = text:gsub("the console is closed", "")
        assert.are.equal(4, count, text)
        assert.is_truthy(text:find("again:", 1, true), text)
        assert.is_truthy(text:find("^0, echo on"), text)
    end)
end)
