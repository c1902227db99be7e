--- refuse(message, hint): raises what is wrong with what was entered.
local errors = require("salvor.error")

return function(message, hint)
    error(errors.new({code = "Invalid", message = message, hint = hint}), 0)
end
