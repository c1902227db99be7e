local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local holds_secret = require("salvor.prompt.holds_secret")
local refuse = require("salvor.prompt.refuse")
local session_script = require("salvor.prompt.session_script")
local values = require("salvor.prompt.complete.values")

local save = {summary = "write what was entered, without what failed, as a script", usage = "FILE",
              is_one_word = true}

local MODE = tonumber("700", 8)

function save.complete(_, _, path)
    return values.files(path, true)
end

function save.run(prompt, path)
    path = folders.expand_home(path)
    local script = session_script(prompt.inputs)
    local written, err = fs.write(path, script, {exclusive = true, mode = MODE})
    if errors.is(err, "AlreadyExists") then
        refuse(path .. " is there already", "choose another name, or remove it first")
    end
    must(written, err)
    prompt:print("salvor " .. path .. " runs it")
    if holds_secret(script) then
        prompt:complain(path .. " seems to hold a secret; only you may read it")
    end
end

return save
