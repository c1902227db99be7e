-- salvor store with the credentials of a Kubernetes Secret: what a backup is configured with in the
-- cluster is enough to reach it, and is never shown.
local fs = require("salvor.fs")
local k8s = require("salvor.k8s")
local lab = require("support.lab")
local salvor = require("support.salvor")
local store_lab = require("support.store_lab")

lab.describe("salvor store with a Secret", function()
    store_lab.describe("of an S3 user", "s3", function(s3)
        local folder, namespace, url

        setup(function()
            folder = must(fs.temporary_folder())
            namespace = lab.namespace()
            url = "s3://" .. store_lab.bucket() .. "/db?region=" .. s3.region .. "&endpoint="
                .. s3.endpoint
            local client = must(k8s.connect({kubeconfig = lab.kubeconfig(),
                                             namespace = namespace}))
            must(client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "mgmt-backup"},
                stringData = {key = s3.access_key, keysecret = s3.secret_key}}))
            must(client:create({apiVersion = "v1", kind = "Secret",
                metadata = {name = "other"}, stringData = {color = "hunter2-blue"}}))
        end)

        teardown(function()
            must(fs.remove_tree(folder))
        end)

        local function run(...)
            return salvor.run({"store", ...}, {home = folder, cwd = folder,
                env = {KUBECONFIG = lab.kubeconfig(), AWS_CA_BUNDLE = false}})
        end

        it("copies, lists and removes", function()
            must(fs.mkdir(folder .. "/from"))
            must(fs.write(folder .. "/from/base.tar", "data"))
            local secret = namespace .. "/mgmt-backup"
            salvor.expect_code(0, run("cp", "-q", "--to-secret", secret, "from", url))
            local listed = run("ls", "--secret", secret, url)
            salvor.expect_code(0, listed)
            salvor.expect(listed.stdout, " 4  base.tar\n")
            salvor.expect_code(0, run("cp", "-q", "--from-secret", secret, url, "to"))
            assert.are.equal("data", fs.read(folder .. "/to/base.tar"))
            salvor.expect_code(0, run("rm", "-r", "--yes", "--secret", secret, url))
            assert.are.equal("", run("ls", "--secret", secret, url).stdout)
        end)

        it("says what is wrong with a Secret without showing it", function()
            local result = run("ls", "--secret", namespace .. "/other", url)
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "color", "keysecret")
            assert.is_nil(result.stderr:find("hunter2", 1, true))
            result = run("ls", "--secret", namespace .. "/none", url)
            salvor.expect_code(1, result)
            salvor.expect(result.stderr, "none", "not found")
            assert.are.equal(1, #salvor.lines(result.stderr))
        end)
    end)
end)
