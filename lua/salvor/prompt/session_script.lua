--- A session as a script that does the same again: what was entered and did not fail.
local environment = require("salvor.prompt.environment")
local lexer = require("salvor.prompt.lexer")

--- The variables of a text: names that are no fields.
local function add_variables(used, text)
    local before
    for _, token in ipairs(lexer.tokens(text)) do
        local content = text:sub(token.from, token.to)
        if token.kind == "name" and before ~= "." and before ~= ":" then
            used[content] = true
        end
        before = token.kind ~= "blank" and content or before
    end
end

--- How the script gets what the prompt has by itself.
local function declarations(used)
    local rows = {}
    for _, name in ipairs(environment.MODULES) do
        rows[#rows + 1] = used[name] and string.format("%s = require(\"salvor.%s\")", name, name)
            or nil
    end
    for name in pairs(environment.globals) do
        rows[#rows + 1] = used[name] and string.format("local %s = %s", name, name) or nil
    end
    rows[#rows + 1] = used.null and "null = require(\"salvor\").null" or nil
    return rows
end

local function client_row(client)
    local parts = {}
    for _, field in ipairs({"kubeconfig", "context", "namespace"}) do
        if client[field] then
            parts[#parts + 1] = string.format("%s = %q", field, client[field])
        end
    end
    return "c = must(require(\"salvor.k8s\").connect({" .. table.concat(parts, ", ") .. "}))"
end

local function has_word(text, word)
    return text:find("%f[%w_]" .. word .. "%f[^%w_]") ~= nil
end

--- Statements for themselves, as at the prompt: locals end with their input, a return ends no more
--- than that, and a parenthesis calls nothing that stood before it.
local function block(text)
    if has_word(text, "return") then
        return "do (function()\n" .. text .. "\nend)() end"
    elseif has_word(text, "local") or not text:find("^[%a_]") then
        return "do\n" .. text .. "\nend"
    end
    return text
end

local function statement_of(input)
    local text = input.text
    if input.count == 0 then
        return load(text) and block(text) or ""
    elseif not load("return " .. text) then
        text = "(function()\n" .. text .. "\nend)()"
    end
    local names = {}
    for index = 1, input.count do
        names[index] = "_" .. input.first + index - 1
    end
    local list = table.concat(names, ", ")
    return list .. " = " .. text .. "\n_ = " .. names[1]
        .. "\nrequire(\"salvor.ui\").show(" .. list .. ")"
end

--- session_script(inputs) -> text. Each input is {text, first, count} of Lua and its results, or
--- {client} where `c` became that one.
return function(inputs)
    local used = {}
    for _, input in ipairs(inputs) do
        add_variables(used, input.text or "")
    end
    local rows = declarations(used)
    table.insert(rows, 1, "#!/usr/bin/env salvor")
    for _, input in ipairs(inputs) do
        rows[#rows + 1] = input.text and statement_of(input) or client_row(input.client)
    end
    return table.concat(rows, "\n") .. "\n"
end
