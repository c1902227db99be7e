--- Text, edited in the editor that the user has chosen.
local errors = require("salvor.error")
local fs = require("salvor.fs")

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function is_removed(folder)
    return setmetatable({}, {__close = function()
        fs.remove_tree(folder)
    end})
end

--- A variable's text; nil when it has none.
local function set(variable)
    local text = os.getenv(variable)
    return text ~= "" and text or nil
end

--- external_editor(text) -> text; raises when the editor fails. It has the terminal for itself, and
--- nothing else runs meanwhile.
return function(text)
    local command = set("VISUAL") or set("EDITOR") or "vi"
    local folder = must(fs.temporary_folder())
    local _ <close> = is_removed(folder)
    local path = fs.join(folder, "input.lua")
    must(fs.write(path, text .. "\n"))
    local ok, _, code = os.execute(command .. " " .. quoted(path))
    if not ok then
        error(errors.new({code = "Failed", message = command .. " ended with " .. tostring(code),
                          hint = "EDITOR names the editor"}), 0)
    end
    return (must(fs.read(path)):gsub("%s+$", ""))
end
