-- What procedures share when they look for objects: salvor.k8s.find for what may not be there,
-- salvor.procedure.choose for the one that is meant, salvor.action for the one that was begun.
local action = require("salvor.action")
local choose = require("salvor.procedure.choose")
local find = require("salvor.k8s.find")
local lab = require("support.lab")

lab.describe("objects of a namespace", function()
    local client, namespace

    before_each(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
    end)

    after_each(function()
        client:delete("namespaces", namespace)
    end)

    local function secret(name, type)
        return {apiVersion = "v1", kind = "Secret", metadata = {name = name}, type = type}
    end

    local function create(...)
        for _, name in ipairs({...}) do
            must(client:create(secret(name)))
        end
    end

    describe("are looked for:", function()
        it("there is one, or none", function()
            create("one")
            assert.equal("one", find.object(client, "secrets", "one").metadata.name)
            assert.is_nil(find.object(client, "secrets", "two"))
            assert.same({"one"}, find.names(client, "secrets"))
        end)

        it("the cluster knows the kind, or not", function()
            assert.is_true(find.has_kind(client, "secrets"))
            assert.is_false(find.has_kind(client, "secrets.example.org"))
        end)

        lab.it_as("unauthorized", "what prevents the look is raised", function(path)
            local stranger = lab.client({kubeconfig = path})
            for _, look in ipairs({find.object, find.has_kind, find.names}) do
                local ok, err = pcall(look, stranger, "secrets", "one")
                assert.is_false(ok)
                assert.equal("Unauthorized", err.code)
            end
        end)
    end)

    describe("are chosen from:", function()
        --- What is chosen, or what is told: "message; hint".
        local function chosen(fields)
            local told
            local name = choose({
                k8s = client,
                problem = function(_, message, hint)
                    told = message .. "; " .. hint
                end,
            }, setmetatable(fields, {__index = {kind = "Secret", plural = "secrets",
                                                product = "Vault", param = "secret"}}))
            return name or told
        end

        it("the only one, or the one that is named", function()
            create("one")
            assert.equal("one", chosen({}))
            create("two")
            assert.equal("two", chosen({name = "two"}))
        end)

        it("none is there", function()
            assert.equal("there is no Secret in namespace " .. namespace
                .. "; name its namespace with -n", chosen({}))
            assert.equal("there is no Secret one in namespace " .. namespace
                .. "; name its namespace with -n, or make one",
                chosen({name = "one", otherwise = "make one"}))
        end)

        it("the one that is named is not there", function()
            create("one", "two")
            assert.equal("there is no Secret on in namespace " .. namespace
                .. "; there is: one, two", chosen({name = "on"}))
        end)

        it("none is named, and there are more", function()
            create("one", "two")
            assert.equal("there are 2 Secrets in namespace " .. namespace
                .. ": one, two; choose one with -p secret=…", chosen({}))
        end)

        it("the cluster does not know the kind", function()
            local unknown = {plural = "secrets.example.org"}
            assert.equal("this cluster has no Secrets: Vault is not installed; choose the right"
                .. " cluster with --context or --kubeconfig", chosen(unknown))
        end)

        it("in another place, by its own options", function()
            local other = {client = client, where = " of the other data centre",
                           by = {cluster = "-p other_context=…", namespace = "-p other=…"}}
            assert.equal("there is no Secret in namespace " .. namespace .. " of the other data"
                .. " centre; name its namespace with -p other=…", chosen(other))
            other.plural = "secrets.example.org"
            assert.equal("the cluster of the other data centre has no Secrets: Vault is not"
                .. " installed; choose the right cluster with -p other_context=…", chosen(other))
        end)
    end)

    describe("tell an operator to do something once:", function()
        --- As an operator would, by the type.
        local function state(object)
            return object.type
        end

        local function begin(type, options)
            return action.begin(client, "secrets", secret(nil, type), "backup",
                setmetatable(options or {}, {__index = {state = state}}))
        end

        it("the next one follows those that have failed", function()
            assert.equal("backup", begin("failed"))
            assert.is_false(action.is_done(client, "secrets", "backup", state))
            assert.equal("backup-2", begin("failed"))
            assert.equal("backup-3", begin("ready"))
            assert.is_true(action.is_done(client, "secrets", "backup", state))
            assert.same({"backup", "backup-2", "backup-3"}, find.names(client, "secrets"))
        end)

        it("nothing is done while one is not over, or is nobody's", function()
            assert.is_false(action.is_done(client, "secrets", "backup", state))
            begin("waiting")
            assert.is_false(action.is_done(client, "secrets", "backup", state))
        end)

        it("what has to come before is done unless it has begun", function()
            local count = 0
            local options = {before = function()
                count = count + 1
            end}
            begin("waiting", options)
            pcall(begin, "waiting", options)
            assert.equal(1, count)
        end)

        it("one that has not failed may be in vain, too", function()
            begin("ready")
            assert.equal("backup-2", begin("ready", {is_vain = function(object)
                return object.metadata.name == "backup"
            end}))
        end)
    end)
end)
