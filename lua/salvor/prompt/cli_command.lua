--- Salvor's own commands at the prompt. They are about what the prompt is about, unless their words
--- say otherwise.
local options = require("salvor.options")
local split_words = require("salvor.prompt.split_words")

-- The options that say what a command is about.
local ABOUT = {context = true, namespace = true, kubeconfig = true, site = true}

local function gives(words, option)
    for _, word in ipairs(words) do
        if word:match("^%-%-([^=]+)") == option.name or word == "-" .. tostring(option.short) then
            return true
        end
    end
    return false
end

--- cli_command(prompt, name, text): runs the command with what was written behind its name.
return function(prompt, name, text)
    local command, words = require("salvor.cli." .. name), split_words(text)
    for _, option in ipairs(command.options) do
        local value = ABOUT[option.name] and prompt.target[option.name]
        if value and not gives(words, option) then
            table.move({"--" .. option.name, value}, 1, 2, #words + 1, words)
        end
    end
    options.run(command, words)
end
