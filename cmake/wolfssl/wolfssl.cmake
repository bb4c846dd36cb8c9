# SPDX-License-Identifier: GPL-3.0-or-later
# The target `wolfssl`: the pinned, tuned release, built once for all presets, or the system's.

option(POSTERN_GCM_TABLE "for processors without AES instructions: 1 KiB more per connection" OFF)
option(POSTERN_SYSTEM_WOLFSSL "link the system's wolfSSL (slower: see docs/decisions)" OFF)
set(POSTERN_WOLFSSL_TARBALL "" CACHE FILEPATH "wolfSSL's source, in place of a download")
set(POSTERN_WOLFSSL_DIR ${PROJECT_SOURCE_DIR}/build CACHE PATH "where wolfSSL is built")

if(POSTERN_SYSTEM_WOLFSSL)
  pkg_check_modules(WOLFSSL REQUIRED IMPORTED_TARGET wolfssl)
  add_library(wolfssl INTERFACE)
  target_link_libraries(wolfssl INTERFACE PkgConfig::WOLFSSL m Threads::Threads)
  target_compile_definitions(wolfssl INTERFACE POSTERN_SYSTEM_WOLFSSL=1)
  return()
endif()

# The library is C, so that one serves gcc's and clang's builds; gcc's assembler takes all of it.
set(wolfssl_cc ${CMAKE_C_COMPILER})
find_program(POSTERN_GCC gcc)
mark_as_advanced(POSTERN_GCC)
if(POSTERN_GCC AND NOT CMAKE_CROSSCOMPILING)
  set(wolfssl_cc ${POSTERN_GCC})
endif()
set(wolfssl_definitions WOLFSSL_USER_SETTINGS)
if(POSTERN_GCM_TABLE)
  list(APPEND wolfssl_definitions POSTERN_GCM_TABLE)
  string(APPEND wolfssl_cc " -DPOSTERN_GCM_TABLE")
endif()
set(wolfssl_processor ${CMAKE_SYSTEM_PROCESSOR})
if(wolfssl_processor STREQUAL "AMD64")
  set(wolfssl_processor x86_64)
elseif(wolfssl_processor STREQUAL "arm64")
  set(wolfssl_processor aarch64)
endif()

# A changed recipe is another directory.
set(recipe ${wolfssl_cc} ${wolfssl_processor})
file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.[ch]
  ${CMAKE_CURRENT_LIST_DIR}/build.sh ${CMAKE_CURRENT_LIST_DIR}/sources.sh
  ${CMAKE_CURRENT_LIST_DIR}/vzeroupper.awk)
foreach(file ${files})
  file(SHA256 ${file} hash)
  list(APPEND recipe ${hash})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endforeach()
string(SHA256 recipe "${recipe}")
string(SUBSTRING ${recipe} 0 12 recipe)
set(wolfssl_prefix ${POSTERN_WOLFSSL_DIR}/wolfssl-5.9.2-${recipe})

if(NOT EXISTS ${wolfssl_prefix}/lib/libwolfssl.a)
  execute_process(
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/build.sh
      ${wolfssl_prefix} ${wolfssl_cc} ${wolfssl_processor} ${POSTERN_WOLFSSL_TARBALL}
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "wolfSSL could not be built")
  endif()
endif()

add_library(wolfssl STATIC IMPORTED GLOBAL)
set_target_properties(wolfssl PROPERTIES
  IMPORTED_LOCATION ${wolfssl_prefix}/lib/libwolfssl.a
  INTERFACE_COMPILE_DEFINITIONS "${wolfssl_definitions}"
  INTERFACE_INCLUDE_DIRECTORIES ${wolfssl_prefix}/include
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${wolfssl_prefix}/include
  INTERFACE_LINK_LIBRARIES "m;Threads::Threads")
