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
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND HSCONAS_SANITIZE MATCHES undefined)
    # These checks of every pointer take 40 % of a build's time and most of that of some tests. The
    # address sanitizer finds most of the same errors, and clang, which builds the fuzz targets, has
    # them all.
    add_compile_options(-fno-sanitize=null,alignment,object-size,pointer-overflow)
  endif()
endif()

# Adds coverage instrumentation for the fuzzer to all code; the fuzz targets provide its main().
if(HSCONAS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
