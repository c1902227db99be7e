--- The prompt: reads what is entered, runs it, shows what came of it.
local editor = require("salvor.prompt.editor")
local environment = require("salvor.prompt.environment")
local evaluate = require("salvor.prompt.evaluate")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local history = require("salvor.prompt.history")
local secret = require("salvor.secret")
local show = require("salvor.prompt.show")
local terminal = require("salvor.terminal")

local prompt = {}
prompt.__index = prompt

local STYLES = {hint = "2", prompt = "2", detail = "2", selected = "7", search = "2"}
local HISTORY = "prompt.history" -- in the state folder

-- Output

function prompt:print(text)
    io.stdout:write(terminal.escape(secret.mask(text), "\n\t"), "\n")
    io.stdout:flush()
end

function prompt:complain(text)
    io.stdout:flush()
    io.stderr:write(terminal.escape(secret.mask(text), "\n"), "\n")
end

-- The connection

--- The client of the shown context, connected at the first use; raises when there is none.
function prompt:client()
    if not self.connected then
        self.connected = must(require("salvor.k8s").connect({context = self.context,
                                                             namespace = self.namespace}))
    end
    return self.connected
end

--- Another context or namespace: `c` is another client from now on.
function prompt:use(context, namespace)
    local client = must(require("salvor.k8s").connect({context = context, namespace = namespace}))
    if self.connected then
        getmetatable(self.connected).__close(self.connected)
    end
    self.context, self.namespace, self.connected = context, namespace, client
    rawset(_G, "c", nil)
    return client
end

--- What stands before the line: context and namespace, from the kubeconfig alone.
function prompt:label()
    if not self.shown_label or self.connected ~= self.labelled then
        local ok, client = pcall(self.client, self)
        self.labelled = self.connected
        self.shown_label = ok and string.format("%s/%s", client.context or client.server,
            client.namespace) or "no cluster"
    end
    return self.shown_label
end

-- Results

local function keep_results(self, results)
    for index = results.n, 1, -1 do
        self.count = self.count + 1
        rawset(_G, "_" .. self.count, results[index])
    end
    rawset(_G, "_", results[1])
end

function prompt:show(v)
    local columns = terminal.width()
    self:print(show.text(v, {output = self.output, width = columns}))
end

--- Runs a function that was entered, and shows its results or its error.
function prompt:run(fn)
    local outcome = evaluate.run(fn)
    if not outcome[1] then
        self.trace = outcome[3]
        self:complain(evaluate.describe(outcome[2]))
        return false
    end
    local results = table.pack(table.unpack(outcome, 2, outcome.n))
    if results.n > 0 then
        keep_results(self, results)
        for index = 1, results.n do
            self:show(results[index])
        end
    end
    return true
end

--- Runs one input: a command that begins with a colon, or Lua.
function prompt:enter(text)
    local name, rest = text:match("^%s*:(%a+)%s*(.-)%s*$")
    if name then
        return self:run(function()
            return require("salvor.prompt.commands").run(self, name, rest)
        end)
    end
    local chunk, problem = evaluate.compile(evaluate.without_local(text), _G)
    if not chunk then
        return self:complain((problem:gsub("^prompt:(%d+): ", "line %1: ")))
    end
    return self:run(chunk)
end

-- The session

local function is_complete(text)
    return text:find("^%s*:") ~= nil or text:find("%S") == nil or evaluate.is_complete(text)
end

local function open_history()
    local ok, folder = pcall(folders.state)
    return history.open(ok and fs.join(folder, HISTORY) or nil)
end

local function greet(self, options)
    if not options.quiet then
        self:print("Salvor " .. require("salvor").version .. " (" .. _VERSION
            .. "). :help tells what can be done; Ctrl-D leaves.")
    end
    if self.history.warning then
        self:complain("history: " .. self.history.warning)
    end
end

local function style(self, name)
    return self.styles[name] or ""
end

local function read(self)
    local text, why = self.editor:read({{self:label(), style(self, "label")}, "> "}, "... ")
    if text and text:find("%S") then
        local kept, err = self.history:add(text)
        if not kept and not self.history.warning then
            self.history.warning = err.message
            self:complain("history: " .. err.message)
        end
    end
    return text, why
end

--- run(options) -> exit code. options: quiet (no greeting)
function prompt.run_session(console, options)
    local is_coloured = terminal.colour("stdout")
    local self = setmetatable({count = 0, history = open_history(),
                               styles = is_coloured and STYLES or {}}, prompt)
    self.editor = editor.new(console, {
        history = self.history,
        is_complete = is_complete,
        highlight = is_coloured and require("salvor.prompt.highlight") or nil,
        styles = self.styles,
    })
    environment.install(function()
        return self:client()
    end)
    greet(self, options)
    while not self.leaving do
        local text, why = read(self)
        if text and text:find("%S") then
            self:enter(text)
        elseif not text and why ~= "dropped" then
            break
        end
    end
    return 0
end

return prompt
