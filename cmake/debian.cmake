# SPDX-License-Identifier: GPL-3.0-or-later
# What is installed, as Debian wants it: /etc in place of /usr/etc, compressed manual pages, its names
# for the licence and the changes. CPack runs this on the files that it is about to pack.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
file(RENAME ${root}/usr/etc ${root}/etc)
set(doc ${root}/usr/share/doc/postern)
file(REMOVE ${doc}/LICENSE)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../deploy/debian/copyright ${doc}/copyright)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../deploy/debian/changelog ${doc}/changelog.Debian)
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
file(GLOB pages ${root}/usr/share/man/*/*)
execute_process(COMMAND gzip -9n ${pages} ${doc}/changelog ${doc}/changelog.Debian
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND chmod -R g-w ${root} COMMAND_ERROR_IS_FATAL ANY)
