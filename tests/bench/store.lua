--- Storage: parts that can be measured alone.
local fs = require("salvor.fs")

local FILES = {"store_s3", "store_sftp", "store_sets"}

return function(bench, build, what)
    local function ours(...)
        return {name = "salvor", argv = {fs.join(build, "salvor"), "store", ...}}
    end
    for _, file in ipairs(FILES) do
        for _, part in ipairs(require(file)) do
            if what == "" or what == part[1] then
                part[2](bench, ours)
            end
        end
    end
end
