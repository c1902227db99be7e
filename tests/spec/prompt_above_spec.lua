-- What others print while a line is edited comes above it.
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
