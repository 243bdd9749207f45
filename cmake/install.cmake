# Programs find their data beside themselves: PREFIX/bin/lanewardd and PREFIX/share/laneward, in the build tree too.
include(GNUInstallDirs)
# `laneward selftest` reads the golden pictures, which show no real vehicle.
file(GLOB SELFTEST CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/golden/*.jpg ${CMAKE_SOURCE_DIR}/tests/golden/*.txt)
list(FILTER SELFTEST EXCLUDE REGEX CMakeLists)
add_custom_target(laneward_data ALL
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/share/laneward
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_SOURCE_DIR}/ocr/models ${CMAKE_BINARY_DIR}/share/laneward/models
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_SOURCE_DIR}/config/regions ${CMAKE_BINARY_DIR}/share/laneward/regions
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/share/laneward/selftest
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${SELFTEST} ${CMAKE_BINARY_DIR}/share/laneward/selftest)
install(FILES ${SELFTEST} DESTINATION ${CMAKE_INSTALL_DATADIR}/laneward/selftest)
install(TARGETS lanewardd laneward RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ocr/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/laneward/models)
install(DIRECTORY config/regions/ DESTINATION ${CMAKE_INSTALL_DATADIR}/laneward/regions)
install(FILES docs/man/laneward.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/laneward.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES docs/man/lanewardd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES packaging/laneward.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES packaging/lanewardd.service DESTINATION lib/systemd/system)
install(FILES packaging/sysusers.conf DESTINATION lib/sysusers.d RENAME laneward.conf)
install(FILES packaging/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME laneward.conf)
