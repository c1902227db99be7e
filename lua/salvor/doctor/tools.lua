--- Other programs that may be called. One that is missing matters to who needs it alone.
local catch = require("salvor.catch")
local external_editor = require("salvor.prompt.external_editor")
local fs = require("salvor.fs")
local keys = require("salvor").keys
local proc = require("salvor.proc")
local session = require("salvor.procedure.session")

local tools = {}

local function check(name, run)
    return {group = "tools", name = name, run = run}
end

--- The programs that a procedure's parameters name, added to {program = list of ids}. What is wrong
--- with its script is told elsewhere.
local function add_programs(found, id, options)
    local prepared = catch(session.prepare, id, options)
    for _, declaration in ipairs(prepared and prepared.procedure.params or {}) do
        local program = declaration.type == "program" and prepared.params[declaration.name]
        if program then
            found[program] = found[program] or {}
            table.insert(found[program], id)
        end
    end
end

local function look_for(program, ids)
    local path = proc.which(program)
    if path then
        return "ok", path
    end
    return "warning", "not on PATH, and needed by " .. table.concat(ids, ", "),
        "install it, or name it with that procedure's parameter"
end

local function look_for_editor()
    local command = external_editor.command()
    local path = proc.which(command:match("%S+"))
    if path then
        return "ok", path
    end
    return "warning", command .. " is not on PATH", "let $EDITOR name the editor of the prompt"
end

-- Seconds for an agent to answer, and the exit code of ssh-add when none does.
local PATIENCE, NOBODY = 5, 2

--- Whether an agent answers at $SSH_AUTH_SOCK, as far as can be told here.
local function agent_answers()
    if not proc.which("ssh-add") then
        return true
    end
    local answer, err = proc.run({"ssh-add", "-l"}, {timeout = PATIENCE})
    return answer and answer.code ~= NOBODY or err and err.code ~= "Timeout"
end

local function look_for_agent()
    local socket = os.getenv("SSH_AUTH_SOCK")
    if not socket or socket == "" then
        return "ok", "none: stores over SFTP need a key file or a password"
    elseif not fs.stat(socket) then
        return "warning", "$SSH_AUTH_SOCK names " .. socket .. ", which is not there",
            "start ssh-agent, or unset it"
    elseif not agent_answers() then
        return "warning", "nobody answers at " .. socket, "start ssh-agent, or unset $SSH_AUTH_SOCK"
    end
    return "ok", socket
end

--- programs(ids, options) -> list: the checks of the programs that these procedures call. options:
--- those of session.prepare.
function tools.programs(ids, options)
    local found, checks = {}, {}
    for _, id in ipairs(ids) do
        add_programs(found, id, options)
    end
    for _, program in ipairs(keys(found)) do
        checks[#checks + 1] = check(program, function()
            return look_for(program, found[program])
        end)
    end
    return checks
end

--- own() -> list: the checks of what Salvor itself calls.
function tools.own()
    return {check("editor", look_for_editor), check("ssh-agent", look_for_agent)}
end

return tools
