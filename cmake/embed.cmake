# cmake -DIN=page.html -DOUT=page_html.c -DNAME=page_html -P cmake/embed.cmake
# Writes a C file with the bytes of a text file, NUL-terminated, and their number.
file(READ ${IN} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUT} "#include <stddef.h>
extern const char ${NAME}[];
extern const size_t ${NAME}_length;
const char ${NAME}[] = {
${bytes}'\\0'};
const size_t ${NAME}_length = ${length};
")
