--- What is in a kit, as recoveries read it.
local kit = require("salvor.procedure.kit")

--- read_kit(url, options of kit.open) -> manifest, {path = data} | nil, err
return function(url, options)
    local opened <close> = must(kit.open(url, options))
    return opened:read()
end
