local cli = require("salvor.cli")
local errors = require("salvor.error")
local loader = require("salvor.procedure.loader")
local ui = require("salvor.ui")

--- A script that is invalid must not hide the others.
local function load(id)
    local ok, procedure, origin = pcall(loader.load, id)
    if ok then
        return procedure, origin
    elseif not errors.is(procedure) then
        error(procedure, 0)
    end
    cli.report(procedure)
    return nil, procedure
end

return {
    summary = "the procedures, bundled and of this site",
    usage = "salvor list",
    run = function()
        local rows, code = {}, cli.exit.done
        for _, id in ipairs(loader.ids()) do
            local procedure, origin = load(id)
            if procedure then
                rows[#rows + 1] = {id, procedure.title,
                                   origin.bundled and "bundled" or origin.source}
            else
                code = cli.exit_of(origin)
            end
        end
        ui.print_table({"PROCEDURE", "TITLE", "FROM"}, rows)
        return code
    end,
}
