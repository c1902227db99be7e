--- Where Salvor is used from: the terminal, and the folder that journals and history are kept in.
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local terminal = require("salvor.terminal")

local function look_at_terminal()
    if not (terminal.is_terminal("stdin") and terminal.is_terminal("stdout")) then
        return "ok", "none: standard input or output is no terminal"
    end
    local kind = os.getenv("TERM") or ""
    if kind == "" or kind == "dumb" then
        return "warning", "TERM is '" .. kind .. "': the prompt reads plain lines",
            "set TERM to what the terminal is"
    elseif not terminal.is_known(kind) then
        return "warning", kind .. " is not known to terminfo, and taken for one like xterm",
            "install its description, or set TERM to what the terminal is"
    end
    return "ok", string.format("%s, %d columns, %s", kind, terminal.width(),
        terminal.colour("stdout") and "colours" or "no colours")
end

--- By the first of the variables that is set, as setlocale() does it.
local function look_at_locale()
    for _, name in ipairs({"LC_ALL", "LC_CTYPE", "LANG"}) do
        local value = os.getenv(name)
        if value and value ~= "" then
            if value:lower():find("utf%-?8") then
                return "ok", value
            end
            return "warning", name .. "=" .. value .. " is not UTF-8, which is what is written",
                "export LC_ALL=C.UTF-8"
        end
    end
    return "warning", "none is set; what is written is UTF-8", "export LC_ALL=C.UTF-8"
end

--- The folder, or the nearest one above it that is there.
local function nearest(folder)
    while not fs.stat(folder) and folder ~= "/" do
        folder = fs.dirname(folder)
    end
    return folder
end

local function look_at_state()
    local folder = folders.state()
    local writable, err = fs.writable(nearest(folder))
    if not writable then
        return "error", "journals of runs cannot be written to " .. folder .. ": " .. err.message,
            "let $XDG_STATE_HOME name a folder that can be written"
    end
    return "ok", folder
end

local CHECKS = {{"terminal", look_at_terminal}, {"locale", look_at_locale},
                {"state folder", look_at_state}}

--- checks() -> list
return function()
    local checks = {}
    for number, check in ipairs(CHECKS) do
        checks[number] = {group = "terminal", name = check[1], run = check[2]}
    end
    return checks
end
