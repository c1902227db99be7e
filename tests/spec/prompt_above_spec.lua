-- What others print comes above what is drawn: the line, the pager's question, what is watched.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local prompt = require("support.prompt")
local scripted = require("support.scripted")

describe("a server's warning that completion brings", function()
    it("stands above the line, which goes on", function()
        local server <close> = scripted.start()
        server:rules({{path = "/api/v1/namespaces/default/configmaps",
                       headers = {Warning = '299 - "going away"'}, json = {
                           kind = "Table", apiVersion = "meta.k8s.io/v1", metadata = {},
                           columnDefinitions = {{name = "Name", type = "string", format = "name"}},
                           rows = {{cells = {"settings"}}}}}})
        local shown <close> = prompt.start({label = "/default>", columns = 120,
                                            env = {KUBECONFIG = server:kubeconfig()}})
        shown:clear()
        shown:type("c:get('cm', 'se")
        shown:press("Tab")
        shown:expect_text("going away")
        shown:expect(shown.label .. " c:get('cm', 'settings', opts?)")
        shown:press("C-u")
        shown:enter("'alive'")
        local rows = shown:text()
        assert.truthy(rows:find("^%S+ warning going away\n"), rows)
    end)
end)

describe("a row of the log", function()
    local shown

    before_each(function()
        shown = prompt.start({columns = 150})
        shown:clear()
    end)

    after_each(function()
        shown:close()
    end)

    local function expect_above(pattern)
        eventually("the row", function()
            return shown:text():find("warning a row\n" .. pattern)
        end)
    end

    it("leaves the pager's question where it can be seen", function()
        shown:enter("task.spawn(function() repeat task.sleep(0.01) until fs.stat('now') "
            .. "log.warning('a row') end) return ('text\\n'):rep(100)")
        shown:expect_text("-- more: ")
        must(fs.write(fs.join(shown.home, "now"), ""))
        expect_above("%-%- more: ")
        shown:press("q")
        shown:expect_text("a row\n" .. shown.label)
    end)

    it("leaves what is watched, however long its next turn takes", function()
        shown:enter("turn = 0 function look() turn = turn + 1 if turn == 2 then "
            .. "log.warning('a row') task.sleep(3600) end return 'watched' end")
        shown:enter(":watch look()")
        expect_above("%d%d:%d%d:%d%d\n\"watched\"")
        shown:press("C-c")
        shown:expect_text("cancelled\n" .. shown.label)
    end)

    it("is written when the prompt has ended, too", function()
        shown:enter("last = setmetatable({}, {__gc = function() log.warning('goodbye') end})")
        assert.are.equal([["alive"]], shown:run("'alive'"))
        shown:press("C-d")
        assert.are.equal(0, shown:wait())
        shown:expect_text("warning goodbye")
    end)
end)

describe("why nothing can be completed", function()
    it("stands above the line, in each line anew", function()
        local server = scripted.start()
        server:rules({{path = "/api/v1/namespaces/default/configmaps", status = 403, json = {
            kind = "Status", apiVersion = "v1", status = "Failure", reason = "Forbidden",
            message = "you may not list them", code = 403}}})
        local shown <close> = prompt.start({label = "/default>", columns = 120,
                                            env = {KUBECONFIG = server:kubeconfig()}})
        for _ = 1, 2 do
            shown:clear()
            shown:type("c:get('cm', 'se")
            -- What was refused a moment ago is not asked for again.
            eventually("the reason", function()
                shown:press("Tab")
                return shown:text():find("you may not list them", 1, true)
            end)
            shown:expect_text("\n" .. shown.label .. " c:get('cm', 'se")
            shown:press("C-c")
        end
        server:stop()
    end)
end)
