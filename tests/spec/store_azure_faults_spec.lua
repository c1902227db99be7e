-- A bad network, and a server that fails, between salvor.store and the emulator of Azure.
local azure = require("support.azure")
local store_faults = require("support.store_faults")
local store_lab = require("support.store_lab")

local UPLOADS = {
    {method = "PUT", target = ".*blockid=", flip_request = 70000},
    {method = "PUT", target = ".*blockid=", reset_request = 70000},
    {method = "PUT", target = ".*blockid=", lost = true},
    {method = "PUT", target = ".*blockid=", silent = true},
    {method = "PUT", target = ".*blockid=", status = 503, headers = {["Retry-After"] = "0"}},
    {method = "PUT", target = ".*blockid=", status = 429, headers = {["Retry-After"] = "0"}},
    {method = "PUT", target = ".*comp=blocklist", lost = true},
    {method = "PUT", target = ".*comp=blocklist", status = 502},
    {method = "GET", target = ".*comp=blocklist", status = 500},
}

store_lab.describe("Azure over a bad network", "azure", function(at)
    store_faults.specs("azure", function()
        return "az://" .. store_lab.container()
    end, function(proxy)
        return azure.options({endpoint = proxy.url .. "/" .. at.account, ca = at.ca})
    end, UPLOADS)
end)
