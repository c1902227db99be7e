# Completion for fish. What may come next is asked of salvor itself, so it is what this version
# takes; a row that begins with a tab stands for files.
function __salvor_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l token (commandline --cut-at-cursor --current-token)
    for row in ($words[1] completion fish -- $words[2..-1] "$token" 2>/dev/null)
        if string match --quiet \t'*' -- $row
            set -l head (string match --regex '^.*=' -- $token)
            for path in (__fish_complete_path (string replace -- "$head" '' "$token"))
                echo "$head$path"
            end
        else
            echo $row
        end
    end
end
complete --command salvor --no-files --arguments '(__salvor_complete)'
