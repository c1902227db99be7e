--- usage(message, hint): raises that what was asked for makes no sense. A command that it ends has
--- the exit code of usage.
local errors = require("salvor.error")

return function(message, hint)
    error(errors.new({code = "Usage", message = message, hint = hint}), 0)
end
