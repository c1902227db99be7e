--- A copy whose process is killed, as kill -9 or a power cut would, once three parts of a large
--- object have been sent.
local json = require("salvor.json")
local salvor = require("support.salvor")

local CODE = [[
    local transfer = require("salvor.store.transfer")
    local send, sent = transfer.send, 0
    function transfer.send(...)
        local result, err = send(...)
        sent = sent + 1
        if sent == 3 then os.execute("kill -9 $PPID") end
        return result, err
    end
    local options = require("salvor.json").decode(%q)
    must(require("salvor.store").copy(%q, %q, options))]]

--- `options`: those of store.copy; `home`: a folder. Raises when it was not killed.
return function(from, to, options, home)
    local code = string.format(CODE, must(json.encode(options)), from, to)
    local result = salvor.run({"-e", code}, {home = home})
    assert(result.signal == 9, "it ended by itself: " .. result.stderr)
end
