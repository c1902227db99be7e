--- Where Salvor keeps things, by the XDG base directory specification.
local errors = require("salvor.error")
local fs = require("salvor.fs")

local folders = {}

local function place(variable, below_home)
    local base = os.getenv(variable)
    if base and base:sub(1, 1) == "/" then
        return fs.join(base, "salvor")
    end
    local home = os.getenv("HOME")
    return home and home ~= "" and fs.join(home, below_home, "salvor") or nil
end

--- "~" or "~/x" as a path, where no shell has done so; without a home as it is.
function folders.expand_home(path)
    local home = os.getenv("HOME")
    return path:find("^~%f[/\0]") and home and home ~= "" and fs.join(home, path:sub(3)) or path
end

--- The user's own scripts and settings; nil for one without a home.
function folders.config()
    return place("XDG_CONFIG_HOME", ".config")
end

--- The machine's scripts and settings.
function folders.system()
    return "/etc/salvor"
end

--- What can be had again at any time; nil for one without a home.
function folders.cache()
    return place("XDG_CACHE_HOME", ".cache")
end

--- Journals and history. Raises when there is no place for them.
function folders.state()
    local folder = place("XDG_STATE_HOME", ".local/state")
    if not folder then
        error(errors.new({
            code = "NotFound",
            message = "neither $XDG_STATE_HOME nor $HOME is set",
            hint = "set $XDG_STATE_HOME to an absolute path",
        }), 0)
    end
    return folder
end

return folders
