--- salvor completion SHELL: what makes a shell complete Salvor's words. With words of a command
--- line, which the shell's part calls it with, what may come next.
local terminal = require("salvor.terminal")
local value = require("salvor.value")

local SCRIPTS = {bash = "salvor.bash", zsh = "_salvor", fish = "salvor.fish"}

--- A row for each word, behind a tab what it means; bash does not show that.
local function print_words(shell, words)
    local items, is_file = require("salvor.completion").words(words, {with_help = shell ~= "bash"})
    for _, item in ipairs(items) do
        io.stdout:write(item.text, "\t", terminal.escape(item.help or ""), "\n")
    end
    if is_file then
        io.stdout:write("\tfiles\n")
    end
end

return {
    summary = "what makes a shell complete Salvor's words",
    details = "Such as: source <(salvor completion bash). An installed Salvor needs no such line.",
    usage = "salvor completion bash|zsh|fish",
    arguments = {"bash|zsh|fish", "[WORD...]"},
    run = function(_, words)
        if words[2] then
            print_words(words[1], table.move(words, 2, #words, 1, {}))
        else
            io.stdout:write(value.embedded("packaging/completions/" .. SCRIPTS[words[1]]))
        end
        return 0
    end,
}
