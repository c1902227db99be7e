-- Credentials that end while the prompt is open, and a kubeconfig that has others then.
local fs = require("salvor.fs")
local lab = require("support.lab")
local prompt = require("support.prompt")

lab.describe("who has logged in again elsewhere", function()
    it("goes on at the prompt, in the same context and namespace", function()
        local home = must(fs.temporary_folder())
        local kubeconfig = fs.join(home, "kubeconfig")
        local good = must(fs.read(lab.kubeconfig()))
        local context = good:match("current%-context: (%S+)")
        must(fs.write(kubeconfig, (must(fs.read(lab.kubeconfig("unauthorized"))))))
        local shown <close> = prompt.start({columns = 150, label = context .. "/default>",
                                            env = {KUBECONFIG = kubeconfig}})
        assert.truthy(shown:run("c:get('ns', 'x')"):find("log in again", 1, true))
        assert.truthy(shown:run("must(c:get('ns', 'x'))"):find("log in again", 1, true))
        must(fs.write(kubeconfig, (good:gsub("current%-context: %S+", "current-context: other"))))
        assert.are.equal("\"kube-system\"\n\"default\"",
            shown:run("c:get('ns', 'kube-system').metadata.name, c.namespace"))
        assert.are.equal("\"" .. context .. "\"", shown:run("c.context"))
        must(fs.remove_tree(home))
    end)

    it("keeps a client of their own, and the prompt's where a store refused", function()
        local env = {KUBECONFIG = lab.kubeconfig(),
                     OTHER = lab.kubeconfig("unauthorized")}
        local shown <close> = prompt.start({columns = 150, label = "/default>", env = env})
        shown:run("kept = c")
        assert.truthy(shown:run("nil, require('salvor.error').new({code = 'Unauthorized', "
            .. "op = 'store.open', message = 'refused'})"):find("refused", 1, true))
        assert.are.equal("true", shown:run("c == kept"))
        shown:run("own = k8s.connect({kubeconfig = os.getenv('OTHER')}); c = own; nil")
        assert.truthy(shown:run("c:get('ns', 'x')"):find("log in again", 1, true))
        assert.are.equal("true", shown:run("c == own"))
        assert.are.equal("\"default\"", shown:run("c = nil; c:get('ns', 'default').metadata.name"))
    end)

    it("goes on at a dumb terminal, too, whether the error was raised or a value", function()
        local home = must(fs.temporary_folder())
        local kubeconfig = fs.join(home, "kubeconfig")
        local good, bad = must(fs.read(lab.kubeconfig())),
            must(fs.read(lab.kubeconfig("unauthorized")))
        for _, get in ipairs({"c:get('ns', 'default')", "must(c:get('ns', 'default'))"}) do
            must(fs.write(kubeconfig, bad))
            local shown <close> = prompt.start({columns = 150, label = ">",
                                                env = {KUBECONFIG = kubeconfig, TERM = "dumb"}})
            shown:enter(get)
            shown:expect_text("log in again")
            must(fs.write(kubeconfig, good))
            shown:enter(get)
            shown:expect_text("phase: Active")
        end
        must(fs.remove_tree(home))
    end)
end)
