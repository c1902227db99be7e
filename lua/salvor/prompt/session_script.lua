--- A session as a script that does the same again: what was entered and did not fail.
local environment = require("salvor.prompt.environment")

--- Modules that the text uses by the names that the prompt gives them.
local function used_modules(text)
    local used = {}
    for _, name in ipairs(environment.MODULES) do
        if text:find("%f[%w_]" .. name .. "%f[^%w_]") then
            used[#used + 1] = string.format("%s = require(\"salvor.%s\")", name, name)
        end
    end
    return used
end

local function client_line(prompt)
    local client = prompt.target.connected
    local parts = {}
    for _, field in ipairs({"context", "namespace"}) do
        if client and client[field] then
            parts[#parts + 1] = string.format("%s = %q", field, client[field])
        end
    end
    return "c = must(require(\"salvor.k8s\").connect({" .. table.concat(parts, ", ") .. "}))"
end

local function statement_of(input)
    if input.count == 0 then
        return input.text
    end
    local names = {}
    for index = 1, input.count do
        names[index] = "_" .. input.first + index - 1
    end
    return table.concat(names, ", ") .. " = " .. input.text .. "\n_ = " .. names[1]
        .. "\nprint(" .. table.concat(names, ", ") .. ")"
end

--- session_script(prompt) -> text
return function(prompt)
    local statements = {}
    for index, input in ipairs(prompt.inputs) do
        statements[index] = statement_of(input)
    end
    local body = table.concat(statements, "\n")
    local rows = used_modules(body)
    if body:find("%f[%w_]c[:.]") then
        rows[#rows + 1] = client_line(prompt)
    end
    rows[#rows + 1] = body
    return "#!/usr/bin/env salvor\n" .. table.concat(rows, "\n") .. "\n"
end
