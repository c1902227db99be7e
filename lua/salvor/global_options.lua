--- The options in front of a script or command: those of lua5.4, and Salvor's own.
local global_options = {}

--- As commands declare theirs (salvor.options), but that one may have a short name alone. `prompt`:
--- it is the prompt's, and means nothing to scripts and commands.
global_options.list = {
    {short = "e", argument = "CODE", help = "run that Lua"},
    {short = "l", argument = "MODULE", help = "require it, as NAME when it is NAME=MODULE"},
    {short = "i", help = "the prompt, after the script"},
    {short = "E", help = "nothing: Salvor reads no LUA_INIT"},
    {short = "W", help = "warn() writes to standard error"},
    {name = "read-only", help = "every write is an error; as SALVOR_READ_ONLY=1"},
    {name = "log-level", argument = "debug|info|warning|error",
     help = "which messages are written; warning"},
    {name = "log-format", argument = "text|json", help = "how messages are written; text"},
    {name = "context", argument = "CONTEXT", prompt = true,
     help = "of the prompt: the context of the kubeconfig"},
    {name = "namespace", short = "n", argument = "NAMESPACE", prompt = true,
     help = "of the prompt: the namespace"},
    {name = "kubeconfig", argument = "FILE", prompt = true,
     help = "of the prompt: instead of $KUBECONFIG and ~/.kube/config"},
    {name = "site", argument = "FILE", prompt = true,
     help = "of the prompt: the site file; else $SALVOR_SITE"},
    {name = "write", prompt = true,
     help = "of the prompt: no questions before writes to production"},
    {name = "version", short = "v", help = "the version"},
    {name = "help", short = "h", help = "the commands, or after a command its options"},
}

-- Each may come as often as one likes, and they are done in their order.
local IN_ORDER = {e = true, l = true, ["log-level"] = true, ["log-format"] = true}

local by_word = {}
for _, option in ipairs(global_options.list) do
    if option.name then
        by_word["--" .. option.name] = option
    end
    if option.short then
        by_word["-" .. option.short] = option
    end
end

--- The option of a word, what it is called there, and its argument when that is in the word:
--- "-ecode", "--log-level=debug".
local function split(word)
    local name, attached = word:match("^(%-%-[^=]+)=(.*)$")
    if not name and not by_word[word] then
        name, attached = word:match("^(%-%a)(.+)$")
    end
    name = name or word
    local option = by_word[name]
    return option and (not attached or option.argument) and option, name, attached
end

--- Notes what was given; what is wrong with it.
local function note(asked, option, name, argument)
    local key = option.name or option.short
    if IN_ORDER[key] then
        table.insert(asked, {key, argument})
    elseif argument == "" then
        return "'" .. name .. "' is empty; it needs " .. option.argument
    elseif argument and asked[key] then
        return "'" .. name .. "' is given twice"
    end
    asked[key] = argument or true
    asked.of_prompt = asked.of_prompt or option.prompt and name
end

--- read(arguments) -> asked, index of the script or command | nil, what is wrong. asked: what was
--- given, by the options' names (the short one where there is no other); as a list of
--- {name, argument} what is to be done in its order; and as `of_prompt` the first that is the
--- prompt's, as it was spelt.
function global_options.read(arguments)
    local asked, index = {}, 1
    while arguments[index] do
        local word = arguments[index]
        if word == "--" then
            return asked, index + 1
        elseif word == "-" or word:sub(1, 1) ~= "-" then
            break
        end
        local option, name, argument = split(word)
        if not option then
            return nil, "unrecognized option '" .. word .. "'; salvor --help lists them"
        elseif option.argument and not argument then
            index = index + 1
            argument = arguments[index]
            if not argument then
                return nil, "'" .. name .. "' needs an argument"
            end
        end
        local problem = note(asked, option, name, argument)
        if problem then
            return nil, problem
        end
        index = index + 1
    end
    return asked, index
end

return global_options
