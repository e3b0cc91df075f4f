# Linked by our own targets only, so that third-party code keeps its own rules.
add_library(hsconas_warnings INTERFACE)
target_compile_options(hsconas_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers
  $<$<BOOL:${HSCONAS_WERROR}>:-Werror>)

# Sanitizers change the ABI of everything they touch: compile and link all of the build with them.
if(HSCONAS_SANITIZE)
  add_compile_options(-fsanitize=${HSCONAS_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HSCONAS_SANITIZE})
endif()
