---@meta salvor.ui

--- What people see. Secrets are masked in all of it, and what comes from elsewhere cannot move the
--- cursor. Live lines and questions go to standard error.
local ui = {}

---@class salvor.UiStream
---@field stream? "stdout"|"stderr" stdout.

---@class salvor.UiColumn
---@field title string
---@field key? string|integer Of the cell in a row; the column's number.
---@field align? "left"|"right" left.

--- The rows under the columns' titles, aligned by what a terminal shows; ends with a newline.
---@param columns (string|salvor.UiColumn)[]
---@param rows table[]
---@return string
function ui.format_table(columns, rows) end

---@param columns (string|salvor.UiColumn)[]
---@param rows table[]
---@param options? salvor.UiStream
function ui.print_table(columns, rows, options) end

--- The same as `print_table`.
---@param columns (string|salvor.UiColumn)[]
---@param rows table[]
---@param options? salvor.UiStream
function ui.table(columns, rows, options) end

--- Prints a line. Colours are obeyed, any other escape is shown.
---@param text any
---@param options? salvor.UiStream
function ui.print(text, options) end

--- Prints each value in rows of its own, as the prompt shows it: objects as YAML, lists of objects
--- as tables, other tables as Lua, all of it with the sizes of Secrets' values instead of these. A
--- text has no quotes, and what would act on a terminal in it is an escape, also in a pipe or a
--- file; `print` writes its bytes.
---@param ... any
function ui.show(...) end

--- The text in that colour where the stream is a terminal that shows colour (NO_COLOR is not set),
--- else as it is. Raises on an unknown colour.
---@param name "bold"|"dim"|"underline"|"red"|"green"|"yellow"|"blue"|"magenta"|"cyan"
---@param text string
---@param options? salvor.UiStream
---@return string
function ui.colour(name, text, options) end

--- The text with control characters, what changes the direction of writing and broken UTF-8 shown
--- as escapes.
---@param text string
---@param keep? string Characters that stay: "\n\t".
---@return string
function ui.escape(text, keep) end

--- A number of bytes for people: "1.5 KiB".
---@param count number
---@return string
function ui.bytes(count) end

---@class salvor.UiStatus
local status = {}

--- Replaces the text.
---@param text string
function status:update(text) end

--- Ends the line with a last text, or takes it away. A `<close>` variable takes it away too.
---@param text? string
function status:finish(text) end

--- A live line that tells what is being waited for. Elsewhere than on a terminal each text that
--- differs from the last is a line of its own.
---@param text? string
---@param options? salvor.UiStatusOptions
---@return salvor.UiStatus
function ui.status(text, options) end

---@class salvor.UiStatusOptions
---@field pause? number Seconds between two lines elsewhere than on a terminal; 0.

---@class salvor.UiProgressOptions
---@field unit? "bytes" Show KiB, MiB...

---@class salvor.UiProgress
local progress = {}

--- How much of the total there is by now.
---@param done number
function progress:update(done) end

--- Shows the last state and ends the line.
function progress:finish() end

--- A live line of progress; elsewhere than on a terminal at most one line a second.
---@param total? number Nil when nobody knows.
---@param label string
---@param options? salvor.UiProgressOptions
---@return salvor.UiProgress
function ui.progress(total, label, options) end

---@class salvor.UiConfirmOptions
---@field typed? string This very word agrees, instead of y or yes.

--- Asks and waits for the answer; everything but a clear yes is no.
---@param question string
---@param options? salvor.UiConfirmOptions
---@return boolean? agreed
---@return salvor.Error? err `Refused` when there is no terminal to ask on
function ui.confirm(question, options) end

--- Asks for one of the words, which has to be typed as a whole, and after the question.
---
---     local answer = ui.choose("three are not ready; go on?", {"yes", "no", "wait"})
---@param question string
---@param words string[]
---@return string|false|nil word False for any other answer.
---@return salvor.Error? err `Refused` when there is no terminal to ask on
function ui.choose(question, words) end

return ui
