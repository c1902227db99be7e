-- Folders as stores: what is theirs beside what every back end does.
local conformance = require("support.store_conformance")
local fs = require("salvor.fs")
local open = require("salvor.store.open").url

local top = must(fs.temporary_folder())

conformance.run("a folder", function(name)
    must(fs.mkdir(fs.join(top, name), {parents = true}))
    return open(fs.join(top, name), nil, "store.open")
end)
