---@meta salvor.proc

--- Other programs, never through a shell: each argument arrives as it is.
local proc = {}

---@class salvor.ProcOptions
---@field stdin? string What the program reads; nothing otherwise.
---@field env? table<string, string|false> Merged over our environment; false removes a name.
---@field cwd? string Its working folder.
---@field timeout? number Seconds; then the program and what it started are ended: `Timeout`.
---@field limit? integer Bytes of each output, 64 MiB; one that writes more is ended: `TooLarge`.

---@class salvor.ProcResult
---@field code integer Exit code, or 128 + signal.
---@field stdout string
---@field stderr string
---@field signal? integer The signal that ended it.

--- Runs a program to its end; an exit code other than 0 is a result, not an error. The name is
--- looked up on PATH, that of `env` when it has one. The program has a process group of its own
--- and cannot ask on the terminal. When the task is cancelled the group gets SIGTERM and, 2 seconds
--- later, SIGKILL; the call ends when the program is gone.
---
--- A process that the program leaves behind is not waited for: its output is read for one more
--- second.
---@param argv string[] The program and its arguments.
---@param options? salvor.ProcOptions
---@return salvor.ProcResult?
---@return salvor.Error? err `NotFound` or `Forbidden` when it cannot be run; `Timeout`, `TooLarge`
--- with what it had written: `details.stdout`, `details.stderr`.
function proc.run(argv, options) end

--- The path of the program that `run` would start.
---@param name string
---@return string? path
---@return salvor.Error? err `NotFound`
function proc.which(name) end

--- The number of this process.
---@return integer
function proc.pid() end

return proc
