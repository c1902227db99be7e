-- Streams of lines, as logs are, with tasks that are in each other's way.
local kube = require("salvor.kube")
local scripted = require("support.scripted")
local task = require("salvor.task")

describe("streams of lines", function()
    local server, client

    setup(function()
        server = scripted.start()
        server:rules({{path = "/silent", ["end"] = "hang"}, {path = "/log", chunks = {"a\n"}},
                      {path = "/dots", chunks = {"."}, ["repeat"] = 1000000, delay = 0.0001}})
        client = must(kube.connect({kubeconfig = server:kubeconfig()}))
    end)
    teardown(function()
        client:close()
        server:stop()
    end)

    it("are waited for by one task", function()
        local silent <close> = client:lines({path = "/silent"})
        local first = task.spawn(kube.any_lines, {silent}, 60)
        task.sleep(0)
        assert.has_error(function() kube.any_lines({silent}, 0) end,
            "bad argument #1 to 'any_lines' (another task waits for a stream)")
        first:cancel()
        pcall(first.join, first)
        assert.is_nil(kube.any_lines({silent}, 0))
    end)

    it("are free when who waited was cancelled, whatever came meanwhile", function()
        local dots <close> = client:lines({path = "/dots"})
        for _ = 1, 200 do
            local first = task.spawn(kube.any_lines, {dots}, 60)
            task.sleep(0)
            first:cancel()
            pcall(first.join, first)
            assert.is_nil(kube.any_lines({dots}, 0))
        end
    end)

    it("can be waited for again when one of them was closed", function()
        local silent <close> = client:lines({path = "/silent"})
        local closed = client:lines({path = "/silent"})
        local first = task.spawn(pcall, kube.any_lines, {silent, closed}, 60)
        task.sleep(0)
        closed:close()
        local ok, message = first:join()
        assert.is_false(ok)
        assert.is_truthy(message:find("a stream was closed while it was waited for", 1, true))
        local log <close> = client:lines({path = "/log"})
        assert.are.equal(2, kube.any_lines({silent, log}, 60))
    end)
end)
