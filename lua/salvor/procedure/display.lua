--- Shows how a plan or a run goes: the observer of the commands.
--
-- Finished checks and steps are lines on the stream. Where standard error is a terminal a live line
-- there tells the step at work, for how long, what it waits for and why that does not get on;
-- elsewhere each step's beginning is a line with the time, and each change of what is waited for
-- another, at most one a second. So it is on a stream that is not the process's own, too: whoever
-- shows several runs at once has one terminal for all of them.
local cli = require("salvor.cli")
local errors = require("salvor.error")
local lease = require("salvor.procedure.lease")
local render = require("salvor.procedure.render")
local task = require("salvor.task")
local terminal = require("salvor.terminal")
local ui = require("salvor.ui")

local display = {}

local PAUSE = 1 -- seconds between lines, and between looks at the clock

local HEADINGS = {run = "run %s of", resume = "resuming run %s of", undo = "undoing run %s of",
                  plan = "plan of"}
local TAKEN = {
    broken = "--break-lock took it",
    expired = "it was not renewed for as long as it lasts; what that run did may be unfinished",
    free = "nobody holds it",
}

local Display = {}

--- "75" -> "1m15s"
local function duration(seconds)
    seconds = math.floor(seconds)
    if seconds < 60 then
        return seconds .. "s"
    elseif seconds < 3600 then
        return string.format("%dm%02ds", seconds // 60, seconds % 60)
    end
    return string.format("%dh%02dm", seconds // 3600, seconds % 3600 // 60)
end

--- How many steps are no checks, and each one's number among them.
local function number_steps(procedure)
    local numbers, count = {}, 0
    for _, step in ipairs(procedure.steps) do
        if not step.check then
            count = count + 1
            numbers[step.id] = count
        end
    end
    return numbers, count
end

local function place_of(self, step)
    return string.format("step %d of %d", self.numbers[step.id], self.count)
end

function Display:begin(prepared, run, what)
    self.numbers, self.count = number_steps(prepared.procedure)
    self.undoing = what == "undo"
    render.heading(self.stream, HEADINGS[what or run and "run" or "plan"]:format(run), prepared)
    if what ~= "undo" then
        self.stream:write("checks\n")
    end
end

function Display:check(result)
    self.live_line:finish()
    self.waiting = nil
    render.check(self.stream, result)
end

-- What is at work

local function show_live(self)
    local text = ""
    if self.asking then
        return
    elseif self.step then
        text = string.format("%s%s %s, %s", self.doing, place_of(self, self.step), self.step.id,
            duration(task.now() - self.since))
    end
    if self.waiting then
        text = text .. (text ~= "" and ": " or "") .. self.waiting
    end
    if text ~= "" then
        self.live_line:update(text)
    end
end

local function show_plain(self)
    if self.waiting ~= self.shown and task.now() >= self.next_line then
        render.note(self.stream, self.waiting)
        self.shown, self.next_line = self.waiting, task.now() + PAUSE
    end
end

local function show_waiting(self, text)
    self.waiting = text
    if self.on_terminal then
        show_live(self)
    else
        show_plain(self)
    end
end

function Display:step(step, status, findings)
    self.live_line:finish()
    self.waiting, self.shown = nil, nil
    if status ~= "begin" and status ~= "undo" then
        self.step = nil
        return render.step(self.stream, step, status, findings)
    end
    self.undoing = status == "undo"
    self.step, self.since, self.doing = step, task.now(), self.undoing and "undoing " or ""
    if self.on_terminal then
        return show_live(self)
    end
    render.beginning(self.stream, os.date("!%H:%M:%SZ"), step,
        self.doing .. place_of(self, step))
end

--- What is waited for, and how it stands.
function display.waiting(what, progress)
    local more = (progress.left or 1) - 1
    return what .. ": " .. progress.state
        .. (more > 0 and string.format(" (and %d more)", more) or "")
end

--- Why that does not get on; nil as long as it does.
function display.stall(progress)
    if progress.trouble then
        return "contact with the API server is lost, trying again: " .. progress.trouble.message
    elseif progress.stalled then
        return "nothing has changed for a while"
            .. (progress.why and progress.why.line and ": " .. progress.why.line or "")
    end
end

--- A live line is cut at the terminal's edge, so a stall has a line of its own, which stays.
function Display:wait(what, progress)
    local text, stall = display.waiting(what, progress), display.stall(progress)
    if not self.on_terminal then
        return show_waiting(self, stall and text .. "; " .. stall or text)
    end
    if stall and stall ~= self.stalls[what] then
        self.live_line:finish()
        render.note(self.stream, what .. ": " .. stall)
    end
    self.stalls[what] = stall
    show_waiting(self, text)
end

function Display:retry(_, retry)
    self.live_line:finish()
    render.note(self.stream, string.format("try %d of %d in %g s, after: %s", retry.try, retry.of,
        retry.pause, retry.message))
end

--- Keeps the clock of the live line going.
function Display:live()
    while true do
        task.sleep(PAUSE)
        show_live(self)
    end
end

function Display:interrupted(run)
    self.live_line:finish()
    cli.complain("interrupted", self.step and " at step " .. self.step.id or "",
        "; go on with: salvor run --", self.undoing and "undo " or "resume ", run)
end

-- The lock

--- Tells who works on a place that is only planned for.
function Display:locked(holder, place)
    render.warning(self.stream, "somebody works on " .. place .. " now: "
        .. lease.describe(holder))
end

function Display:took_lock(previous, how)
    self.live_line:finish()
    self.waiting = nil
    render.warning(self.stream, "the lock was that of " .. lease.describe(previous) .. ": "
        .. TAKEN[how])
end

-- Questions

local function can_ask(self)
    return self.is_own and terminal.is_terminal("stdin") and terminal.is_terminal("stderr")
end

--- As ui.confirm, but "typed" is the yes; the live line keeps quiet meanwhile.
local function ask(self, question, options)
    self.live_line:finish()
    self.asking = true
    local yes, err = ui.confirm(question, options)
    self.asking = false
    return yes and "typed", err
end

function Display:confirm(_, loss)
    if self.answers.yes then
        return "--yes"
    end
    return ask(self, "this destroys " .. loss .. ";", {typed = loss})
end

function Display:undo(step)
    if not can_ask(self) then
        return nil
    end
    return ask(self, "undo step " .. step.id .. " (" .. step.title .. ")?")
end

function Display:changed(lines)
    self.live_line:finish()
    for _, line in ipairs(lines) do
        render.warning(self.stream, line)
    end
    if self.answers.accept_changes then
        return "--accept-changes"
    elseif not can_ask(self) then
        return nil, errors.new({
            code = "Refused",
            message = "the cluster has changed since the run stopped: "
                .. table.concat(lines, "; "),
            hint = "put that back, or go on with --accept-changes: then steps are done again where"
                .. " what they did does not hold",
        })
    end
    return ask(self, "the cluster has changed since the run stopped; go on, and do those steps"
        .. " again where what they did does not hold?")
end

--- new(stream, answers) -> observer, see salvor.procedure.session. answers: yes (to each
--- destructive step), accept_changes.
function display.new(stream, answers)
    local is_own = stream == io.stdout or stream == io.stderr
    local self = {
        stream = stream,
        answers = answers or {},
        is_own = is_own,
        on_terminal = is_own and terminal.is_terminal("stderr") and os.getenv("TERM") ~= "dumb",
        live_line = ui.status(),
        stalls = {}, -- what was told last, by what is waited for
        next_line = 0,
    }
    local observer = {}
    for name, method in pairs(Display) do
        observer[name] = function(...)
            local result, err = method(self, ...)
            stream:flush() -- whoever reads a log of it follows it too
            return result, err
        end
    end
    observer.live = self.on_terminal and observer.live or nil
    return observer
end

return display
