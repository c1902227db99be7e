-- A saved plan: run as it was planned, or not at all.
local digest = require("salvor.digest")
local plan_document = require("salvor.procedure.plan_document")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local json = require("salvor.json")
local lab = require("support.lab")
local params = require("salvor.procedure.params")
local salvor = require("support.salvor")
local site = require("support.site")
local yaml = require("salvor.yaml")

local PARAMS = '{{name = "text", type = "string", default = "none", help = "a text"},'
    .. ' {name = "wait", type = "duration", default = "10s", help = "a time"},'
    .. ' {name = "password", type = "secret", help = "a secret"}}'

local RUN = [[function(ctx)
    must(ctx.k8s:create({apiVersion = "v1", kind = "ConfigMap",
        metadata = {generateName = "made-", labels = {made = "yes"}},
        data = {text = ctx.params.text, size = tostring(#(ctx.params.password or ""))}}))
    must(ctx.k8s:create({apiVersion = "v1", kind = "Service", metadata = {name = ctx:name("s")},
        spec = {ports = {{port = 80}}}}))
    must(ctx.k8s:patch("cm", "there", {data = {a = "2"}}))
    must(ctx.k8s:wait("cm", "there", {timeout = ctx.params.wait}))
end]]

describe("the parameters that a plan keeps", function()
    it("are texts that mean the same again", function()
        local declared, given = {}, {text = "a b", count = "7", yes = "true", time = "1h30m",
                                     size = "2G", disk = "2T", items = "a,b",
                                     odd = {"a,b", "c\\d", "\\", "é\n"},
                                     store = "s3://b/c?endpoint=e"}
        for name, kind in pairs({text = "string", count = "integer", yes = "boolean",
                                 time = "duration", size = "size", disk = "size",
                                 items = "list", odd = "list", store = "url"}) do
            table.insert(declared, {name = name, type = kind, help = "h"})
        end
        local values = must(params.resolve(declared, given))
        local kept = plan_document.params(declared, values)
        assert.same(values, must(params.resolve(declared, kept)))
    end)

    it("are not those that hold a secret", function()
        assert.same({}, plan_document.params(
            {{name = "p", type = "secret"}, {name = "u", type = "url"}},
            {p = "buried-treasure", u = "s3://key:buried-treasure@bucket"}))
    end)
end)

lab.describe("a saved plan", function()
    local home, closing, client, namespace, file

    before_each(function()
        home, closing = site.new_home()
        namespace = lab.namespace()
        file = fs.join(home, "saved.json")
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "there"},
                            data = {a = "1"}}))
        site.install(home, "site/script", site.script({params = PARAMS}, {run = RUN}))
    end)
    after_each(function()
        client:delete("ns", namespace)
        getmetatable(closing).__close()
    end)

    local function command(...)
        return salvor.run({...}, {home = home, env = {KUBECONFIG = lab.kubeconfig()}})
    end

    local function save(...)
        return command("plan", "site/script", "-n", namespace, "--save", file,
            "-p", "text=planned", ...)
    end

    local function run(...)
        return command("run", "--plan", file, ...)
    end

    local function made()
        return must(client:list("cm", {label_selector = "made=yes"}))
    end

    --- Not run, with what is said; nothing was changed.
    local function refused(code, result, ...)
        salvor.expect_code(code, result)
        salvor.expect(result.stderr, ...)
        assert.equal(0, #made())
        assert.equal("1", must(client:get("cm", "there")).data.a)
        assert.is_nil(fs.stat(home .. "/state/salvor/runs"))
    end

    local function rewrite(change)
        local document = must(json.decode(must(fs.read(file))))
        change(document)
        must(fs.write(file, must(json.encode(document))))
        return document
    end

    --- As somebody would who knows how the digest is made.
    local function forge(change)
        rewrite(function(document)
            change(document)
            document.digest = nil
            document.digest = digest.sha256(must(json.encode(document)))
        end)
    end

    it("is readable by its owner only, and shown as any plan", function()
        local result = save()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "~ data.a: 1 -> 2", "plan: 2 objects created, 1 changed")
        assert.equal("600", string.format("%o", must(fs.stat(file)).mode))
        local document = must(json.decode(must(fs.read(file))))
        assert.equal("site/script", document.procedure)
        assert.same({text = "planned", wait = "10s"}, document.params)
    end)

    it("is run with its parameters and target, and the journal says which plan it was", function()
        salvor.expect_code(0, save("-p", "wait=1m"))
        local result = run()
        salvor.expect_code(0, result)
        assert.equal("planned", made()[1].data.text)
        local id = must(fs.list(home .. "/state/salvor/runs"))[1].name
        local begin = must(journal.read(home .. "/state/salvor/runs/" .. id
            .. "/journal.jsonl"))[1]
        assert.equal(must(json.decode(must(fs.read(file)))).digest, begin.plan.digest)
        assert.equal("60s", begin.params.wait)
        salvor.expect(command("report", id).stdout, begin.plan.digest)
    end)

    it("is what --output json prints, too", function()
        local result = command("plan", "site/script", "-n", namespace, "-p", "text=planned",
            "--output", "json")
        must(fs.write(file, result.stdout))
        salvor.expect_code(0, run())
    end)

    it("holds no secret; these are given again", function()
        salvor.expect_code(0, save("-p", "password=very-buried-treasure"))
        assert.is_nil(must(fs.read(file)):find("treasure", 1, true))
        salvor.expect_code(0, run("-p", "password=very-buried-treasure"))
        assert.equal("20", made()[1].data.size)
    end)

    it("is run on its target, whatever is current here by now", function()
        local config = must(yaml.load(must(fs.read(lab.kubeconfig()))))
        local right = config["current-context"]
        table.insert(config.contexts, {name = "wrong", context = {cluster = "none", user = "none"}})
        config["current-context"] = "wrong"
        local file_of_both = fs.join(home, "kubeconfig")
        must(fs.write(file_of_both, must(yaml.dump(config))))
        salvor.expect_code(0, save("--kubeconfig", file_of_both, "--context", right))
        local result = salvor.run({"run", "--plan", file}, {home = home})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "(context " .. right .. "), namespace " .. namespace)
    end)

    it("is refused field by field when the cluster has changed", function()
        save()
        must(client:patch("cm", "there", {data = {a = "2", b = "3"}}))
        local result = run()
        salvor.expect_code(4, result)
        salvor.expect(result.stderr, "the plan does not hold any more",
            "step only, effect 3, patch ConfigMap " .. namespace .. "/there: data.a was to go from"
            .. " 1 to 2, and is left as it is now", "nothing was changed")
        must(client:patch("cm", "there", {data = {a = "9"}}))
        salvor.expect(run().stderr, "data.a was to go from 1 to 2, it is now to go from 9 to 2")
        assert.equal(0, #made())
    end)

    it("is refused when what is to be deleted was made anew", function()
        site.install(home, "site/script", site.script({params = PARAMS}, {run = [[function(ctx)
            must(ctx.k8s:delete("cm", "there")) end]]}))
        salvor.expect_code(0, save())
        must(client:delete("cm", "there"))
        must(client:create({apiVersion = "v1", kind = "ConfigMap", metadata = {name = "there"},
                            data = {a = "1"}}))
        refused(4, run(), "effect 1, delete ConfigMap " .. namespace .. "/there: was made anew by"
            .. " somebody: it has another uid", "nothing was changed")
    end)

    it("is refused when the script has changed, and says what that does", function()
        save()
        site.install(home, "site/script", site.script({params = PARAMS}, {
            run = RUN:gsub('"made%-"', '"other-"'):gsub("timeout = ctx.params.wait",
                "timeout = 99")}))
        refused(4, run(), "script: was ", "step only, effect 1: was create ConfigMap " .. namespace
            .. "/made-*, is create ConfigMap " .. namespace .. "/other-*")
    end)

    it("is refused when a check fails by now", function()
        site.install(home, "site/script", site.script({params = PARAMS, steps = [[{
            {id = "look", title = "Look", why = "Because.", check = true, run = function(ctx)
                if must(ctx.k8s:get("cm", "there")).metadata.labels then ctx:problem("labelled") end
            end},
            {id = "only", title = "Only", why = "Because.", run = function() end}}]]}))
        salvor.expect_code(0, save())
        must(client:patch("cm", "there", {metadata = {labels = {x = "y"}}}))
        refused(4, run(), "the plan fails by now", "nothing was changed")
    end)

    it("is refused on another cluster", function()
        save()
        forge(function(document)
            document.cluster.uid = "00000000-0000-0000-0000-000000000000"
        end)
        refused(4, run(), "cluster: was ", "00000000-0000-0000-0000-000000000000")
    end)

    it("is not made of a plan that failed", function()
        must(client:delete("cm", "there"))
        site.install(home, "site/script", site.script({}, {check = "true",
            run = "function(ctx) ctx:problem('no') end"}))
        local result = command("plan", "site/script", "-n", namespace, "--save", file)
        salvor.expect_code(4, result)
        salvor.expect(result.stderr, "a plan that failed is not saved")
        assert.is_nil(fs.stat(file))
    end)

    it("is refused when it was changed or cut", function()
        save()
        local whole = must(fs.read(file))
        must(fs.write(file, (whole:gsub('"planned"', '"plotted"'))))
        refused(1, run(), file .. " was changed after it was saved", "plan again with --save")
        for _, size in ipairs({0, 1, #whole // 2, #whole - 3}) do
            must(fs.write(file, whole:sub(1, size)))
            refused(1, run(), file .. " is no saved plan")
        end
        must(fs.write(file, "[]"))
        refused(1, run(), file .. " is no saved plan")
        must(fs.write(file, '{"format": 99}'))
        refused(1, run(), "has format 99, this Salvor reads 1")
        must(fs.remove(file))
        refused(1, run(), file)
    end)

    it("is refused when a part of it is of another shape", function()
        for name, value in pairs({steps = "none", params = 1, cluster = {server = 7},
                                  script = {}, procedure = {}}) do
            salvor.expect_code(0, save())
            forge(function(document)
                document[name] = value
            end)
            refused(1, run(), "is no saved plan: its " .. name .. " is missing or wrong")
        end
        save()
        forge(function(document)
            document.steps[1].effects[1].changes[1] = "all"
        end)
        refused(1, run(), "is no saved plan: its steps is missing or wrong")
    end)

    it("is run as it is: its procedure, parameters and target are not given again", function()
        save()
        refused(2, command("run", "site/script", "--plan", file), "--plan goes without")
        refused(2, run("--resume", "20200101-000000-abcdef"), "--plan goes without --resume")
        refused(2, run("-p", "text=other"), "parameter 'text' stands in the plan")
        refused(2, run("-n", "other"), "--plan goes without --namespace")
    end)
end)
