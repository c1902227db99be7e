--- Long output, a screen at a time.
local terminal = require("salvor.terminal")

local HELP = "-- more: Space a page, Enter a line, a all, q no more --"

local STEPS = {[" "] = "page", Enter = "line", ["C-m"] = "line", ["C-j"] = "line", a = "all",
               q = "quit", ["C-c"] = "quit", ["C-d"] = "quit", Escape = "quit", Down = "line",
               PageDown = "page", f = "page", j = "line"}

local function ask(editor)
    local _ <close> = setmetatable({}, {__close = function()
        editor:erase()
        editor:give_back()
    end})
    editor.console:take()
    local step
    repeat
        editor:draw({{HELP, "7"}})
        local kind, text = editor.console:read()
        step = kind == "closed" and "quit" or kind == "text" and STEPS[text:sub(1, 1)]
            or kind == "key" and STEPS[text]
    until step
    return step
end

--- Rows that a line takes on the terminal, at most.
local function height_of(line, columns)
    local width = terminal.display_width((line:gsub("\t", (" "):rep(8))))
    return math.max(1, (width + columns - 1) // columns)
end

--- pager(editor, text, print): prints the text by print(lines), stopping after each screen.
return function(editor, text, print)
    local columns, rows = editor.console:size()
    local lines, left = {}, rows - 1
    local step
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        local height = height_of(line, columns)
        if height > left and step ~= "all" then
            if lines[1] then
                print(table.concat(lines, "\n"))
                lines = {}
            end
            step = ask(editor)
            if step == "quit" then
                return
            end
            columns, rows = editor.console:size() -- it may be another one by now
            left = step == "page" and rows - 1 or 1
        end
        left = left - height
        lines[#lines + 1] = line
    end
    if lines[1] then
        print(table.concat(lines, "\n"))
    end
end
