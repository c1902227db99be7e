local fs = require("salvor.fs")
local transfer = require("salvor.transfer")

local ARGUMENTS = ...

local source = must(fs.join(ARGUMENTS.folder, "source"))
local target = must(fs.join(ARGUMENTS.folder, "target"))
if not fs.stat(source) then
    must(fs.mkdir(source))
end
must(fs.write(must(fs.join(source, "file")), "content"))

local packing <close>, size = transfer.pack({path = source, name = "top", marker = "end"})
must(packing, size)
local unpacking <close> = must(transfer.unpack({path = target, top = ".", replace = true}))
while true do
    local chunk, err = packing:read()
    must(chunk or not err, err)
    if not chunk or not unpacking:write(chunk) then
        break
    end
end
local done = must(unpacking:finish())
assert(done.bytes == 7 and done.entries == 3, done.entries)
must(unpacking:commit())
assert(must(fs.read(must(fs.join(target, "top/file")))) == "content")
