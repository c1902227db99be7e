--- Salvor's own commands at the prompt. They are about what the prompt is about, unless their words
--- say otherwise.
local options = require("salvor.options")
local split_words = require("salvor.prompt.split_words")

-- The options that say what a command is about.
local ABOUT = {context = true, namespace = true, kubeconfig = true, site = true}

local function gives(command, words, option)
    local at = 1
    while words[at] and words[at] ~= "--" do
        local found, value
        if options.is_option(words[at]) then
            found, value = options.split(command.options, words[at])
        end
        if found == option then
            return true
        end
        at = at + (found and found.argument and not value and 2 or 1)
    end
    return false
end

--- cli_command(prompt, name, text): runs the command with what was written behind its name.
return function(prompt, name, text)
    local command, words = require("salvor.cli." .. name), split_words(text)
    for _, option in ipairs(command.options) do
        local value = ABOUT[option.name] and prompt.target[option.name]
        if value and not gives(command, words, option) then
            table.insert(words, 1, "--" .. option.name)
            table.insert(words, 2, value)
        end
    end
    options.run(command, words)
end
