# cmake -DIN=page.html -DOUT=page_html.c -DNAME=page_html -P cmake/embed.cmake
# Writes a C file with the bytes of a text file, NUL-terminated, and their number. `@INCLUDE FILE@` is
# replaced by a file beside it.
file(READ ${IN} text)
cmake_path(GET IN PARENT_PATH folder)
string(REGEX MATCHALL "@INCLUDE [a-z_.]+@" marks "${text}")
foreach(mark IN LISTS marks)
  string(REGEX REPLACE "@INCLUDE (.+)@" "\\1" name ${mark})
  file(READ ${folder}/${name} part)
  string(REPLACE "${mark}" "${part}" text "${text}")
endforeach()
string(HEX "${text}" bytes)
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
