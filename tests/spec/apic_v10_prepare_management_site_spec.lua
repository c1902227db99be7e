-- apic-v10/prepare-management as a site sees it: its parameters and target from the site file, the
-- kit in a store of the site, a hook of its own.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")

lab.describe("apic-v10/prepare-management with a site file", function()
    it("keeps its kit in the site's store, does the site's step, and resumes", function()
        local fixture <close> = apic.start()
        local home = fixture.home
        must(fs.mkdir(home .. "/scripts/hooks", {parents = true}))
        must(fs.write(home .. "/scripts/hooks/stop.lua", [[
            local fs = require("salvor.fs")
            return {id = "stop", title = "Stop once", why = "To be resumed.", run = function()
                assert(fs.stat(os.getenv("HOME") .. "/go"), "stopped here")
            end}]]))
        local path = home .. "/site.yaml"
        must(fs.write(path, string.format([[
name: here
kubeconfig: %s
namespace: %s
params: {kit: "@kits/here"}
procedures:
  apic-v10/prepare-management:
    hooks:
      - {before: publish, run: hooks/stop.lua}
stores:
  kits: {url: stored}
]], fixture.kubeconfig, fixture.namespace)))
        local function command(words)
            return salvor.run(words, {home = home})
        end
        local stopped = command({"run", apic.ID, "--site", path})
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stdout, "site here", "step stop is put before publish")
        must(fs.write(home .. "/go", ""))
        local resumed = command({"run", "--resume", fixture:only_run()})
        salvor.expect_code(0, resumed)
        local kit = fixture:latest(home .. "/stored/here")
        assert.truthy(fs.stat(kit .. "/manifest.json"))
        assert.truthy(fs.stat(kit .. "/recreate.yaml"))
    end)
end)
