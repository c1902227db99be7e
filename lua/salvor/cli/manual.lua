return {
    summary = "a manual page, for man -l -: of the program, or of the modules for scripts",
    usage = "salvor manual [salvor|salvor-api]",
    arguments = {"[salvor|salvor-api]"},
    run = function(_, words)
        local page = words[1] == "salvor-api" and "api" or "salvor"
        io.stdout:write(require("salvor.manual." .. page)())
        return 0
    end,
}
