--- Where Salvor keeps things, by the XDG base directory specification.
local errors = require("salvor.error")
local fs = require("salvor.fs")

local folders = {}

local function place(variable, below_home)
    local base = os.getenv(variable)
    if not base or base:sub(1, 1) ~= "/" then
        local home = os.getenv("HOME")
        if not home or home == "" then
            error(errors.new({
                code = "NotFound",
                message = "neither $" .. variable .. " nor $HOME is set",
                hint = "set $" .. variable .. " to an absolute path",
            }), 0)
        end
        base = fs.join(home, below_home)
    end
    return fs.join(base, "salvor")
end

function folders.config()
    return place("XDG_CONFIG_HOME", ".config")
end

function folders.state()
    return place("XDG_STATE_HOME", ".local/state")
end

function folders.cache()
    return place("XDG_CACHE_HOME", ".cache")
end

return folders
