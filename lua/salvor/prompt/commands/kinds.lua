local ui = require("salvor.ui")

local kinds = {summary = "the kinds that the cluster serves", usage = "[PART OF A NAME]"}

function kinds.complete(prompt)
    return prompt.cluster:kinds()
end

function kinds.run(prompt, part)
    local rows = {}
    for _, kind in ipairs(must(prompt:client():kinds())) do
        local short = table.concat(kind.short_names or {}, ",")
        local names = kind.plural .. " " .. kind.kind .. " " .. short
        if names:lower():find(part:lower(), 1, true) then
            local group = kind.group ~= "" and kind.group .. "/" or ""
            rows[#rows + 1] = {kind.plural, short, group .. kind.version,
                               kind.namespaced and "yes" or "no", kind.kind}
        end
    end
    prompt:page(rows[1] and ui.format_table({"NAME", "SHORT", "API", "NAMESPACED", "KIND"}, rows)
        or "no kind has " .. part .. " in its name")
end

return kinds
