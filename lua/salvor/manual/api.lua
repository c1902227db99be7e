--- salvor-api(7): all modules, functions and classes, from the reference.
local reference = require("salvor.reference")
local roff = require("salvor.manual.roff")
local salvor = require("salvor")

local INTRODUCTION = [[
What a script of Salvor has beside the libraries of Lua 5.4. `must` is a global; a module is
required by its name, and is at the prompt by the last word of it.

A parameter or field with a question mark may be left out. Behind its name stands its type, `a|b` is
one or the other, `a[]` a list, `fun(a): b` a function.]]

local function add_named(page, list)
    for _, item in ipairs(list) do
        page:term(item.name .. (item.optional and "?" or ""), item.type, item.text)
    end
end

--- What a function gives: the first word behind a type is a name.
local function add_returns(page, entry)
    for _, item in ipairs(entry.returns) do
        local name, text = item.text:match("^([%a_][%w_]*)%s*(.*)$")
        page:term("-> " .. (name or item.type), name and item.type, text or item.text)
    end
end

local function add_function(page, entry)
    page:subsection(entry.signature)
    page:text(entry.text)
    add_named(page, entry.params)
    add_returns(page, entry)
end

local function add_class(page, class)
    local parents = class.parents[1] and ": " .. table.concat(class.parents, ", ") or ""
    page:subsection(class.name .. parents)
    page:text(class.text)
    add_named(page, class.fields)
    for _, entry in ipairs(reference.members(class.name)) do
        add_function(page, entry)
    end
end

--- The values of a table that belong to that section, sorted by name.
local function of_section(map, section)
    local list = {}
    for _, name in ipairs(salvor.keys(map)) do
        list[#list + 1] = map[name].section == section and map[name] or nil
    end
    return list
end

local function add_section(page, section, module)
    page:section(module or section)
    page:text(module and reference.load().modules[module] or "")
    for _, value in ipairs(reference.load().values) do
        if value.owner == module then
            page:term(value.name, value.type, value.text)
        end
    end
    for _, entry in ipairs(module and reference.members(module) or {}) do
        add_function(page, entry)
    end
    for _, alias in ipairs(of_section(reference.load().aliases, section)) do
        page:subsection(alias.name)
        page:text(alias.text)
        page:indented(alias.type)
    end
    for _, class in ipairs(of_section(reference.load().classes, section)) do
        add_class(page, class)
    end
end

--- The sections, what all others share first: {section, module or nil}.
local function sections()
    local modules, found = {}, {}
    for _, class in pairs(reference.load().classes) do
        modules[class.section] = false
    end
    for module in pairs(reference.load().modules) do
        modules[module:match("[%w_]+$")] = module
    end
    for _, section in ipairs(salvor.keys(modules)) do
        table.insert(found, section == "salvor" and 1 or #found + 1,
            {section, modules[section] or nil})
    end
    return found
end

return function()
    local page = roff.page("salvor-api", 7, "modules, functions and classes for scripts of Salvor")
    page:section("DESCRIPTION")
    page:text(INTRODUCTION)
    for _, entry in ipairs(reference.members("_G")) do
        add_function(page, entry)
    end
    for _, each in ipairs(sections()) do
        add_section(page, each[1], each[2])
    end
    page:section("SEE ALSO")
    page:text("`salvor`(1), `lua`(1)")
    return page:source()
end
