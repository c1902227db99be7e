--- The words behind :plan and :run, as these commands declare them (salvor.completion). What only
--- a cluster, a store or the file system knows comes from here.
local completion = require("salvor.completion")
local values = require("salvor.prompt.complete.values")

local procedure = {}

--- What the prompt is about counts for the words, too.
local function line_of(prompt, name, words, word)
    local line = {name}
    for _, option in ipairs({"site", "kubeconfig"}) do
        if prompt.target[option] then
            table.move({"--" .. option, prompt.target[option]}, 1, 2, #line + 1, line)
        end
    end
    table.move(words, 1, #words, #line + 1, line)
    line[#line + 1] = word
    return line
end

--- Files, or what is in a store, behind the "=" of a parameter or alone.
local function add_places(items, prompt, word)
    local head, prefix = word:match("^([%w_]*=)(.*)$")
    local is_url = (prefix or word):find("^%a[%w+.-]*://[^/]*/")
    local found = is_url and prompt.stores:urls(prefix or word)
        or values.files(prefix or word, true)
    for _, item in ipairs(found) do
        items[#items + 1] = {text = (head or "") .. item.text, label = item.label or item.text,
                             is_part = item.is_part}
    end
end

--- complete(name) -> what the command of that name offers for its words.
function procedure.complete(name)
    return function(prompt, words, word)
        if words[#words] == "-n" or words[#words] == "--namespace" then
            return prompt.cluster:names("namespaces")
        end
        local found, takes_files = completion.words(line_of(prompt, name, words, word))
        local items = {}
        for index, item in ipairs(found) do
            items[index] = {text = item.text, detail = item.help,
                            is_part = item.text:find("[=/]$") ~= nil}
        end
        if takes_files then
            add_places(items, prompt, word)
        end
        return items
    end
end

return procedure
