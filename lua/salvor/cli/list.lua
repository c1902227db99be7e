local catch = require("salvor.catch")
local cli = require("salvor.cli")
local command = require("salvor.procedure.command")
local loader = require("salvor.procedure.loader")
local site = require("salvor.procedure.site")
local ui = require("salvor.ui")

local function from(origin)
    if origin.bundled then
        return "bundled"
    elseif origin.outdated then
        return origin.source .. " (replaces the bundled one, which has changed since)"
    end
    return origin.source .. (origin.replaces and " (replaces the bundled one)" or "")
end

return {
    summary = "the procedures, bundled and of this site",
    usage = "salvor list [--site FILE]",
    options = {command.SITE},
    run = function(given)
        local of = site.open(given.site)
        loader.check_site(of)
        local rows, code = {}, cli.exit.done
        for _, id in ipairs(loader.ids(of)) do
            -- A script that is invalid must not hide the others.
            local procedure, origin = catch(loader.load, id, of)
            if procedure then
                rows[#rows + 1] = {id, procedure.title, from(origin)}
            else
                cli.report(origin)
                code = cli.exit_of(origin)
            end
        end
        ui.print_table({"PROCEDURE", "TITLE", "FROM"}, rows)
        return code
    end,
}
