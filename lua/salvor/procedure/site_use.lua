--- What of a site's files one procedure uses: the stores that its parameters name, and the Secrets
--- in which values are kept.
local site = require("salvor.procedure.site")

local site_use = {}

--- stores(prepared) -> list of {name, definition, layer}, each once, in the order of the parameters
function site_use.stores(prepared)
    local found, seen = {}, {}
    for _, declaration in ipairs(prepared.procedure.params) do
        local text = prepared.texts[declaration.name] or declaration.default
        local name = declaration.type == "url" and text and site.split_store(text)
        if name and not seen[name] then
            local definition, layer = must(site.check_store(prepared.site, text))
            seen[name] = true
            found[#found + 1] = {name = name, definition = definition, layer = layer}
        end
    end
    return found
end

--- The references that a store's credentials are: one for all, or one for each.
local function references_of(definition)
    local credentials = definition.credentials or {}
    if credentials.secret then
        return {credentials}
    end
    local references = {}
    for _, reference in pairs(credentials) do
        references[#references + 1] = reference
    end
    return references
end

--- permissions(prepared) -> what lets the Secrets be read that are referred to, as a procedure
--- lists its permissions
function site_use.permissions(prepared)
    local found = {}
    local function add(reference)
        if reference.secret then
            found[#found + 1] = {kind = "secrets", verbs = {"get"}, names = {reference.secret},
                                 namespace = reference.namespace}
        end
    end
    for _, kept in pairs(prepared.references) do
        add(kept.reference)
    end
    for _, store in ipairs(site_use.stores(prepared)) do
        for _, reference in ipairs(references_of(store.definition)) do
            add(reference)
        end
    end
    return found
end

return site_use
