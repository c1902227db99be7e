local command = require("salvor.procedure.command")
local digest = require("salvor.digest")
local loader = require("salvor.procedure.loader")
local scripts = require("salvor.procedure.scripts")
local site = require("salvor.procedure.site")

return {
    summary = "copy a bundled procedure to the site's scripts, where it takes its place",
    usage = "salvor customize ID [--site FILE] | customize ID --print",
    arguments = {"ID"},
    options = {
        command.SITE,
        {name = "print", help = "what the copy of today's would be, to standard output"},
    },
    run = function(given, words)
        local id = words[1]
        local text = scripts.bundled(id)
        local copied = loader.customized_line(id, digest.sha256(text)) .. text
        if given.print then
            io.stdout:write(copied)
            return 0
        end
        local path = scripts.place(id, site.open(given.site))
        scripts.create(path, copied)
        print(path)
        return 0
    end,
}
