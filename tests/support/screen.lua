--- A terminal with a program in it, as a person has one: keys go in, rows of text come out. It is
--- tmux on a socket of its own.
local ended = require("support.ended")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local terminal = require("salvor.terminal")

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
local function shell_command(words, env, home, code_file)
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
    return table.concat(parts, " ") .. "; echo $? > " .. quoted(code_file)
end

local function ended_file(self)
    return self.socket .. ".ended"
end

--- start(words, options): salvor with these words. options: home (a folder, needed), env, columns,
--- rows, prefix (words in front), program (another one than salvor). Close it, or keep it in a
--- `<close>` variable.
function screen.start(words, options)
    local self = setmetatable({socket = fs.join(must(fs.temporary_folder()), "tmux")}, screen)
    local argv = table.move(options.prefix or {}, 1, #(options.prefix or {}), 1, {})
    argv[#argv + 1] = options.program or salvor.path
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
    tmux(self, "send-keys", "-l", "--", (text:gsub(";$", "\\;"))) -- which would end tmux's command
end

--- Sends bytes, as a terminal sends them for a key.
function screen:send(bytes)
    local codes = {}
    for at = 1, #bytes do
        codes[at] = string.format("%02x", bytes:byte(at))
    end
    tmux(self, "send-keys", "-H", table.unpack(codes))
end

--- Pastes, as a terminal does it that marks its pastes when it is asked to; or one that does not.
function screen:paste(text, unmarked)
    local file = self.socket .. ".paste"
    must(fs.write(file, text))
    tmux(self, "load-buffer", file, ";", "paste-buffer", not unmarked and "-p" or nil)
end

function screen:resize(columns, rows)
    tmux(self, "resize-window", "-x", tostring(columns), "-y", tostring(rows))
end

local function trimmed(shown)
    return (shown:gsub("[ \t]+\n", "\n"):gsub("\n+$", ""))
end

--- What is shown, without blanks at the ends of rows and without empty rows at the end.
function screen:text()
    return trimmed(tmux(self, "capture-pane", "-p").stdout)
end

--- The same with colours, as escapes.
function screen:coloured_text()
    return trimmed(tmux(self, "capture-pane", "-p", "-e").stdout)
end

--- The last rows that are shown.
function screen:tail(count)
    local rows = {}
    for row in (self:text() .. "\n"):gmatch("([^\n]*)\n") do
        rows[#rows + 1] = row
    end
    return table.concat(rows, "\n", math.max(1, #rows - count + 1))
end

--- The characters of the first `width` columns of a row, filled up with blanks, and the rest.
local function split_row(row, width)
    local at = 1
    while width > 0 and at <= #row do
        local next_at = utf8.offset(row, 2, at)
        width = width - terminal.display_width(row:sub(at, next_at - 1))
        at = next_at
        next_at = utf8.offset(row, 2, at)
        while next_at and terminal.display_width(row:sub(at, next_at - 1)) == 0 do
            at, next_at = next_at, utf8.offset(row, 2, next_at)
        end
    end
    return row:sub(1, at - 1) .. (" "):rep(width), row:sub(at)
end

--- text() with a | where the cursor is.
function screen:text_with_cursor()
    local shown = tmux(self, "display-message", "-p", "#{cursor_x} #{cursor_y}", ";",
        "capture-pane", "-p").stdout
    local column, row, text = shown:match("^(%d+) (%d+)\n(.*)$")
    local rows = {}
    for each in trimmed(text):gmatch("([^\n]*)\n?") do
        rows[#rows + 1] = each
    end
    for number = 1, row + 1 do
        rows[number] = rows[number] or ""
    end
    local before, after = split_row(rows[row + 1], tonumber(column))
    rows[row + 1] = before .. "|" .. after
    return (table.concat(rows, "\n"):gsub("\n+$", ""))
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

--- Waits until the whole screen is this text, with a | where the cursor is.
function screen:expect_all(text)
    local ok = pcall(eventually, text, function()
        return self:text_with_cursor() == text
    end)
    if not ok then
        require("luassert").are.equal(text, self:text_with_cursor())
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

--- The number of the program's process, nil when it has ended.
function screen:pid()
    local shell = tmux(self, "display-message", "-p", "#{pane_pid}").stdout:match("%d+")
    local children = fs.read(string.format("/proc/%s/task/%s/children", shell, shell))
    return children and children:match("%d+")
end

--- Takes the terminal away, and waits until the program has ended of that.
function screen:close()
    local pid = self:pid()
    tmux(self, "kill-server")
    if pid then
        ended.wait(pid)
    end
    fs.remove_tree(fs.dirname(self.socket))
end
screen.__close = screen.close

return screen
