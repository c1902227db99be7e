--- What may come next on Salvor's command line, by the commands' declarations. Nothing is asked of
--- a cluster or a store, since a shell waits.
local global_options = require("salvor.global_options")
local options = require("salvor.options")
local places = require("salvor.completion.places")

local completion = {}

local HELP = {name = "help", help = "what it does, and its options"}

--- Reads the words from that index to the one before the last: {given = {option = texts}, words,
--- waiting = the option whose value comes next, words_only = behind "--", at = index of the first
--- word, where it ended if it was to}.
local function read(declared, words, index, ends_at_word)
    local line = {declared = declared, given = {}, words = {}}
    while index < #words do
        local word = words[index]
        if line.waiting then
            table.insert(line.given[options.key(line.waiting)], word)
            line.waiting = nil
        elseif line.words_only or not options.is_option(word) then
            if ends_at_word then
                line.at = index
                break
            end
            table.insert(line.words, word)
        elseif word == "--" then
            line.words_only = true
        else
            local option, attached = options.split(declared, word)
            if option then
                local key = options.key(option)
                line.given[key] = line.given[key] or {}
                table.insert(line.given[key], attached)
                line.waiting = option.argument and not attached and option or nil
            end
        end
        index = index + 1
    end
    return line
end

--- The options that may come, or the value of one that is there: "--output=".
local function of_options(line, prefix)
    local option, attached = options.split(line.declared, prefix)
    if option and option.argument and attached then
        local head, items = prefix:sub(1, #prefix - #attached), {}
        local found, is_file = places.items(line, option.argument, attached)
        for index, item in ipairs(found) do
            items[index] = {text = head .. item.text, help = item.help}
        end
        return items, is_file
    end
    local items = {}
    for _, each in ipairs(line.declared) do
        if each.repeated or each.in_order or not line.given[options.key(each)] then
            items[#items + 1] = {text = each.name and "--" .. each.name or "-" .. each.short,
                                 help = each.help}
        end
    end
    return items
end

--- What may come in a command's words.
local function of_command(command, words, index, with_help)
    local declared = table.move(command.options or {}, 1, #(command.options or {}), 1, {})
    declared[#declared + 1] = HELP
    local line, prefix = read(declared, words, index), words[#words]
    line.with_help = with_help
    if line.waiting then
        return places.items(line, line.waiting.argument, prefix)
    elseif prefix:sub(1, 1) == "-" and not line.words_only then
        return of_options(line, prefix)
    end
    local arguments = command.arguments or {}
    local last = arguments[#arguments] or ""
    local argument = arguments[#line.words + 1] or last:find("...", 1, true) and last
    if not argument then
        return {}
    end
    return places.items(line, argument, prefix)
end

local function find(words, with_help)
    local line, prefix = read(global_options.list, words, 1, true), words[#words]
    local commands = places.modules()
    if line.waiting then
        return places.items(line, line.waiting.argument, prefix)
    elseif not line.at and prefix:sub(1, 1) == "-" and not line.words_only then
        return of_options(line, prefix)
    elseif not line.at then
        return places.commands(commands, with_help), true
    elseif not commands[words[line.at]] then
        return {}, true -- a script's own words
    end
    local command, index = require(commands[words[line.at]]), line.at + 1
    if not command.commands then
        return of_command(command, words, index, with_help)
    elseif index == #words then
        return places.commands(command.commands, with_help)
    elseif command.commands[words[index]] then
        return of_command(require(command.commands[words[index]]), words, index + 1, with_help)
    end
    return {}
end

--- words(words, {with_help}) -> list of {text, help}, whether files may come: all that can stand in
--- the place of the last one of `words`, which are those behind "salvor". It may be empty. A text
--- that ends in "=" or "/" goes on. What cannot be known, such as the parameters of a procedure
--- with a mistake, is left out, whatever is raised: the words are not finished yet.
function completion.words(words, opts)
    local ok, found, is_file = pcall(find, words, opts and opts.with_help)
    local items, prefix = {}, words[#words]
    for _, item in ipairs(ok and found or {}) do
        if item.text:sub(1, #prefix) == prefix and not item.text:find("%c") then
            items[#items + 1] = item
        end
    end
    return items, ok and is_file or false
end

return completion
