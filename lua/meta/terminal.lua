---@meta salvor.terminal

--- What stands at the other end of the standard streams.
local terminal = {}

---@param stream "stdin"|"stdout"|"stderr"
---@return boolean
function terminal.is_terminal(stream) end

--- Whether terminfo, the machine's list of terminals, has one of that name, as $TERM gives it.
---@param name string
---@return boolean
function terminal.is_known(name) end

--- Whether the stream is a terminal that shows colour to one who wants it: TERM is not dumb and
--- NO_COLOR is not set.
---@param stream "stdin"|"stdout"|"stderr"
---@return boolean
function terminal.colour(stream) end

--- Columns of the terminal: $COLUMNS, else what it says, else 80.
---@return integer
function terminal.width() end

--- Columns that the text takes.
---@param text string
---@return integer
function terminal.display_width(text) end

--- As `ui.escape`.
---@param text string
---@param keep? string
---@return string
function terminal.escape(text, keep) end

--- Writes what standard output still holds. An error when that, or anything before it, could not be
--- written: the disk is full.
---@return true?
---@return salvor.Error? err
function terminal.flush() end

--- Forgets what was typed on the terminal and nobody has read, so that the answer to a question
--- comes from somebody who has seen it. What comes from elsewhere than a terminal stays.
function terminal.forget_input() end

--- The next line of standard input without its end, or nil at the end of the input. Other tasks run
--- meanwhile. Do not mix it with `io.read`, which has a buffer of its own. Raises when another task
--- reads.
---@return string? line
---@return salvor.Error? err `TooLarge` above 1 MiB, `IO`
function terminal.read_line() end

return terminal
