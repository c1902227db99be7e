--- A terminal with a program in it, as a person has one: keys go in, rows of text come out. It is
--- tmux on a socket of its own.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

local screen = {}
screen.__index = screen

local COLUMNS, ROWS = 80, 24

local function tmux(self, ...)
    return must(proc.run({"tmux", "-S", self.socket, "-f", "/dev/null", ...},
        {timeout = 60, env = {TMUX = false, LC_ALL = "C.UTF-8"}}))
end

local function quoted(word)
    return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

--- The code it ends with goes to a file: tmux does not always learn of it.
local function shell_command(words, env, home, ended)
    local parts = {"cd", quoted(home), "&& env"}
    local environment = salvor.environment(home, env)
    for name, value in pairs(environment) do
        parts[#parts + 1] = not value and "-u " .. name or nil
    end
    for name, value in pairs(environment) do
        parts[#parts + 1] = value and quoted(name .. "=" .. value) or nil
    end
    for _, word in ipairs(words) do
        parts[#parts + 1] = quoted(word)
    end
    return table.concat(parts, " ") .. "; echo $? > " .. quoted(ended)
end

local function ended_file(self)
    return self.socket .. ".ended"
end

--- start(words, options): salvor with these words. options: home (a folder, needed), env, columns,
--- rows, prefix (words in front). Close it, or keep it in a `<close>` variable.
function screen.start(words, options)
    local self = setmetatable({socket = fs.join(must(fs.temporary_folder()), "tmux")}, screen)
    local argv = table.move(options.prefix or {}, 1, #(options.prefix or {}), 1, {})
    argv[#argv + 1] = salvor.path
    table.move(words, 1, #words, #argv + 1, argv)
    local env = {TERM = "screen-256color"}
    for name, value in pairs(options.env or {}) do
        env[name] = value
    end
    local result = tmux(self, "new-session", "-d", "-x", tostring(options.columns or COLUMNS), "-y",
        tostring(options.rows or ROWS), shell_command(argv, env, options.home, ended_file(self)),
        ";", "set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-g", "status", "off")
    assert(result.code == 0, result.stderr)
    return self
end

--- Presses keys, by tmux's names: "C-a", "Left", "Enter", "M-f". Each is an event of its own.
function screen:press(...)
    for _, key in ipairs({...}) do
        tmux(self, "send-keys", key)
    end
end

--- Types the text, all at once.
function screen:type(text)
    tmux(self, "send-keys", "-l", "--", text)
end

--- Pastes, as a terminal does it that marks its pastes when it is asked to.
function screen:paste(text)
    local file = self.socket .. ".paste"
    must(fs.write(file, text))
    tmux(self, "load-buffer", file, ";", "paste-buffer", "-p")
end

function screen:resize(columns, rows)
    tmux(self, "resize-window", "-x", tostring(columns), "-y", tostring(rows))
end

--- What is shown, without blanks at the ends of rows and without empty rows at the end.
function screen:text()
    local shown = tmux(self, "capture-pane", "-p").stdout
    return (shown:gsub("[ \t]+\n", "\n"):gsub("\n+$", ""))
end

--- The last rows that are shown.
function screen:tail(count)
    local rows = {}
    for row in (self:text() .. "\n"):gmatch("([^\n]*)\n") do
        rows[#rows + 1] = row
    end
    return table.concat(rows, "\n", math.max(1, #rows - count + 1))
end

--- {column, row} of the cursor, from 0.
function screen:cursor()
    local column, row = tmux(self, "display-message", "-p", "#{cursor_x} #{cursor_y}").stdout
        :match("(%d+) (%d+)")
    return {tonumber(column), tonumber(row)}
end

--- Waits until the last rows are these, and says what they are when they never become so.
function screen:expect(rows)
    local _, count = rows:gsub("\n", "\n")
    local ok = pcall(eventually, rows, function()
        return self:tail(count + 1) == rows
    end)
    if not ok then
        require("luassert").are.equal(rows, self:tail(count + 1))
    end
end

--- Waits until the text is somewhere on the screen.
function screen:expect_text(text)
    local ok = pcall(eventually, text, function()
        return self:text():find(text, 1, true)
    end)
    if not ok then
        error("'" .. text .. "' is not on the screen:\n" .. self:text(), 2)
    end
end

--- Waits until the program has ended; its exit code.
function screen:wait()
    return eventually("its end", function()
        local code = fs.read(ended_file(self))
        return code and tonumber(code:match("^(%d+)\n"))
    end)
end

function screen:close()
    tmux(self, "kill-server")
    fs.remove_tree(fs.dirname(self.socket))
end
screen.__close = screen.close

return screen
