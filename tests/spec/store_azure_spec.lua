-- salvor.store on Azure Blob, against Microsoft's emulator.
local conformance = require("support.store_conformance")
local merge = require("salvor.copy").merge
local open = require("salvor.store.azure.open").open
local store_lab = require("support.store_lab")
local url = require("salvor.store.url")

store_lab.describe("Azure", "azure", function(at)
    local function open_url(text, options)
        return open(must(url.parse(text)), merge({
            account = at.account, endpoint = at.endpoint, key = at.key,
        }, options))
    end

    local containers = {}
    conformance.run("a container's folder", function(name)
        containers[name] = containers[name] or store_lab.container()
        return open_url("az://" .. containers[name] .. "/a folder/+/")
    end)
end)
