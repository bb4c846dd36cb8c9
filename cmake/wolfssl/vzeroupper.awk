# SPDX-License-Identifier: GPL-3.0-or-later
# Reads one of wolfSSL's x86-64 assembly files and writes it with `vzeroupper` before each return
# of every function that uses ymm registers and never clears their upper halves. Without it each
# SSE instruction that follows (SHA-NI among them) runs several times slower.
# Functions that were corrected are named on stderr.

function flush_function(    i) {
    for (i = 1; i <= count; i++) {
        if (uses_ymm && !clears && line[i] ~ /^[ \t]*(repz[ \t]+)?retq?[ \t]*$/) {
            print "        vzeroupper"
            print name > "/dev/stderr"
        }
        print line[i]
    }
    count = uses_ymm = clears = inside = 0
}

/^[ \t]*\.type[ \t].*@function/ {
    if (inside) flush_function()
    inside = 1
    name = $2
    sub(/,.*/, "", name)
}

!inside { print; next }

{
    line[++count] = $0
    if ($0 ~ /%ymm/) uses_ymm = 1
    if ($0 ~ /vzeroupper/) clears = 1
    if ($0 ~ /^[ \t]*\.size[ \t]/) flush_function()
}

END { flush_function() }
