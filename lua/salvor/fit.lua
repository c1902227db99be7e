--- fit(text, width) -> as much of the text as so many columns have room for; "…" ends one that was
--- cut. The text is one that can do no harm (salvor.terminal.escape).
local terminal = require("salvor.terminal")

return function(text, width)
    if terminal.display_width(text) <= width then
        return text
    end
    local shown, left = {}, width - 1
    for _, code in utf8.codes(text) do
        local character = utf8.char(code)
        left = left - terminal.display_width(character)
        if left < 0 then
            break
        end
        shown[#shown + 1] = character
    end
    return table.concat(shown) .. (width > 0 and "…" or "")
end
