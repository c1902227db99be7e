--- Text, edited in the editor that the user has chosen.
local errors = require("salvor.error")
local fs = require("salvor.fs")

local external_editor = {}

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function is_removed(folder)
    return setmetatable({}, {__close = function()
        fs.remove_tree(folder)
    end})
end

--- The command that the user has chosen, which may have arguments.
function external_editor.command()
    for _, name in ipairs({"VISUAL", "EDITOR"}) do
        local command = os.getenv(name) or ""
        if command:find("%S") then
            return command
        end
    end
    return "vi"
end

--- edit(text) -> text; raises when the editor fails. It has the terminal for itself, and nothing
--- else runs meanwhile.
function external_editor.edit(text)
    local command = external_editor.command()
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

return external_editor
