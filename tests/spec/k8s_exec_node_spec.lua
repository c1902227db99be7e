-- Commands in containers and forwarded ports, against a kubelet. The lab's is of 1.20, which speaks
-- v4.channel.k8s.io.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local limit = require("support.limit")
local node = require("support.node")
local proc = require("salvor.proc")
local task = require("salvor.task")

-- The second container serves a page at port 8080.
local SERVE = "mkdir /www; echo the page > /www/index.html; exec httpd -f -p 8080 -h /www"

local SIZE = 64 << 20

-- What waits for a stream is to fail and not to hang when it is broken.
local function within(name, test)
    it(name, limit(test))
end

node.describe("a pod's", function()
    local client, namespace

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace})
        node.pod({namespace = namespace, name = "main", containers = {
            {name = "shell"}, {name = "web", command = {"sh", "-c", SERVE}},
        }})
        node.pod({namespace = namespace, name = "reader", stdin = true, command = {"sh", "-c",
            "while true; do head -c 5; echo; done"}})
    end)

    local function sh(script, opts)
        return client:exec("main", {"sh", "-c", script}, opts)
    end

    describe("command", function()
        within("gives its outputs and its exit code", function()
            assert.are.same({code = 3, stdout = "out\n", stderr = "err\n"},
                must(sh("echo out; echo err >&2; exit 3")))
            assert.are.same({code = 0, stdout = "a  b\n", stderr = ""},
                must(client:exec("main", {"echo", "a  b"})))
            assert.are.equal(137, must(sh("kill -9 $$")).code)
        end)

        within("runs in the container that is named", function()
            assert.are.equal("", must(sh("ls /www 2>&1 | grep index")).stdout)
            assert.are.equal("index.html\n", must(sh("ls /www", {container = "web"})).stdout)
            local result, err = sh("true", {container = "none"})
            assert.is_nil(result)
            assert.are.equal("BadRequest", err.code)
        end)

        within("that does not exist, or a pod that does not, is an error", function()
            local result, err = client:exec("main", {"no-such-program"})
            assert.is_nil(result)
            assert.are.equal("InternalError", err.code)
            result, err = client:exec("none", {"true"}, {container = "x"})
            assert.is_nil(result)
            assert.are.equal("NotFound", err.code)
        end)

        within("may write 64 MiB", function()
            local size = 0
            local result = must(client:exec("main", {"head", "-c", tostring(SIZE), "/dev/zero"}, {
                on_stdout = function(chunk)
                    size = size + #chunk
                end,
            }))
            assert.are.equal(0, result.code)
            assert.are.equal(SIZE, size)
        end)

        within("may read a size it knows", function()
            local input = {}
            for number = 1, 1 << 19 do
                input[number] = string.format("%015d\n", number)
            end
            input = table.concat(input)
            local result = must(sh("head -c " .. #input, {stdin = input}))
            assert.is_true(result.stdout == input)
        end)

        within("that reads to the end of its input is given up, since v4 has none", function()
            local result, err = client:exec("main", {"cat"}, {stdin = "x", timeout = 1})
            assert.is_nil(result)
            assert.are.equal("Timeout", err.code)
            assert.is_truthy(err.hint:find("sized=true", 1, true))
        end)

        within("comes to its end when its size is told", function()
            local input = string.rep("\0\255 '\"$(x)\n", 100000)
            local result = must(client:exec("main", {"sh", "-c", "cat; exit 9"},
                {stdin = input, sized = true, timeout = 30}))
            assert.is_true(result.stdout == input)
            assert.are.equal(9, result.code)
            -- The words stay words, whatever a shell would make of them.
            local words = {"printf", "%s|", "a b", "$HOME", "*", "'"}
            assert.are.equal("a b|$HOME|*|'|", must(client:exec("main", words,
                {stdin = "", sized = true})).stdout)
        end)

        within("may have a terminal of that size", function()
            local streams <close> = must(client:open_exec("main", {"sh"}, {
                tty = true, stdin = true, size = {width = 91, height = 33},
            }))
            local text = ""
            local function await(part)
                while not text:find(part, 1, true) do
                    text = text .. must(streams:read())
                end
            end
            assert.are.equal("v4.channel.k8s.io", streams.protocol)
            must(streams:write("stty size\n"))
            await("33 91")
            streams:resize(120, 40)
            must(streams:write("until stty size | grep '40 120'; do true; done; exit 7\n"))
            await("\n40 120")
            assert.are.equal(7, must(streams:wait()).code)
        end)

        within("loses its streams when it is cancelled", function()
            local mark = "/lab/cancelled"
            local began = false
            local running = task.spawn(function()
                return sh("echo x; cat; touch " .. mark, {
                    on_stdout = function()
                        began = true
                    end,
                    stdin = function()
                        task.sleep(1000)
                    end,
                })
            end)
            eventually("its beginning", function()
                return began
            end)
            running:cancel()
            eventually("its end", function()
                return must(client:exec("main", {"test", "-e", mark})).code == 0
            end)
        end)
    end)

    -- A WebSocket begins as a GET; servers from 1.35 on want "create" besides.
    within("streams take the right to get its subresources, and not to create them", function()
        local RBAC = "rbac.authorization.k8s.io"
        local function as(user, verb)
            must(client:create({apiVersion = RBAC .. "/v1", kind = "Role",
                metadata = {name = user}, rules = {{apiGroups = {""}, verbs = {verb},
                resources = {"pods/exec", "pods/attach"}}}}))
            must(client:create({apiVersion = RBAC .. "/v1", kind = "RoleBinding",
                metadata = {name = user}, roleRef = {apiGroup = RBAC, kind = "Role", name = user},
                subjects = {{apiGroup = RBAC, kind = "User", name = user}}}))
            return node.client({namespace = namespace, impersonate = {user = user}})
        end
        local getter, creator = as("getter", "get"), as("creator", "create")
        -- The server learns of a role a moment after it has taken it.
        local result = eventually("the right", function()
            local found, err = getter:exec("main", {"true"}, {container = "shell"})
            return (found or err.code ~= "Forbidden") and must(found, err)
        end)
        assert.are.equal(0, result.code)
        local streams <close> = must(getter:open_attach("reader", {container = "main"}))
        assert.is_string(streams.protocol)
        local _, exec_error = creator:open_exec("main", {"true"}, {container = "shell"})
        local _, attach_error = creator:open_attach("main", {container = "shell"})
        for subresource, refusal in pairs({exec = exec_error, attach = attach_error}) do
            assert.are.equal("Forbidden", refusal.code)
            assert.is_truthy(refusal.message:find('cannot get resource "pods/' .. subresource, 1,
                true))
        end
        assert.is_truthy(exec_error and attach_error)
    end)

    within("process is attached to", function()
        local streams <close> = must(client:open_attach("reader", {stdin = true}))
        must(streams:write("12345"))
        local text = ""
        while #text < 5 do
            text = text .. must(streams:read())
        end
        assert.are.equal("12345", text:sub(1, 5))
    end)

    describe("port", function()
        local function fetch(port)
            return must(proc.run({"curl", "-s", "-m", "10",
                                  "http://127.0.0.1:" .. port .. "/index.html"}))
        end

        within("is reached, many times at once", function()
            local errors = {}
            local forward <close> = must(client:port_forward("main", 8080, {
                on_error = function(err)
                    errors[#errors + 1] = err
                end,
            }))
            local pages = task.map({1, 2, 3, 4, 5, 6, 7, 8}, function()
                return fetch(forward.port).stdout
            end)
            for number = 1, 8 do
                assert.are.equal("the page\n", pages[number])
            end
            assert.are.same({}, errors)
        end)

        within("that nobody listens on is an error", function()
            local failure
            local forward <close> = must(client:port_forward("main", 8081, {
                on_error = function(err)
                    failure = failure or err
                end,
            }))
            assert.are_not.equal(0, fetch(forward.port).code)
            eventually("an error", function()
                return failure
            end)
            assert.are.equal("Unreachable", failure.code)
            assert.is_truthy(failure.message:find("connection refused", 1, true))
        end)
    end)

    within("streams carry a tar archive", function()
        local folder = must(fs.temporary_folder())
        local path = fs.join(folder, "www.tar")
        local result = must(client:exec("main", {"tar", "cf", "-", "-C", "/www", "."},
            {container = "web"}))
        must(fs.write(path, result.stdout))
        local listing = must(proc.run({"tar", "tf", path}))
        assert.is_truthy(listing.stdout:find("./index.html", 1, true))
        must(fs.remove_tree(folder))
    end)
end)
