-- Waits of a procedure: a plan tells of them, a run carries them out and says what keeps them.
local effects = require("salvor.procedure.effects")
local fault_proxy = require("support.fault_proxy")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local site = require("support.site")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")

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

describe("the journal of a wait", function()
    it("tells of each time that the API server cannot be asked, and not of each try", function()
        local types = {}
        local performer = effects.run({append = function(_, record)
            types[#types + 1] = record.type
            return {number = #types}
        end})
        performer:await({target = "pods"}, function(note)
            for _, trouble in ipairs({"a", "a", false, "b", "c"}) do
                note({trouble = trouble and {message = trouble} or nil})
            end
            return true
        end)
        assert.same({"wait.begin", "wait.trouble", "wait.trouble", "wait.end"}, types)
    end)
end)

lab.describe("a procedure whose API server goes away while it waits", function()
    it("says so on its output, in its journal and in its report", function()
        local small <close> = small_procedure.new()
        local proxy <close> = fault_proxy.start({to = small.client.server:match("//(.*)"),
                                                 raw = true})
        local text = must(fs.read(small.kubeconfig))
        small.kubeconfig = small.home .. "/kubeconfig"
        must(fs.write(small.kubeconfig, (text:gsub("server: %S+", "server: https://"
            .. proxy.address))))
        must(small.client:create({apiVersion = "v1", kind = "ConfigMap",
                                  metadata = {name = "late"}}))
        small:steps({'id = "wait", run = function(ctx) ctx.k8s:wait("cm", "late",'
            .. ' {timeout = 600, ready = function() note("seen") end}) end'})
        local running = task.spawn(small.run, small)
        small:await_note("seen")
        proxy:stop()
        small:await_record("wait.trouble")
        small:signal("INT")
        local result = running:join()
        salvor.expect(result.stdout, "configmaps late: no status yet; contact with the API server"
            .. " is lost, trying again: ", proxy.address)
        assert.equal(1, #small:records_of("wait.trouble"))
        salvor.expect(salvor.run({"report", small:only_run()}, {home = small.home}).stdout,
            "contact with the API server was lost while cm late was waited for: ")
    end)
end)
