--- What the prompt shows of the API: from the reference, as text.
local reference = require("salvor.reference")

local help_pages = {}

--- "Reads a file." of a longer text.
function help_pages.first_sentence(text)
    local sentence = text:match("^(.-[.:;])%s") or text:match("^[^\n]*") or ""
    return (sentence:gsub("\n", " "):gsub("[:;]$", "."))
end

local function add_named(rows, title, entries)
    if not entries[1] then
        return
    end
    rows[#rows + 1] = title
    for _, entry in ipairs(entries) do
        rows[#rows + 1] = string.format("    %s%s  %s%s", entry.name or "",
            entry.optional and "?" or "", entry.type, entry.text ~= "" and "  " .. entry.text or "")
    end
end

--- The options that a parameter takes: the class of its type.
local function options_of(param)
    return reference.fields(param.type)
end

local function function_page(entry)
    local rows = {entry.signature, ""}
    rows[#rows + 1] = entry.text
    add_named(rows, "\nTakes", entry.params)
    for _, param in ipairs(entry.params) do
        add_named(rows, "\n" .. param.name, options_of(param))
    end
    add_named(rows, "\nGives", entry.returns)
    return table.concat(rows, "\n")
end

--- The modules, by the names that they have at the prompt.
function help_pages.modules()
    local names = {}
    for module in pairs(reference.load().modules) do
        names[#names + 1] = module:match("[%w_]+$")
    end
    table.sort(names)
    return names
end

--- All names that there is a page of: modules, functions and methods.
function help_pages.names()
    local names = help_pages.modules()
    for _, entry in ipairs(reference.load().functions) do
        names[#names + 1] = (entry.name:gsub("^client:", "c:"))
    end
    table.sort(names)
    return names
end

local function find_module(name)
    for _, full in ipairs({name, "salvor." .. name}) do
        if reference.load().modules[full] then
            return full
        end
    end
end

local function class_of(name)
    for class in pairs(reference.load().classes) do
        if class:lower() == name:lower() or class:match("[%w_]+$"):lower() == name:lower() then
            return class
        end
    end
end

local function index_of(owner)
    local rows = {}
    for _, entry in ipairs(reference.members(owner)) do
        rows[#rows + 1] = string.format("    %-44s %s", entry.signature,
            help_pages.first_sentence(entry.text))
    end
    return table.concat(rows, "\n")
end

--- A module's text and the list of its functions; nil when there is none.
function help_pages.of_module(name)
    local module = find_module(name)
    return module and reference.load().modules[module] .. "\n\n" .. index_of(module) or nil
end

local function class_page(class)
    local rows = {class.text}
    add_named(rows, class.name, class.fields)
    rows[#rows + 1] = index_of(class.name)
    return table.concat(rows, "\n")
end

--- c:list, client:list, list, fs.read, store, k8s.ListOptions: what is known of it; nil when
--- nothing is.
function help_pages.of(name)
    name = name:gsub("^salvor%.", ""):gsub("^c:", "client:"):gsub("^c%.", "client:")
        :gsub("%(.*$", "")
    local found = {}
    for _, entry in ipairs(reference.load().functions) do
        if entry.name == name then
            return function_page(entry)
        elseif entry.method == name then
            found[#found + 1] = function_page(entry)
        end
    end
    local class = not find_module(name) and class_of(name == "c" and "Client" or name)
    return found[1] and table.concat(found, "\n\n") or help_pages.of_module(name)
        or class and class_page(reference.load().classes[class]) or nil
end

return help_pages
