--- The options in front of a script or command: those of lua5.4, and Salvor's own.
local options = require("salvor.options")

local global_options = {}

--- As commands declare theirs (salvor.options), but that one may have a short name alone.
--- `in_order`: it may come as often as one likes, and all are done in their order. `prompt`: it is
--- the prompt's, and means nothing to scripts and commands.
global_options.list = {
    {short = "e", argument = "CODE", in_order = true, help = "run that Lua"},
    {short = "l", argument = "MODULE", in_order = true,
     help = "require it, as NAME when it is NAME=MODULE"},
    {short = "i", help = "the prompt, after the script"},
    {short = "E", help = "nothing: Salvor reads no LUA_INIT"},
    {short = "W", help = "warn() writes to standard error"},
    {name = "read-only", help = "every write is an error; as SALVOR_READ_ONLY=1"},
    {name = "log-level", argument = "debug|info|warning|error", in_order = true,
     help = "which messages are written; warning"},
    {name = "log-format", argument = "text|json", in_order = true,
     help = "how messages are written; text"},
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

local COMMAND = {options = global_options.list,
                 usage = "salvor [options] SCRIPT|COMMAND [ARGS]; salvor --help lists them"}

--- read(arguments) -> asked, index of the script or command | nil, err. asked: what was given, by
--- options.key(); as a list of {key, value} what is to be done in its order; and as `of_prompt` an
--- option that is the prompt's.
function global_options.read(arguments)
    local asked, index = {}, 1
    while arguments[index] and options.is_option(arguments[index]) do
        if arguments[index] == "--" then
            return asked, index + 1
        end
        local option, text, behind = options.read(COMMAND, arguments, index, asked)
        if not option then
            return nil, text
        end
        if option.in_order then
            table.insert(asked, {options.key(option), text})
        end
        asked.of_prompt = asked.of_prompt or option.prompt and "--" .. option.name
        index = behind
    end
    return asked, index
end

return global_options
