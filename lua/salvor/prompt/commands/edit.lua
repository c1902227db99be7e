local commands = require("salvor.prompt.commands")

local edit = {summary = "write the next input in $EDITOR, beginning with the last one"}

--- Whether the text is this command, which may be shortened.
local function is_own(text)
    local name = commands.name_of(text)
    local ok, command = pcall(commands.find, name or "")
    return ok and command == edit
end

function edit.run(prompt)
    local entries = prompt.history:list()
    local at = #entries
    while at > 0 and is_own(entries[at]) do
        at = at - 1
    end
    local text = entries[at]
    prompt.next_text = require("salvor.prompt.external_editor").edit(text or "")
end

return edit
