# The libraries of the house, each behind one imported or built target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(TSS2 REQUIRED IMPORTED_TARGET tss2-esys tss2-sys tss2-tctildr tss2-mu tss2-rc)
pkg_check_modules(TESSERACT REQUIRED IMPORTED_TARGET tesseract)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
find_package(OpenCV REQUIRED COMPONENTS core imgproc)

# SQLCipher 4.14, its amalgamation fetched and checked by scripts/setup, built static with little in it.
if(LANEWARD_SYSTEM_SQLCIPHER)
  pkg_check_modules(SQLCIPHER REQUIRED IMPORTED_TARGET sqlcipher>=4.6)
  add_library(laneward_sqlcipher INTERFACE)
  target_link_libraries(laneward_sqlcipher INTERFACE PkgConfig::SQLCIPHER)
else()
  set(LANEWARD_SQLCIPHER_DIR ${CMAKE_SOURCE_DIR}/.cache/sqlcipher CACHE PATH "folder of sqlite3.c and sqlite3.h")
  if(NOT EXISTS ${LANEWARD_SQLCIPHER_DIR}/sqlite3.c)
    message(FATAL_ERROR "${LANEWARD_SQLCIPHER_DIR}/sqlite3.c is missing: run scripts/setup first")
  endif()
  add_library(laneward_sqlcipher STATIC ${LANEWARD_SQLCIPHER_DIR}/sqlite3.c)
  target_include_directories(laneward_sqlcipher SYSTEM PUBLIC ${LANEWARD_SQLCIPHER_DIR})
  target_compile_options(laneward_sqlcipher PRIVATE -w -O2 -fPIE)
  target_compile_definitions(laneward_sqlcipher
    PUBLIC SQLITE_HAS_CODEC
    PRIVATE HAVE_STDINT_H=1 HAVE_FDATASYNC=1 SQLITE_TEMP_STORE=3 SQLCIPHER_CRYPTO_OPENSSL SQLITE_EXTRA_INIT=sqlcipher_extra_init
      SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown SQLITE_OMIT_LOAD_EXTENSION SQLITE_OMIT_DEPRECATED
      SQLITE_OMIT_SHARED_CACHE SQLITE_OMIT_JSON SQLITE_OMIT_DESERIALIZE SQLITE_DEFAULT_MEMSTATUS=0
      SQLITE_DQS=0 SQLITE_THREADSAFE=1 SQLITE_MAX_ATTACHED=0 SQLITE_TRUSTED_SCHEMA=0)
  target_link_libraries(laneward_sqlcipher PUBLIC PkgConfig::CRYPTO Threads::Threads ${CMAKE_DL_LIBS} m)
endif()

# A room: a static library with the house's flags.
function(laneward_room NAME)
  add_library(laneward_${NAME} STATIC ${ARGN})
  target_link_libraries(laneward_${NAME} PUBLIC laneward_flags)
endfunction()
