# Programs find their data beside themselves: PREFIX/bin/lanewardd and PREFIX/share/laneward, in the build tree too.
include(GNUInstallDirs)
add_custom_target(laneward_data ALL
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/share/laneward
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_SOURCE_DIR}/ocr/models ${CMAKE_BINARY_DIR}/share/laneward/models
  COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_SOURCE_DIR}/config/regions ${CMAKE_BINARY_DIR}/share/laneward/regions)
install(TARGETS lanewardd laneward RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ocr/models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/laneward/models)
install(DIRECTORY config/regions/ DESTINATION ${CMAKE_INSTALL_DATADIR}/laneward/regions)
