local block = require("salvor.block")
local command = require("salvor.store.command")
local errors = require("salvor.store.errors")
local url = require("salvor.store.url")

local STEP = 4 << 20

--- The bytes as they come; an object that changes meanwhile ends it with an error.
local function print_bytes(source)
    local piece <close> = must(block.new(STEP))
    local offset = 0
    while offset < source.item.size do
        must(source.backend:read(source.name, piece, {offset = offset, length = STEP,
                                                      if_match = source.item}))
        if #piece == 0 then
            error(errors.new("Changed", {url = url.join(source.backend.url, source.name),
                                         op = "store.read", reason = "it has become shorter"}), 0)
        end
        must(io.stdout:write(piece:text()))
        offset = offset + #piece
    end
end

return {
    summary = "the bytes of an object on standard output",
    usage = "salvor store cat URL",
    arguments = {"URL"},
    options = {command.secret_option("secret", "the store"), command.CONTEXT, command.SITE},
    run = function(given, words)
        local source = command.object(words[1], given)
        print_bytes(source)
        source.backend:close()
        return 0
    end,
}
