--- The prompt, on a terminal of its own (support.screen).
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local screen = require("support.screen")

local prompt = setmetatable({}, {__index = screen})
prompt.__index = prompt

--- start(options): the prompt, once it is there. options: those of support.screen, where a home is
--- made for as long as it is open when none is given; words (of the command line); label (the end
--- of what stands before the line, "no cluster>"). It has `home` and the whole `label`.
function prompt.start(options)
    options = options or {}
    local own_home = not options.home and must(fs.temporary_folder()) or nil
    options.home = options.home or own_home
    local self = setmetatable(screen.start(options.words or {}, options), prompt)
    self.home, self.own_home = options.home, own_home
    local label = options.label or "no cluster>"
    self.label = eventually("the prompt", function()
        local row = self:tail(1)
        return row:sub(-#label) == label and row
    end)
    return self
end

--- Types a text, of one row, where a line or an answer is asked for, and presses Enter. (What is
--- typed before that the terminal echoes by itself, and the prompt once more.)
function prompt:enter(text)
    eventually("a prompt", function()
        return self:tail(1):find("[>%]]$") or self:tail(1) == "..."
    end)
    self:type(text)
    self:expect_text(" " .. text)
    self:press("Enter")
end

--- Enters a text that changes what stands before the line.
function prompt:go(text, label)
    self:enter(text)
    self:expect(label)
    self.label = label
end

--- Makes the screen empty but for the prompt.
function prompt:clear()
    self:press("C-l")
    self:expect_all(self.label .. " |")
end

--- Enters a text on an empty screen. What is shown until the prompt is there again.
function prompt:run(text)
    self:clear()
    self:enter(text)
    local shown
    eventually("the end of " .. text, function()
        shown = self:text()
        return shown:sub(-#self.label - 1) == "\n" .. self.label
    end)
    return shown:sub(1, -#self.label - 2):match("\n(.*)$") or ""
end

function prompt:close()
    screen.close(self)
    if self.own_home then
        must(fs.remove_tree(self.own_home))
    end
end
prompt.__close = prompt.close

return prompt
