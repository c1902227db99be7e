-- Logs against a scripted server, which ends them as a spec wishes; k8s_logs_node_spec.lua reads
-- those of real containers.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local lab = require("support.lab")
local memory = require("support.memory")
local salvor = require("salvor")
local scripted = require("support.scripted")
local task = require("salvor.task")

local POD = "/api/v1/namespaces/default/pods/db-0"
local LOG = POD .. "/log"

describe("logs", function()
    local server, client, warnings

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        warnings = {}
        client = server:client({timeout = 30, on_warning = function(text)
            warnings[#warnings + 1] = text
        end})
    end)

    local function pod(fields)
        local object = {
            apiVersion = "v1",
            kind = "Pod",
            metadata = {name = "db-0", annotations = fields and fields.annotations},
            spec = {initContainers = {{name = "setup"}},
                    containers = {{name = "postgres"}, {name = "sidecar"}}},
            status = {containerStatuses = fields and fields.statuses},
        }
        return object
    end

    --- The state of the container postgres.
    local function status(id, state)
        return {{name = "postgres", containerID = id, state = {[state] = {}}}}
    end

    local function read_all(opts)
        local lines = {}
        for line, container, partial in client:each_log("db-0", opts) do
            lines[#lines + 1] = {line, container, partial}
        end
        return lines
    end

    local function texts(lines)
        local result = {}
        for number, line in ipairs(lines) do
            result[number] = line[1]
        end
        return result
    end

    --- What each_log raised, after the lines it gave.
    local function read_until_error(opts)
        local lines = {}
        local ok, err = pcall(function()
            for line in client:each_log("db-0", opts) do
                lines[#lines + 1] = line
            end
        end)
        assert.is_false(ok)
        return err, lines
    end

    local function request_of(path)
        for _, request in ipairs(server:requests()) do
            if request.path == path then
                return request
            end
        end
    end

    describe("as a whole", function()
        it("are a string, byte for byte", function()
            server:rules({{path = LOG, body = "one\r\ntwo\n\nlast"}})
            assert.are.equal("one\r\ntwo\n\nlast", must(client:logs("db-0", {container = "a"})))
        end)

        it("are selected by the server", function()
            server:rules({{path = LOG, body = ""}})
            must(client:logs("db-0", {container = "a b", previous = true, since = 90.5, tail = 10,
                                      timestamps = true, limit_bytes = 4096}))
            local query = request_of(LOG).query
            for _, part in ipairs({"container=a%20b", "previous=true", "sinceSeconds=91",
                                   "tailLines=10", "timestamps=true", "limitBytes=4096"}) do
                assert.truthy(query:find(part, 1, true), part)
            end
            must(client:logs("db-0", {container = "a", since = "2024-05-06T07:08:09.5+02:00"}))
            assert.truthy(server:requests()[2].query:find(
                "sinceTime=2024-05-06T07%3A08%3A09.5%2B02%3A00", 1, true))
        end)

        it("of more than the limit are an error that says what to do", function()
            server:rules({{path = LOG, body = ("x"):rep(1000)}})
            assert.are.equal(1000, #must(client:logs("db-0", {container = "a", limit = 1000})))
            for _, limit in ipairs({999, 0}) do
                local text, err = client:logs("db-0", {container = "a", limit = limit})
                assert.is_nil(text)
                assert.are.equal("TooLarge", err.code)
                assert.truthy(err.hint:find("each_log", 1, true))
            end
        end)

        it("are read again when the connection was lost", function()
            server:rules({{path = LOG, times = 1, body = "half", ["end"] = "truncate"},
                          {path = LOG, body = "whole"}})
            assert.are.equal("whole", must(client:logs("db-0", {container = "a"})))
        end)

        it("that the server refuses are its error", function()
            local message = 'container "a" in pod "db-0" is waiting to start: ContainerCreating'
            server:rules({{path = LOG, status = 400,
                           json = scripted.status(400, "BadRequest", message)}})
            local _, err = client:logs("db-0", {container = "a"})
            assert.are.equal("BadRequest", err.code)
            assert.are.equal(message, err.message)
            assert.are.equal("k8s.logs", err.op)
        end)
    end)

    describe("of a container that nobody named", function()
        it("are those of the one the pod's annotation names", function()
            server:rules({{path = LOG, body = "x"}, {path = POD, json = pod({annotations = {
                ["kubectl.kubernetes.io/default-container"] = "sidecar"}})}})
            must(client:logs("db-0"))
            assert.are.equal("container=sidecar", request_of(LOG).query)
            assert.are.same({}, warnings)
        end)

        it("are those of the first, which is said once", function()
            server:rules({{path = LOG, body = "x"}, {path = POD, json = pod()}})
            must(client:logs("db-0"))
            must(client:logs("db-0"))
            assert.are.equal("container=postgres", request_of(LOG).query)
            assert.are.same({'Defaulted container "postgres" out of: postgres, sidecar, '
                .. 'setup (init)'}, warnings)
        end)

        it("are an error when there is no such pod", function()
            server:rules({{path = POD, status = 404, json = scripted.status(404, "NotFound",
                'pods "db-0" not found')}})
            local _, err = client:logs("db-0")
            assert.are.equal("NotFound", err.code)
            assert.are.equal("k8s.logs", err.op)
        end)
    end)

    describe("line by line", function()
        it("have lines wherever the network cut them", function()
            server:rules({{path = LOG, chunks = {"on", "e\r", "\ntw", "o\n\n", "gr\u{fc}", "n"},
                           delay = 0.02}})
            assert.are.same({{"one\r", "a", false}, {"two", "a", false}, {"", "a", false},
                             {"gr\u{fc}n", "a", false}}, read_all({container = "a"}))
        end)

        it("come when they are there, not at the end", function()
            server:rules({{path = LOG, chunks = {"first\n"}, ["end"] = "hang"}})
            local next_line, _, _, reader = client:each_log("db-0",
                {container = "a", follow = true})
            local closing <close> = reader -- luacheck: ignore 211
            assert.are.equal("first", (next_line()))
        end)

        it("of an empty log are none", function()
            server:rules({{path = LOG, body = ""}})
            assert.are.same({}, read_all({container = "a"}))
        end)

        it("come in pieces between characters when they are longer than 1 MiB", function()
            -- The limit falls into the middle of a character of three bytes.
            local long = "x" .. ("\xe2\x82\xac"):rep(800000)
            server:rules({{path = LOG, body = long .. "\nshort\n"}})
            local lines = read_all({container = "a"})
            local pieces = {}
            for number = 1, #lines - 1 do
                local text, _, partial = table.unpack(lines[number])
                pieces[number] = text
                assert.are.equal(number < #lines - 1, partial)
                assert.is_truthy(utf8.len(text))
                assert.is_true(#text <= 2 << 20)
            end
            assert.is_true(#pieces > 1)
            assert.is_true(table.concat(pieces) == long)
            assert.are.equal("short", lines[#lines][1])
        end)

        it("use little memory when the reader is slow", function()
            local body = (("y"):rep(1023) .. "\n"):rep(32 << 10)
            server:rules({{path = LOG, body = body}})
            local before, most, count = memory.resident(), 0, 0
            for _ in client:each_log("db-0", {container = "a"}) do
                count = count + 1
                if count % 4096 == 0 then
                    task.sleep(0.01)
                    most = math.max(most, memory.resident() - before)
                end
            end
            assert.are.equal(32 << 10, count)
            memory.expect_at_most(24 << 20, most)
        end)

        it("of several containers come side by side", function()
            server:rules({
                {path = POD, json = pod()},
                {path = LOG, query = "container=setup", body = "s1\ns2"},
                {path = LOG, query = "container=postgres", chunks = {"p1\np", "2\n"}, delay = 0.1},
                {path = LOG, query = "container=sidecar", body = "c1\n"},
            })
            local by_container = {}
            for _, line in ipairs(read_all({all_containers = true})) do
                by_container[line[2]] = by_container[line[2]] or {}
                table.insert(by_container[line[2]], line[1])
            end
            assert.are.same({setup = {"s1", "s2"}, postgres = {"p1", "p2"}, sidecar = {"c1"}},
                by_container)
            assert.are.same({{"c1", "sidecar", false}}, read_all({containers = {"sidecar"}}))
        end)

        it("do not wait for a container that is silent", function()
            server:rules({
                {path = POD, json = pod()},
                {path = LOG, query = "container=sidecar", chunks = {}, ["end"] = "hang"},
                {path = LOG, query = "container=postgres", chunks = {"p1\n"}, ["end"] = "hang"},
            })
            local next_line, _, _, reader = client:each_log("db-0",
                {containers = {"sidecar", "postgres"}, follow = true})
            local closing <close> = reader -- luacheck: ignore 211
            assert.are.same({"p1", "postgres", false}, {next_line()})
        end)

        it("of a container that the pod does not have are an error", function()
            server:rules({{path = POD, json = pod()}})
            local err = read_until_error({containers = {"postgres", "mispelt"}})
            assert.are.equal("NotFound", err.code)
            assert.truthy(err.hint:find("postgres, sidecar", 1, true))
        end)
    end)

    describe("that end", function()
        it("inside the answer are an error, after all that arrived", function()
            server:rules({{path = LOG, chunks = {"one\ntwo\nhal"}, ["end"] = "truncate"}})
            local err, lines = read_until_error({container = "a"})
            assert.are.equal("Disconnected", err.code)
            assert.are.equal("k8s.each_log", err.op)
            assert.are.same({"one", "two", "hal"}, lines)
        end)

        it("at once are read again, as any read", function()
            server:rules({{path = LOG, times = 1, ["end"] = "reset"},
                          {path = LOG, times = 1, status = 429, headers = {["Retry-After"] = "1"},
                           json = scripted.status(429, "TooManyRequests", "slow down")},
                          {path = LOG, body = "one\n"}})
            assert.are.same({"one"}, texts(read_all({container = "a"})))
            assert.are.equal(3, #server:requests())
        end)

        it("with the container just end", function()
            server:rules({
                {path = POD, times = 2, json = pod({statuses = status("c1", "running")})},
                {path = POD, json = pod({statuses = status("c1", "terminated")})},
                {path = LOG, chunks = {"one\n"}},
            })
            assert.are.same({"one"}, texts(read_all({container = "postgres", follow = true})))
        end)

        it("with a container that was restarted just end", function()
            server:rules({
                {path = POD, times = 1, json = pod({statuses = status("c1", "running")})},
                {path = POD, json = pod({statuses = status("c2", "running")})},
                {path = LOG, chunks = {"one\n"}},
            })
            assert.are.same({"one"}, texts(read_all({container = "postgres", follow = true})))
        end)

        it("with a pod that is deleted just end", function()
            server:rules({
                {path = POD, times = 1, json = pod({statuses = status("c1", "running")})},
                {path = POD, status = 404, json = scripted.status(404, "NotFound", "gone")},
                {path = LOG, chunks = {"one\n"}},
            })
            assert.are.same({"one"}, texts(read_all({container = "postgres", follow = true})))
        end)

        it("cleanly while the container runs are an error when they are followed", function()
            server:rules({
                {path = POD, json = pod({statuses = status("c1", "running")})},
                {path = LOG, chunks = {"one\n"}},
            })
            local err, lines = read_until_error({container = "postgres", follow = true})
            assert.are.equal("Disconnected", err.code)
            assert.is_true(err.retryable)
            assert.are.same({"one"}, lines)
        end)

        it("never are an error after the timeout, which says so", function()
            server:rules({{path = LOG, chunks = {"one\n"}, ["end"] = "hang"}})
            local err, lines = read_until_error({container = "a", follow = true, timeout = 1.5})
            assert.are.equal("Timeout", err.code)
            assert.are.same({"one"}, lines)
        end)

        it("never are an error after the client's time-out when nobody follows", function()
            server:rules({{path = LOG, chunks = {}, ["end"] = "hang"}})
            client.timeout = 0.3
            assert.are.equal("Timeout", (read_until_error({container = "a"})).code)
        end)
    end)

    it("stop at once when the task is cancelled", function()
        server:rules({{path = LOG, chunks = {"one\n"}, ["end"] = "hang"}})
        local seen
        local reader = task.spawn(function()
            for line in client:each_log("db-0", {container = "a", follow = true}) do
                seen = line
            end
        end)
        eventually("a line", function()
            return seen
        end)
        cancel(reader)
    end)

    it("of wrong arguments raise and name them", function()
        local function message(fn, ...)
            return select(2, pcall(fn, client, ...))
        end
        for _, case in ipairs({
            {"'follow'", client.logs, "a", {follow = true}},
            {"'tail'", client.logs, "a", {tail = -1}},
            {"'limit_bytes'", client.each_log, "a", {limit_bytes = 1.5}},
            {"'since'", client.logs, "a", {since = "yesterday"}},
            {"'since'", client.logs, "a", {since = 0}},
            {"exclude each other", client.each_log, "a", {container = "a", all_containers = true}},
            {"'containers'", client.each_log, "a", {containers = {}}},
            {"'containers'", client.each_log, "a", {containers = {1}}},
            {"k8s.logs", client.logs, "a/b"},
            {"k8s.each_log", client.each_log, nil},
        }) do
            local text = message(case[2], case[3], case[4])
            assert.truthy(tostring(text):find(case[1], 1, true),
                case[1] .. " in " .. tostring(text))
        end
    end)
end)

lab.describe("logs of a real server", function()
    it("of a pod that is not there are NotFound", function()
        local client <close> = lab.client()
        local _, err = client:logs("none", {container = "a"})
        assert.are.equal("NotFound", err.code)
        local ok, raised = pcall(client:each_log("none", {container = "a"}))
        assert.is_false(ok)
        assert.are.equal("NotFound", raised.code)
        assert.are.equal(404, raised.status)
    end)

    it("of a pod that no node runs are empty, as kubectl says too", function()
        local client <close> = lab.client({namespace = lab.namespace()})
        must(client:create({apiVersion = "v1", kind = "Pod", metadata = {name = "a"},
                            spec = {automountServiceAccountToken = false,
                                    containers = salvor.list({{name = "c", image = "i"}})}}))
        assert.are.equal("", must(client:logs("a")))
        assert.is_nil((client:each_log("a")()))
    end)
end)
