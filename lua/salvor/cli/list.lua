local loader = require("salvor.procedure.loader")
local ui = require("salvor.ui")

return {
    summary = "the procedures, bundled and of this site",
    usage = "salvor list",
    run = function()
        local rows = {}
        for _, id in ipairs(loader.ids()) do
            local procedure, origin = loader.load(id)
            rows[#rows + 1] = {id, procedure.title, origin.bundled and "bundled" or origin.source}
        end
        ui.print_table({"PROCEDURE", "TITLE", "FROM"}, rows)
        return 0
    end,
}
