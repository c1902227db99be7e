# shellcheck shell=bash
# Completion for bash. What may come next is asked of salvor itself, so it is what this version
# takes; a row that begins with a tab stands for files.
_salvor() {
    local word row head quote='' rest=${COMP_LINE:0:COMP_POINT} words=() rows=()
    # bash splits words at = : and @, too; salvor wants them whole.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        if [[ $rest == [[:blank:]]* || ${#words[@]} -eq 0 ]]; then
            words+=("$word")
        else
            words[-1]+=$word
        fi
        rest=${rest#*"$word"}
    done
    if [[ $rest == [[:blank:]]* ]]; then
        words+=("${rest#"${rest%%[![:blank:]]*}"}")
    else
        words[-1]+=$rest
    fi
    # Without quotes; variables stay as they are. One that is open is ended by readline.
    [[ ${words[-1]} != *[\"\']* ]] || quote=open
    words=("${words[@]}" "$2")
    words=("${words[@]//\\\\/$'\1'}")
    words=("${words[@]//[\"\'\\]/}")
    words=("${words[@]//$'\1'/\\}")
    head=${words[-2]%"${words[-1]}"}
    unset 'words[-1]'
    COMPREPLY=()
    mapfile -t rows < <("$1" completion bash -- "${words[@]:1}" 2> /dev/null)
    for row in "${rows[@]}"; do
        if [[ $row == $'\t'* ]]; then
            compopt -o default
            continue
        fi
        row=${row%%$'\t'*}
        row=${row#"$head"}
        [[ -n $quote || $row != *[!A-Za-z0-9_./,:=@%+-]* ]] || printf -v row %q "$row"
        COMPREPLY+=("$row")
    done
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace
    fi
}
complete -F _salvor salvor
