-- What a read-only session does with real containers: it looks and brings files here, and changes
-- nothing there.
local fs = require("salvor.fs")
local node = require("support.node")
local salvor = require("support.salvor")

node.describe("a read-only session at a container", function()
    local client, namespace, home

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace})
        node.pod({namespace = namespace, name = "main"})
        must(client:exec("main", {"sh", "-c", "echo text > /lab/file"}))
        home = must(fs.temporary_folder())
        must(fs.write(fs.join(home, "local"), "other"))
    end)

    teardown(function()
        must(client:delete("namespaces", namespace))
        must(fs.remove_tree(home))
    end)

    local function run(code)
        return salvor.run({"--read-only", "-e", string.format(
            "c = must(require('salvor.k8s').connect{kubeconfig = %q, namespace = %q}) ",
            node.kubeconfig(), namespace) .. code}, {home = home, cwd = home})
    end

    local function there()
        return must(client:exec("main", {"sh", "-c", "cd /lab; tail -n +1 *"})).stdout
    end

    it("runs what is said to change nothing", function()
        local result = run("print(must(c:exec('main', {'cat', '/lab/file'}, {read_only = true}))"
            .. ".stdout)")
        salvor.expect_code(0, result)
        assert.equal("text\n\n", result.stdout)
    end)

    it("brings files here", function()
        salvor.expect_code(0, run("must(c:download('main', '/lab/file', 'brought'))"))
        assert.equal("text\n", must(fs.read(fs.join(home, "brought"))))
    end)

    it("forwards a port that is said to be read from", function()
        salvor.expect_code(0, run(
            "must(c:port_forward('main', 8080, {read_only = true})):close()"))
    end)

    it("does nothing else", function()
        local before = there()
        for _, code in ipairs({
            "must(c:exec('main', {'rm', '/lab/file'}))",
            "must(c:open_exec('main', {'rm', '/lab/file'}))",
            "must(c:attach('main', {stdin = 'x'}))",
            "must(c:upload('main', 'local', '/lab/file'))",
            "must(c:port_forward('main', 8080))",
        }) do
            local result = run(code)
            salvor.expect_code(6, result)
            salvor.expect(result.stderr, "Pod " .. namespace .. "/main",
                "the session is read-only")
        end
        assert.equal(before, there())
    end)
end)
