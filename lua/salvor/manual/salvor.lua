--- salvor(1): the commands and options as they are declared, and what is said beside.
local cli = require("salvor.cli")
local global_options = require("salvor.global_options")
local prose = require("salvor.manual.prose")
local roff = require("salvor.manual.roff")
local salvor = require("salvor")

local function add_options(page, declared)
    for _, option in ipairs(declared or {}) do
        local names = {}
        names[#names + 1] = option.short and "-" .. option.short
        names[#names + 1] = option.name and "--" .. option.name
        page:term(table.concat(names, ", "), option.argument, option.help)
    end
end

--- Texts of declarations begin as `--help` shows them.
local function sentence(text)
    return text:sub(1, 1):upper() .. text:sub(2) .. "."
end

local function add_command(page, name, command)
    page:subsection("salvor " .. name)
    page:text(sentence(command.summary) .. (command.details and " " .. command.details or ""))
    page:indented(command.usage)
    add_options(page, command.options)
    for _, word in ipairs(command.commands and salvor.keys(command.commands) or {}) do
        add_command(page, name .. " " .. word, require(command.commands[word]))
    end
end

local function add_terms(page, terms)
    for _, term in ipairs(terms) do
        page:term(term[1], nil, term[2])
    end
end

local function exit_codes()
    local terms = {}
    for name, code in pairs(cli.exit) do
        terms[#terms + 1] = {tostring(code), prose.exit[name], code = code}
    end
    table.sort(terms, function(one, other)
        return one.code < other.code
    end)
    return terms
end

return function()
    local page = roff.page("salvor", 1, "scriptable recovery shell for Kubernetes")
    page:section("SYNOPSIS")
    page:text("`salvor` [options] [script [arguments]]")
    page:add(".br")
    page:text("`salvor` [options] command [arguments]")
    page:section("DESCRIPTION")
    page:text(prose.description)
    page:section("OPTIONS")
    add_options(page, global_options.list)
    page:section("COMMANDS")
    for _, name in ipairs(cli.commands()) do
        add_command(page, name, require("salvor.cli." .. name))
    end
    page:section("EXIT STATUS")
    add_terms(page, exit_codes())
    page:paragraph(prose.signals)
    page:section("ENVIRONMENT")
    add_terms(page, prose.environment)
    page:section("FILES")
    add_terms(page, prose.files)
    page:section("SEE ALSO")
    page:text(prose.see_also)
    return page:source()
end
