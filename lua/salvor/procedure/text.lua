--- Texts for people, as journals, plans and reports can keep them.
local copy = require("salvor.copy")
local secret = require("salvor.secret")
local ui = require("salvor.ui")

local text = {}

--- plain(words) -> the same, secrets masked, and broken UTF-8, of which no JSON can be made,
--- visible: it may be what a program or a pod has said.
function text.plain(words)
    words = secret.mask(words)
    return utf8.len(words) and words or ui.escape(words, "\n\t")
end

--- masked(value) -> the same value with all its texts plain
function text.masked(value)
    return copy.deep(value, function(leaf)
        return type(leaf) == "string" and text.plain(leaf) or leaf
    end)
end

--- cut(words, longest) -> the beginning of plain words, at most so many bytes, without half a
--- character at its end
function text.cut(words, longest)
    return #words <= longest and words or words:sub(1, utf8.offset(words, 0, longest + 1) - 1)
end

return text
