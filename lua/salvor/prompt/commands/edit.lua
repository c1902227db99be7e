local edit = {summary = "write the next input in $EDITOR, beginning with the last one"}

function edit.run(prompt)
    local entries = prompt.history:list()
    local text = entries[#entries]
    if text and text:find("^%s*:edit") then
        text = entries[#entries - 1]
    end
    prompt.next_text = require("salvor.prompt.external_editor").edit(text or "")
end

return edit
