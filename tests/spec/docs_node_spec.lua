-- The examples that need pods (`lua pod` blocks of README and docs) run on the lab's node, each as
-- a script in an empty folder. They find what the documents say is there: a pod `db-0` with the
-- label app=db, whose container `db` writes a line, serves port 8080 and has /lab/backup.
local documents = require("support.documents")
local fs = require("salvor.fs")
local node = require("support.node")
local proc = require("salvor.proc")

local SALVOR = fs.absolute(os.getenv("SALVOR") or "build/salvor")

local DATABASE = [[
mkdir -p /lab/backup /lab/www
echo 'select 1;' > /lab/backup/dump.sql
echo ready > /lab/www/index.html
echo "database system is ready"
exec httpd -f -p 8080 -h /lab/www]]

node.describe("the examples with pods", function()
    local home, env

    setup(function()
        local namespace = node.namespace()
        home = must(fs.temporary_folder())
        env = {KUBECONFIG = documents.write_kubeconfig(fs.join(home, "kubeconfig"),
                   node.kubeconfig(), namespace),
               XDG_CACHE_HOME = home}
        node.pod({namespace = namespace, name = "db-0", labels = {app = "db"}, restart = "Always",
                  containers = {{name = "db", command = {"sh", "-c", DATABASE}}}})
    end)

    teardown(function()
        must(fs.remove_tree(home))
    end)

    for _, path in ipairs(documents.paths()) do
        for _, block in ipairs(documents.blocks(path)) do
            if block.language == "lua pod" then
                it(path .. ", line " .. block.line, function()
                    local folder = must(fs.temporary_folder(home))
                    local result = must(proc.run({SALVOR, "-"}, {
                        env = env, cwd = folder, stdin = block.text, timeout = 60,
                    }))
                    assert.are.equal(0, result.code, result.stdout .. result.stderr)
                end)
            end
        end
    end
end)
