-- Logs of real containers.
local node = require("support.node")
local proc = require("salvor.proc")

node.describe("logs of a node", function()
    local client, namespace

    setup(function()
        namespace = node.namespace()
        client = node.client({namespace = namespace, on_warning = function() end})
    end)
    teardown(function()
        client:delete("namespaces", namespace)
    end)

    local function pod(name, script, more)
        local opts = {namespace = namespace, name = name, command = {"sh", "-c", script}}
        for key, value in pairs(more or {}) do
            opts[key] = value
        end
        return node.pod(opts)
    end

    local function lines_of(name, opts)
        local lines = {}
        for line in client:each_log(name, opts) do
            lines[#lines + 1] = line
        end
        return lines
    end

    it("are those that kubectl shows", function()
        pod("text", "for i in 1 2 3; do echo line $i; done; printf 'no end'", {phase = "Succeeded"})
        local function kubectl(...)
            return must(proc.run({"kubectl", "--kubeconfig", node.kubeconfig(), "-n", namespace,
                                  "logs", "text", ...})).stdout
        end
        node.await_log("line 1\nline 2\nline 3\nno end", function()
            return must(client:logs("text"))
        end)
        assert.are.equal(kubectl(), must(client:logs("text")))
        assert.are.equal(kubectl("--tail=2"), must(client:logs("text", {tail = 2})))
        assert.are.equal(kubectl("--timestamps"), must(client:logs("text", {timestamps = true})))
        assert.are.equal(kubectl("--limit-bytes=9"), must(client:logs("text", {limit_bytes = 9})))
        assert.are.same({"line 1", "line 2", "line 3", "no end"}, lines_of("text"))
    end)

    it("can be asked for from a time on", function()
        pod("times", "echo early; sleep 1.2; echo late", {phase = "Succeeded"})
        node.await_log("early\nlate\n", function()
            return must(client:logs("times"))
        end)
        local stamped = must(client:logs("times", {timestamps = true}))
        local time = stamped:match("([^ \n]+) late\n")
        assert.are.equal("late\n", must(client:logs("times", {since = time})))
        assert.are.equal("early\nlate\n", must(client:logs("times", {since = 3600})))
    end)

    it("can be followed to the container's end", function()
        pod("ends", "for i in 1 2 3 4; do echo $i; sleep 0.3; done")
        assert.are.same({"1", "2", "3", "4"}, lines_of("ends", {follow = true}))
    end)

    it("can be followed line by line as they are written", function()
        pod("slow", "echo first; sleep 86400")
        local next_line, _, _, reader = client:each_log("slow", {follow = true})
        local closing <close> = reader -- luacheck: ignore 211
        assert.are.equal("first", (next_line()))
    end)

    it("of the container before its restart are still there", function()
        pod("again", "if [ -e /seen/it ]; then echo second; sleep 86400; fi; "
            .. "touch /seen/it; echo first; exit 1", {
            restart = "Always",
            volumes = {{name = "seen", emptyDir = {[1] = nil}}},
            volumeMounts = {{name = "seen", mountPath = "/seen"}},
            phase = "Running",
        })
        must(client:wait("pods", "again", {timeout = 30, ready = function(object)
            local status = object.status.containerStatuses[1]
            return status.restartCount == 1 and status.state.running ~= nil
        end}))
        node.await_log("first\n", function()
            return must(client:logs("again", {previous = true}))
        end)
        node.await_log("second\n", function()
            return must(client:logs("again"))
        end)
    end)

    it("of all containers come at once", function()
        node.pod({
            namespace = namespace, name = "several", phase = "Succeeded",
            init_containers = {{name = "setup", command = {"echo", "prepared"}}},
            containers = {{name = "one", command = {"echo", "from one"}},
                          {name = "two", command = {"echo", "from two"}}},
        })
        node.await_log({setup = "prepared", one = "from one", two = "from two"}, function()
            local seen = {}
            for line, container in client:each_log("several", {all_containers = true}) do
                seen[container] = line
            end
            return seen
        end)
    end)

    it("of long lines are whole", function()
        pod("long", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo short",
            {phase = "Succeeded"})
        node.await_log({last = "short", size = 3000000, partial = false}, function()
            local pieces, last = {}, nil
            for line, _, partial in client:each_log("long") do
                pieces[#pieces + 1], last = line, partial
            end
            return {last = table.remove(pieces), size = #table.concat(pieces), partial = last}
        end)
    end)

    it("that do not exist are the server's error", function()
        local _, err = client:logs("none")
        assert.are.equal("NotFound", err.code)
        pod("plain", "sleep 86400")
        _, err = client:logs("plain", {container = "mispelt"})
        assert.are.equal("BadRequest", err.code)
        _, err = client:logs("plain", {previous = true})
        assert.are.equal("BadRequest", err.code)
    end)
end)
