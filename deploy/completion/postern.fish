# SPDX-License-Identifier: GPL-3.0-or-later
# fish: what postern itself lists in its --help.
function __postern_words
    set -l words (commandline -opc)
    set -l command postern $words[2]
    test "$words[2]" = certs; and set -a command $words[3]
    switch $words[-1]
        case --tls
            printf '%s\n' 1.2 1.3
            return
        case --mqtt
            printf '%s\n' 3.1 3.1.1 5
            return
    end
    $command --help 2>/dev/null | string match -rg '^  (?:-.,|   ) (--[a-z-]+)(?: [A-Za-z:-]+)? +(.*)' | paste - -
    if test (count $words) = 1; or test "$words[2..]" = certs
        $command --help 2>/dev/null | string match -rg '^  ([a-z]+) +(.*)' | paste - -
    end
end
complete -c postern -n '__fish_is_nth_token 1' -f
complete -c postern -a '(__postern_words)'
