# Only our own targets link this, so that third-party code is compiled without these warnings.
add_library(hsconas_warnings INTERFACE)
target_compile_options(hsconas_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-braces>
  # GCC takes every .cpp of a unity build for a header, whose unnamed namespaces it warns of.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${HSCONAS_UNITY}>>:-Wno-subobject-linkage>
  $<$<BOOL:${HSCONAS_WERROR}>:-Werror>)

# Sanitizers change the ABI, so the whole build must be compiled and linked with them.
if(HSCONAS_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC gives this warning for sound code in its own headers when it adds the sanitizers' checks.
    target_compile_options(hsconas_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
  add_compile_options(-fsanitize=${HSCONAS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HSCONAS_SANITIZE})
endif()

# The options of files that use Eigen, whose templates are compiled with each of them. Checks of every
# pointer there would make the tests of fits five times slower, and the address sanitizer finds most of
# the same errors. All of these files need the options, because the linker keeps one copy of a template.
set(eigen_options "")
if(HSCONAS_SANITIZE MATCHES undefined)
  set(eigen_options -O2 -fno-sanitize=null,alignment,object-size,pointer-overflow)
endif()

# Adds coverage instrumentation for the fuzzer to all code; the fuzz targets provide its main().
if(HSCONAS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
