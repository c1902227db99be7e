-- Waits of a procedure: a plan tells of them, a run carries them out and says what keeps them.
local lab = require("support.lab")
local salvor = require("support.salvor")
local site = require("support.site")

lab.describe("a procedure that waits", function()
    local home, closing, client, namespace

    before_each(function()
        home, closing = site.new_home()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        for _, name in ipairs({"first", "second"}) do
            must(client:create({apiVersion = "v1", kind = "ConfigMap",
                                metadata = {name = name, labels = {part = "yes"}}}))
        end
        site.install(home, "site/script", site.script({}, {run = [[function(ctx)
            must(ctx.k8s:wait("cm", "first"))
            assert(#must(ctx.k8s:wait("cm", {"first", "second"}, {timeout = 5})) == 2)
            assert(#must(ctx.k8s:wait("cm", nil, {label_selector = "part=yes"})) == 2)
            local found = must(ctx.k8s:wait_all({{kind = "cm", name = "second"},
                                                 {kind = "cm", name = {"first"}}}))
            assert(found[1].metadata.name == "second" and found[2][1].metadata.name == "first")
        end]]}))
    end)
    after_each(function()
        client:delete("ns", namespace)
        getmetatable(closing).__close()
    end)

    local function command(word)
        return salvor.run({word, "site/script", "--namespace", namespace},
            {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
    end

    it("says in a plan what for", function()
        local result = command("plan")
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "wait for cm first", "wait for cm first, second",
            "wait for cm second")
    end)

    it("waits in a run", function()
        salvor.expect_code(0, command("run"))
    end)
end)
