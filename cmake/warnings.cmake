# Linked by our own targets only, so that third-party code keeps its own rules.
add_library(hsconas_warnings INTERFACE)
target_compile_options(hsconas_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-braces>
  $<$<BOOL:${HSCONAS_WERROR}>:-Werror>)

# Sanitizers change the ABI of everything they touch: compile and link all of the build with them.
if(HSCONAS_SANITIZE)
  add_compile_options(-fsanitize=${HSCONAS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HSCONAS_SANITIZE})
endif()

# Coverage for the fuzzer in all of our code; the fuzz targets bring its main().
if(HSCONAS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# clang-tidy, pinned because each version has other checks. It reads the core only: clang 14 cannot
# parse LibTorch 1.13's headers as C++20.
if(HSCONAS_TIDY)
  find_program(CLANG_TIDY clang-tidy-14)
  if(NOT CLANG_TIDY)
    message(STATUS "clang-tidy-14: absent, the core is not checked with it")
    set(CLANG_TIDY "")
  endif()
endif()
