# SPDX-License-Identifier: GPL-3.0-or-later
# bash: what postern itself lists in its --help.
_postern_words() { # COMMAND...: its subcommands or actions, and its options
    "$@" --help 2>/dev/null | sed -nE \
        -e 's/^  ([a-z]+) .*/\1/p' \
        -e 's/^  (-.,|   ) (--[a-z-]+).*/\2/p'
}

_postern() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=("${COMP_WORDS[0]}")
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then command+=("${COMP_WORDS[1]}"); fi
    if ((COMP_CWORD > 2)) && [ "${COMP_WORDS[1]}" = certs ]; then command+=("${COMP_WORDS[2]}"); fi
    case $before in
    --tls) COMPREPLY=($(compgen -W "1.2 1.3" -- "$word")) && return ;;
    --mqtt) COMPREPLY=($(compgen -W "3.1 3.1.1 5" -- "$word")) && return ;;
    --key) [ "${COMP_WORDS[1]}" = certs ] && COMPREPLY=($(compgen -W "ecdsa rsa" -- "$word")) && return ;;
    -c | --config | --ca | --cert | --certificate | --password-file) COMPREPLY=($(compgen -f -- "$word")) && return ;;
    esac
    [[ $word = -* ]] || ((${#command[@]} == 1)) || { [ "${command[*]:1}" = certs ]; } || return
    COMPREPLY=($(compgen -W "$(_postern_words "${command[@]}")" -- "$word"))
}
complete -o default -o filenames -F _postern postern
