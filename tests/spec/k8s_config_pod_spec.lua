--- A client in a pod, which has no kubeconfig: the files of a service account in a mount namespace
--- of its own, and a real server.
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("salvor")
local support = require("support.salvor")

local data = lab.kubeconfig("data")

local function specs()
    local PLACE = "/var/run/secrets/kubernetes.io/serviceaccount"
    local IN_POD = [[mount -t tmpfs none /var/run && mkdir -p "$1" && cp -r "$0"/. "$1" || exit 77
                     shift; exec "$@"]]
    local SCRIPT = [[
        local client = must(require("salvor.k8s").connect())
        local _, err = client:list("secrets")
        print(client.server, client.namespace, client.context, err.code, err.message)
    ]]
    local env, client, namespace, account

    setup(function()
        namespace = lab.namespace()
        client = lab.client({namespace = namespace})
        must(client:create({apiVersion = "v1", kind = "ServiceAccount",
                            metadata = {name = "robot"}}))
        local token = must(client:request({
            method = "POST",
            path = "/api/v1/namespaces/" .. namespace .. "/serviceaccounts/robot/token",
            body = {apiVersion = "authentication.k8s.io/v1", kind = "TokenRequest",
                    spec = {audiences = salvor.list({})}},
        })).body.status.token
        account = must(fs.temporary_folder())
        must(fs.write(fs.join(account, "token"), token .. "\n"))
        must(fs.write(fs.join(account, "namespace"), namespace))
        must(fs.write(fs.join(account, "ca.crt"),
            must(fs.read(fs.join(fs.dirname(data), "pki/ca.crt")))))
        local host, port = client.server:match("^https://(.-):(%d+)$")
        env = {KUBERNETES_SERVICE_HOST = host, KUBERNETES_SERVICE_PORT = port}
    end)
    teardown(function()
        client:delete("ns", namespace)
        must(fs.remove_tree(account))
    end)

    --- Runs it where the service account is found at its place.
    local function run(more)
        local all = {}
        for _, variables in ipairs({env, more or {}}) do
            for name, value in pairs(variables) do
                all[name] = value
            end
        end
        local script = fs.join(account, "script.lua")
        must(fs.write(script, SCRIPT))
        local result = support.run({script}, {
            home = account, env = all,
            prefix = {"unshare", "--map-root-user", "--mount", "sh", "-c", IN_POD, account, PLACE},
        })
        if result.code == 77 or result.stderr:find("^unshare:") then
            pending("nothing can be mounted here: " .. result.stderr)
        end
        return result
    end

    it("is its service account", function()
        local result = run()
        support.expect(result.stdout, client.server .. "\t" .. namespace .. "\tnil\tForbidden",
            'User "system:serviceaccount:' .. namespace .. ':robot" cannot list')
        assert.are.equal("", result.stderr)
    end)

    it("has another namespace when $POD_NAMESPACE says so", function()
        local result = run({POD_NAMESPACE = "elsewhere"})
        support.expect(result.stdout, client.server .. "\telsewhere\tnil\tForbidden")
    end)

    it("warns when $KUBECONFIG names only what is missing", function()
        local result = run({KUBECONFIG = "/nonexistent/a:/nonexistent/b"})
        support.expect(result.stdout, "\tForbidden\t")
        support.expect(result.stderr, "no file of $KUBECONFIG (/nonexistent/a:/nonexistent/b)")
    end)
end

lab.describe("the kubeconfig of a pod", data and specs or function()
    lab.it_as("data", "needs the lab's own server", specs)
end)
