-- Salvor's own commands at the prompt, which are about what it is about.
local cli_command = require("salvor.prompt.cli_command")

describe("a command at the prompt", function()
    local plan = require("salvor.cli.plan")
    local got

    setup(function()
        package.loaded["salvor.cli.probe"] = {
            options = plan.options, arguments = {"ID", "[WORD...]"}, usage = "",
            run = function(given, words)
                got = {given = given, words = words}
            end,
        }
    end)

    teardown(function()
        package.loaded["salvor.cli.probe"] = nil
    end)

    --- What the command is given of a text, at a prompt that is at that target.
    local function run(text, target)
        got = nil
        cli_command({target = target}, "probe", text)
        return got and got.given, got and got.words
    end

    it("is about the prompt's context, namespace, kubeconfig and site", function()
        assert.same({context = "prod", namespace = "apic", kubeconfig = "/k", site = {"/s"}},
            (run("x/y", {context = "prod", namespace = "apic", kubeconfig = "/k", site = "/s"})))
        assert.same({context = "prod"}, (run("x/y", {context = "prod"})))
    end)

    it("is about another one that its words name, however they do", function()
        for _, words in ipairs({"x -n other", "x -nother", "-nother x", "x --namespace other",
                                "x --namespace=other", "-n other -- x", "x -ojson -nother"}) do
            local given = run(words, {namespace = "apic"})
            assert.equal("other", given and given.namespace, words)
        end
    end)

    it("takes no value, and nothing behind --, for an option", function()
        local given, words = run("x -- -nother --", {namespace = "apic"})
        assert.same({{namespace = "apic"}, {"x", "-nother", "--"}}, {given, words})
        assert.same({save = "-nother", namespace = "apic"},
            (run("x --save -nother", {namespace = "apic"})))
    end)
end)
