-- What is offered of lists that a cluster or a store has given. Names that no API server lets be
-- made may come from one that is not what it says.
local complete = require("salvor.prompt.complete")
local menu = require("salvor.prompt.menu")

local NAMES = {"plain-1", "x\\", "q'1\"", "esc\27[2J", "bad\xff", "wide \u{202e}", "line\nbreak"}

local function items_of(texts)
    local items = {}
    for index, text in ipairs(texts) do
        items[index] = {text = text}
    end
    return items
end

local function prompt_with(names)
    local function give()
        return items_of(names)
    end
    return {cluster = {names = give, kinds = give}, target = {}}
end

local function offered(names, text, at)
    local found = complete(prompt_with(names), text, at or #text + 1)
    local texts = {}
    for index, item in ipairs(found and found.items or {}) do
        texts[index] = menu.whole(found, item)
    end
    return texts, found
end

describe("what is offered", function()
    it("stays inside of the quotes, and means the name", function()
        for _, quote in ipairs({"'", "\""}) do
            local texts, found = offered(NAMES, "c:get(" .. quote .. "cm" .. quote .. ", " .. quote)
            assert.are.equal(#NAMES, #texts)
            for index, text in ipairs(texts) do
                assert.is_nil(text:find("[%c\x80-\xff]"))
                assert.are.equal(NAMES[index], load("return " .. quote .. text)())
                assert.are.equal(NAMES[index], found.items[index].label or found.items[index].text)
            end
        end
    end)

    it("is completed as it has to be written", function()
        assert.are.same({[[q\'1\"']]}, offered(NAMES, [[c:get('cm', 'q\']]))
    end)

    it("is no word of a command when it would be several, or act on the terminal", function()
        assert.are.same({"plain-1 "}, offered(NAMES, ":ns "))
        assert.are.same({}, offered(NAMES, ":ns q"))
    end)

    it("is all there is, and what stands behind the cursor does not matter", function()
        local many = {}
        for index = 1, 5000 do
            many[index] = string.format("pod-%04d", index)
        end
        local text = "c:get('pods', 'pod-4', 5)"
        local texts, found = offered(many, text, #"c:get('pods', 'pod-4" + 1)
        assert.are.equal(1000, #texts)
        assert.are.equal("pod-4000'", texts[1])
        assert.are.same({#"c:get('pods', '" + 1, #"c:get('pods', 'pod-4" + 1},
            {found.from, found.to})
    end)

    it("is no file where a path cannot be", function()
        assert.are.same({}, offered({}, "fs.read('\0"))
        assert.are.same({}, offered({}, ":load \0/"))
    end)

    it("is as if an option had not been given, where its value cannot be one", function()
        assert.are.same({}, offered({}, ":plan x/y --kubeconfig= --context "))
        local steps = offered({}, ":plan apic-v10/backup --until ")
        assert.truthy(steps[1])
        assert.are.same(steps, offered({}, ":plan apic-v10/backup --site a\0b --until "))
        assert.are.same({}, offered({}, ":plan apic-v10/backup\0 --until "))
    end)

    it("is of the command's own words only behind its name", function()
        assert.are.same({"lua "}, offered({}, ":output l"))
        assert.are.same({"lua "}, offered({}, "  :out l"))
        assert.are.same({":output "}, offered({}, ":outp"))
        assert.are.same({}, offered({}, ":quit l"))
        assert.are.same({}, offered({}, ":nonsense l"))
        assert.are.same({}, offered({}, ":p l"))
    end)

    it("is of Lua behind a label", function()
        assert.are.same({"writable("}, offered({}, "::fs.writa"))
        assert.are.same({"writable("}, offered({}, "::again:: fs.writa"))
    end)

    it("is a whole path behind a command that takes one, which may go on", function()
        assert.are.same({"tests/support/screen.lua"}, offered({}, ":load tests/support/scree"))
        assert.are.same({"tests/support/screen.lua"}, offered({}, ":save tests/support/scree"))
        assert.are.same({}, offered({}, ":load x tests/support/scree"))
    end)

    it("is of Lua behind a command that takes Lua", function()
        local text = ":time fs.writa"
        local texts, found = offered({}, text)
        assert.are.same({"writable("}, texts)
        assert.are.same({#":time fs." + 1, #text + 1}, {found.from, found.to})
    end)

    it("is methods behind a colon, and fields too behind a dot", function()
        assert.are.same({"namespace"}, offered({}, "c.names"))
        assert.are.same({}, offered({}, "c:names"))
        assert.are.same({"kinds("}, offered({}, "c:kinds"))
    end)

    it("is known without loading a module", function()
        package.loaded["salvor.archive"] = nil
        assert.are.same({"check("}, offered({}, "archive.che"))
        assert.is_nil(package.loaded["salvor.archive"])
    end)

    it("is a procedure's parameters, and what they can be", function()
        assert.are.same({"portal_kit="}, offered({}, ":run apic-v10/recover -p portal_ki"))
        assert.are.same({"portal_kit="}, offered({}, ":run apic-v10/recover more -p portal_ki"))
        assert.are.same({"database=edb "}, offered({}, ":run apic-v10/recover -p database=e"))
        assert.are.same({"portal_check_sites=true "},
            offered({}, ":run apic-v10/recover --yes --param portal_check_sites=t"))
        assert.are.same({"management-kit "},
            offered({}, ":run apic-v10/recover --from management-k"))
        assert.are.same({"json "}, offered({}, ":run apic-v10/recover -o j"))
        assert.are.same({}, offered({}, ":run no/such -p "))
        assert.are.same({"--resume "}, offered({}, ":run --resu"))
        local behind = offered({}, ":run -n apic apic-v10/recover")
        assert.are.equal("apic-v10/recover ", behind[1])
    end)
end)
