# The Debian package: `cpack -G DEB --config build/release/CPackConfig.cmake`, as ./dev package
# does.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rruled)
set(CPACK_PACKAGE_VENDOR rruled)
set(CPACK_PACKAGE_CONTACT "${RRULED_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# The recurrence library is installed for other programs, but is no part of the daemon's package.
set(CPACK_COMPONENTS_ALL daemon package)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)

# Of the package alone: what is outside the prefix, and what Debian wants.
set(document ${CMAKE_INSTALL_DOCDIR})
install(FILES rruled.toml DESTINATION /etc/rruled COMPONENT package EXCLUDE_FROM_ALL)
install(FILES debian/copyright ${RRULED_MANUAL}/changelog.gz DESTINATION ${document}
  COMPONENT package EXCLUDE_FROM_ALL)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "init-system-helpers (>= 1.52), systemd | systemd-standalone-sysusers"
  "systemd | systemd-standalone-tmpfiles, tzdata")
list(JOIN CPACK_DEBIAN_PACKAGE_DEPENDS ", " CPACK_DEBIAN_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, systemd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-client, prometheus")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "schedule daemon for recurring flow runs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "rruled reads schedules (recurrence rules of RFC 5545 in IANA time zones),
fires each occurrence at its time over HTTP or by starting a command, and
writes down what became of it: no silent hour when the clocks change, no
occurrence without an account, bounded catch-up after an outage.

One process and one SQLite file; or several equal daemons on one PostgreSQL.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(script postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/debian/${script})
endforeach()
include(CPack)
