--- The command `salvor verify`, among those of stores too.
local copy = require("salvor.copy")

return copy.merge(require("salvor.cli.verify"), {
    usage = "salvor store verify [--full | --sample N] [--kind KIND] [--backup NAME] URL",
})
