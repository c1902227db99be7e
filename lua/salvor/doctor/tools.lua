--- Other programs that may be called. One that is missing matters to who needs it alone.
local errors = require("salvor.error")
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local session = require("salvor.procedure.session")

local function check(name, run)
    return {group = "tools", name = name, run = run}
end

--- The programs that a procedure's parameters name, added to {program = list of ids}. What is wrong
--- with its script is told elsewhere.
local function add_programs(found, id, options)
    local ok, prepared = pcall(session.prepare, id, options)
    if not ok and not errors.is(prepared) then
        error(prepared, 0)
    end
    for _, declaration in ipairs(ok and prepared.procedure.params or {}) do
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
    local command = os.getenv("VISUAL") or os.getenv("EDITOR") or "vi"
    local path = proc.which(command:match("%S+") or "")
    if path then
        return "ok", path
    end
    return "warning", command .. " is not on PATH", "let $EDITOR name the editor of the prompt"
end

local function look_for_agent()
    local socket = os.getenv("SSH_AUTH_SOCK")
    if not socket or socket == "" then
        return "ok", "none: stores over SFTP need a key file or a password"
    elseif fs.stat(socket) then
        return "ok", socket
    end
    return "warning", "$SSH_AUTH_SOCK names " .. socket .. ", which is not there",
        "start ssh-agent, or unset it"
end

--- checks(ids, options) -> list: the programs of these procedures, the editor, the SSH agent.
--- options: those of session.prepare.
return function(ids, options)
    local found, checks = {}, {}
    for _, id in ipairs(ids) do
        add_programs(found, id, options)
    end
    for _, program in ipairs(require("salvor").keys(found)) do
        checks[#checks + 1] = check(program, function()
            return look_for(program, found[program])
        end)
    end
    checks[#checks + 1] = check("editor", look_for_editor)
    checks[#checks + 1] = check("ssh-agent", look_for_agent)
    return checks
end
