--- A text from outside as one line that cannot do anything to a terminal: white space is one blank,
--- and what would move the cursor or is not UTF-8 is shown as an escape.
local escape = require("salvor.terminal").escape

return function(text)
    return (escape((tostring(text):gsub("%s+", " "))))
end
