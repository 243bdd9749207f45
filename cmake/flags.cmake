# Warnings are errors, asserts stay on in every build, sanitizers by preset.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

add_library(laneward_flags INTERFACE)
target_include_directories(laneward_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(laneward_flags INTERFACE _GNU_SOURCE LANEWARD_VERSION="${PROJECT_VERSION}")
target_compile_options(laneward_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wtype-limits -Wvla -Wformat=2 -Wundef -Wcast-qual -Wpointer-arith
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition>
  -fstack-protector-strong -fno-omit-frame-pointer -fPIE)
target_link_options(laneward_flags INTERFACE -pie -Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(laneward_flags INTERFACE -D_FORTIFY_SOURCE=2)
endif()
if(LANEWARD_SANITIZE)
  target_compile_options(laneward_flags INTERFACE -fsanitize=${LANEWARD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(laneward_flags INTERFACE -fsanitize=${LANEWARD_SANITIZE})
  target_compile_definitions(laneward_flags INTERFACE LANEWARD_SANITIZED=1)
endif()
if(LANEWARD_FUZZ)
  target_compile_options(laneward_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
