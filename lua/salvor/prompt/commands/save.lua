local errors = require("salvor.error")
local fs = require("salvor.fs")
local session_script = require("salvor.prompt.session_script")

local save = {summary = "write what was entered, without what failed, as a script", usage = "FILE"}

function save.run(prompt, path)
    if path == "" then
        error(errors.new({code = "Invalid", message = "no file was named", hint = ":save FILE"}), 0)
    end
    must(fs.write(path, session_script(prompt), {exclusive = true}))
    prompt:print("salvor " .. path .. " runs it")
end

return save
