--- The salvor under test ($SALVOR, else build/salvor), run with folders of its own.
local fs = require("salvor.fs")
local proc = require("salvor.proc")

local salvor = {}

salvor.path = fs.absolute(os.getenv("SALVOR") or "build/salvor")

--- A prefix for `run`: whoever the tests run as, permissions count.
salvor.UNPRIVILEGED = {"setpriv", "--inh-caps=-all", "--bounding-set=-all"}

local TIMEOUT = 600

--- Everything that tells one environment from another, so that a test means the same everywhere.
function salvor.environment(home, extra)
    local env = {
        HOME = home,
        TMPDIR = home,
        USER = "operator",
        SUDO_USER = false,
        XDG_CONFIG_HOME = fs.join(home, "config"),
        XDG_STATE_HOME = fs.join(home, "state"),
        XDG_CACHE_HOME = fs.join(home, "cache"),
        KUBECONFIG = false,
        NO_COLOR = "1",
        SALVOR_LOG_LEVEL = false,
        SALVOR_LOG_FORMAT = false,
        SALVOR_SITE = false,
        SALVOR_CONTEXT = false,
        SALVOR_NAMESPACE = false,
        SALVOR_KUBECONFIG = false,
    }
    for name, value in pairs(extra or {}) do
        env[name] = value
    end
    return env
end

--- run(words, {home=, env=, cwd=, prefix=}) -> {code, stdout, stderr [, signal]}. `prefix`: words
--- in front of the program, such as those of another program that starts it.
function salvor.run(words, options)
    local argv = table.move(options.prefix or {}, 1, #(options.prefix or {}), 1, {})
    argv[#argv + 1] = salvor.path
    table.move(words, 1, #words, #argv + 1, argv)
    return must(proc.run(argv, {
        env = salvor.environment(options.home, options.env),
        cwd = options.cwd,
        timeout = TIMEOUT,
    }))
end

--- What a folder holds: {path = data}, folders left out; a link is "-> target".
function salvor.tree(folder, prefix, found)
    found, prefix = found or {}, prefix or ""
    for _, entry in ipairs(must(fs.list(folder))) do
        local path, full = prefix .. entry.name, fs.join(folder, entry.name)
        if entry.type == "folder" then
            salvor.tree(full, path .. "/", found)
        elseif entry.type == "link" then
            found[path] = "-> " .. must(fs.readlink(full))
        else
            found[path] = must(fs.read(full))
        end
    end
    return found
end

--- Makes in a folder, and it too, what tree() would tell: {path = data}.
function salvor.make_tree(folder, files)
    must(fs.mkdir(folder, {parents = true}))
    for path, data in pairs(files) do
        local full = fs.join(folder, path)
        must(fs.mkdir(fs.dirname(full), {parents = true}))
        must(fs.write(full, data))
    end
end

--- Raises, showing the text, unless it holds each of the parts as they stand.
function salvor.expect(text, ...)
    for _, part in ipairs({...}) do
        if not text:find(part, 1, true) then
            error("no '" .. part .. "' in:\n" .. text, 2)
        end
    end
end

--- Raises unless the result has that exit code.
function salvor.expect_code(code, result)
    if result.code ~= code then
        error(string.format("exit code %d expected, got %d:\n%s%s", code, result.code,
            result.stdout, result.stderr), 2)
    end
end

--- The lines of a text.
function salvor.lines(text)
    local lines = {}
    for line in text:gmatch("[^\n]+") do
        lines[#lines + 1] = line
    end
    return lines
end

return salvor
