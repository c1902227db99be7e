--- The prompt: reads what is entered, runs it, shows what came of it.
local advice = require("salvor.prompt.advice")
local cluster = require("salvor.prompt.complete.cluster")
local commands = require("salvor.prompt.commands")
local complete = require("salvor.prompt.complete")
local copy = require("salvor.copy")
local editor = require("salvor.prompt.editor")
local environment = require("salvor.prompt.environment")
local evaluate = require("salvor.prompt.evaluate")
local fit = require("salvor.fit")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local guard = require("salvor.guard")
local hint = require("salvor.prompt.hint")
local history = require("salvor.prompt.history")
local log_writer = require("salvor.log_writer")
local reference = require("salvor.reference")
local secret = require("salvor.secret")
local show = require("salvor.prompt.show")
local stores = require("salvor.prompt.complete.stores")
local task = require("salvor.task")
local terminal = require("salvor.terminal")

local prompt = {}
prompt.__index = prompt

local STYLES = {hint = "2", prompt = "2", detail = "2", selected = "7", search = "2",
                production = "1;31"}
-- No colours, but a hint is not to be taken for what was typed.
local PLAIN_STYLES = {hint = "2", prompt = "", detail = "", selected = "7", search = "",
                      production = ""}

--- The text without colours, as a salvor.prompt.highlight.
local function no_highlight(text)
    return {{text, ""}}
end

local PROMPT, CONTINUATION = "> ", "... "
local HISTORY = "prompt.history" -- in the state folder

-- Output

--- A text from anywhere as it may be shown, without the end of its last line.
function prompt.harmless(text)
    return terminal.escape(secret.mask((text:gsub("\n$", ""))), "\n\t")
end

function prompt.print(_, text)
    io.stdout:write(prompt.harmless(text), "\n")
    io.stdout:flush()
end

function prompt.complain(_, text)
    io.stdout:flush()
    io.stderr:write(prompt.harmless(text), "\n")
end

--- Prints, and stops after each screen.
function prompt:page(text)
    require("salvor.prompt.pager")(self.editor, prompt.harmless(text), function(part)
        io.stdout:write(part, "\n")
        io.stdout:flush()
    end)
end

--- Runs the function beside the prompt, until it ends or the prompt does.
function prompt:background(fn)
    local running
    running = task.spawn(function()
        fn()
        self.tasks[running] = nil
    end)
    self.tasks[running] = true
end

-- The connection

--- The client of the shown context, connected at the first use; raises when there is none.
function prompt:client()
    return self.target:client()
end

--- Another context or namespace: `c` is another client from now on.
function prompt:use(context, namespace)
    self.target:use(context, namespace)
    self.cluster:forget()
    rawset(_G, "c", nil)
end

--- What stands before the line, and its style. What must be seen does not depend on colours.
function prompt:label()
    local text, is_production = self.target:label()
    local mark = (is_production and "PRODUCTION " or "")
        .. (guard.is_read_only() and "read-only " or "")
    return mark .. text, is_production and self.styles.production or ""
end

-- Results

local function keep_results(self, results)
    for index = 1, results.n do
        self.count = self.count + 1
        rawset(_G, "_" .. self.count, results[index])
    end
    rawset(_G, "_", results[1])
end

--- Shows a value; options as those of salvor.prompt.show.
function prompt:show(v, options)
    self:page(show.text(v, copy.merge({output = self.output, width = terminal.width()}, options)))
end

local function tell(self, problem, traceback, meant)
    self.failure = {problem = problem, traceback = traceback}
    self:complain(evaluate.describe(problem) .. (meant and "; " .. meant or ""))
    environment.heed(problem, self.target)
end

--- Shows what the text gave: of nil and an error, the error.
local function show_results(self, results, text)
    local first, problem = self.count - results.n, evaluate.error_of(results)
    if problem then
        return tell(self, problem)
    end
    local meant = advice.of_results(results, text)
    if meant then
        return self:print(meant)
    end
    for index = 1, results.n do
        self:show(results[index], {name = "_" .. first + index})
    end
end

--- Runs a function that was entered as `text`, and shows its results or its error. `source` is Lua
--- that does the same in a script, if any.
function prompt:run(fn, text, source)
    self.questions:forget()
    local outcome = evaluate.run(function()
        local results = evaluate.results(fn())
        if source and not evaluate.error_of(results) then
            table.insert(self.inputs, {text = source, first = self.count + 1, count = results.n})
        end
        if results.n > 0 then
            keep_results(self, results)
        end
        show_results(self, results, text)
    end)
    if not outcome[1] then
        local problem = outcome[2]
        tell(self, problem, outcome[3],
            type(problem) == "string" and advice.of_problem(problem, text) or nil)
    end
end

--- Runs one input: a command that begins with a colon, or Lua.
function prompt:enter(text)
    local name, behind = commands.name_of(text)
    if name then
        local rest = text:match("^%s*(.-)%s*$", behind)
        local ok, chunk, source = pcall(commands.chunk, self, name, rest)
        if not ok then
            return tell(self, chunk)
        end
        return self:run(chunk, text, source)
    end
    local meant = advice.of_name(text)
    if meant then
        return tell(self, "there is no variable " .. text:match("%a+"), nil, meant)
    end
    local chunk, source = evaluate.compile(evaluate.without_local(text))
    if not chunk then
        return tell(self, source, nil, advice.of_text(text))
    end
    return self:run(chunk, text, source)
end

-- The session

local function is_complete(text)
    return commands.name_of(text) ~= nil or text:find("%S") == nil or evaluate.is_complete(text)
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

--- Columns that are left in the row in which the text ends.
function prompt:room(text)
    local columns = self.editor.console:size()
    local before = text:find("\n", 1, true) and CONTINUATION or (self:label()) .. PROMPT
    local last = terminal.escape(before .. (text:match("^.*\n(.*)$") or text))
    return columns - terminal.display_width(last) % columns
end

local function read(self)
    io.stdout:flush() -- what was written without the end of a line is to be seen
    local text, why = self.editor:read({{self:label()}, PROMPT}, CONTINUATION, self.next_text)
    self.next_text = nil
    if text and text:find("%S") then
        local kept, err = self.history:add(text)
        if not kept and not self.history.warning then
            self.history.warning = err.message
            self:complain("history: " .. err.message)
        end
    end
    return text, why
end

--- run_session(console, options) -> exit code. options: quiet (no greeting), target
--- (salvor.prompt.target), questions (salvor.prompt.production)
function prompt.run_session(console, options)
    local is_coloured = terminal.colour("stdout")
    local self = setmetatable({count = 0, inputs = {}, tasks = {}, history = open_history(),
                               target = options.target, questions = options.questions,
                               styles = is_coloured and STYLES or PLAIN_STYLES}, prompt)
    self.editor = editor.new(console, {
        history = self.history,
        is_complete = is_complete,
        complain = function(problem)
            self:complain(evaluate.describe(problem))
        end,
        complete = function(text, cursor)
            return complete(self, text, cursor)
        end,
        hint = function(text)
            local found = hint.of(text)
            return found and fit(found, self:room(text) - 1)
        end,
        edit = require("salvor.prompt.external_editor").edit,
        highlight = is_coloured and require("salvor.prompt.highlight") or no_highlight,
        styles = self.styles,
    })
    self.cluster = cluster.new(self, function(problem)
        self.editor:complete_anew(problem)
    end)
    self.stores = stores.new(self, function(problem)
        self.editor:complete_anew(problem)
    end)
    environment.install(function()
        local client = self:client()
        table.insert(self.inputs, {client = {kubeconfig = self.target.kubeconfig,
                                             context = client.context,
                                             namespace = client.namespace}})
        return client
    end)
    local write = log_writer.write
    local _ <close> = setmetatable({}, {__close = function()
        log_writer.write = write
    end})
    function log_writer.write(row)
        self.editor:above(write, row)
    end
    greet(self, options)
    self:background(reference.load)
    while not self.leaving do
        local text, why = read(self)
        if text and text:find("%S") then
            self:enter(text)
        elseif not text and why ~= "dropped" then
            break
        end
    end
    evaluate.leave()
    for running in pairs(self.tasks) do
        running:cancel()
    end
    return 0
end

return prompt
