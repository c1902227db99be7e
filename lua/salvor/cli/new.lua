local command = require("salvor.procedure.command")
local loader = require("salvor.procedure.loader")
local scripts = require("salvor.procedure.scripts")
local site = require("salvor.procedure.site")
local usage = require("salvor.usage")

return {
    summary = "begin a procedure of your own: a script that works, to be filled in",
    usage = "salvor new SYSTEM/NAME [--site FILE]",
    arguments = {"SYSTEM/NAME"},
    options = {command.SITE},
    run = function(given, words)
        local id = words[1]
        loader.check_id(id)
        if loader.bundled(id) then
            usage("there is a bundled procedure '" .. id .. "'",
                "salvor customize " .. id .. " copies it")
        end
        local path = scripts.place(id, site.open(given.site))
        scripts.create(path, scripts.skeleton(id))
        print(path)
        return 0
    end,
}
