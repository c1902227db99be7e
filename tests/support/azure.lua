--- Stores on the emulator of Azure that storage lab has.
local block = require("salvor.block")
local merge = require("salvor.copy").merge
local open = require("salvor.store.azure.open").open
local store_lab = require("support.store_lab")
local url = require("salvor.store.url")

local azure = {}

--- The options of the account's owner; `options` win, and false in them takes one away.
function azure.options(options)
    local at = store_lab.azure()
    local all = merge({account = at.account, endpoint = at.endpoint, key = at.key}, options)
    for name, value in pairs(all) do
        all[name] = value or nil
    end
    return all
end

--- The back end of a URL, whose calls are not repeated.
function azure.open(text, options)
    return open(must(url.parse(text)), azure.options(options))
end

--- That of a new, empty container.
function azure.new(options)
    return must(azure.open("az://" .. store_lab.container(), options))
end

--- The name of its container.
function azure.container_of(store)
    return store.url:match("^az://([^/]+)")
end

--- Sends these texts as parts of an upload.
function azure.send(upload, parts, from, to)
    for index = from or 1, to or #parts do
        local piece <close> = must(block.new(#parts[index]))
        must(upload:part(index, piece:set(parts[index])))
    end
end

--- Whether the upload has this text as that part.
function azure.has(upload, index, text)
    local piece <close> = must(block.new(#text))
    return upload:has(index, piece:set(text))
end

return azure
