--- Which key does what: the keys of emacs, as shells have them. The values are names of actions in
--- salvor.prompt.actions; a key of two is pressed one after the other.
return {
    ["C-a"] = "line-begin", Home = "line-begin",
    ["C-e"] = "line-end", End = "line-end",
    ["C-b"] = "left", Left = "left",
    ["C-f"] = "right", Right = "right",
    ["M-b"] = "word-left", ["C-Left"] = "word-left", ["M-Left"] = "word-left",
    ["M-f"] = "word-right", ["C-Right"] = "word-right", ["M-Right"] = "word-right",
    ["M-<"] = "oldest", ["M->"] = "newest",
    ["C-p"] = "up", Up = "up",
    ["C-n"] = "down", Down = "down",
    ["C-Home"] = "begin", ["C-End"] = "end",

    Backspace = "delete-left", ["C-h"] = "delete-left",
    Delete = "delete-right", ["C-d"] = "delete-or-leave",
    ["C-k"] = "kill-line-end", ["C-u"] = "kill-line-begin",
    ["C-w"] = "kill-blank-left", ["M-Backspace"] = "kill-word-left", ["M-C-h"] = "kill-word-left",
    ["M-d"] = "kill-word-right", ["C-Delete"] = "kill-word-right",
    ["C-y"] = "yank", ["M-y"] = "yank-earlier",
    ["C-t"] = "swap-characters",
    ["M-u"] = "upper", ["M-l"] = "lower", ["M-c"] = "capital",
    ["C-_"] = "undo", ["C-x C-u"] = "undo",

    Enter = "accept", ["C-j"] = "accept", ["C-m"] = "accept", KPEnter = "accept",
    ["M-Enter"] = "new-line", ["C-o"] = "new-line",
    Tab = "complete", ["C-i"] = "complete", ["S-Tab"] = "complete-back",
    ["C-r"] = "search", ["C-s"] = "search-forward",
    ["C-g"] = "give-up", Escape = "give-up",
    ["C-c"] = "drop", ["C-x C-c"] = "drop", ["C-l"] = "clear", ["C-z"] = "suspend",
    ["C-x C-e"] = "edit",
}
