# Embeds the configs of this repository in the program, so that it needs no source tree.
file(GLOB_RECURSE shipped_files RELATIVE ${PROJECT_SOURCE_DIR}/configs CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/configs/*.json)
set(EMBEDDED_FILES "")
foreach(name ${shipped_files})
  file(READ ${PROJECT_SOURCE_DIR}/configs/${name} text)
  string(APPEND EMBEDDED_FILES "    {\"${name}\", R\"json(${text})json\"},\n")
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/configs/${name})
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/src/base/embedded_files.hpp.in
  ${PROJECT_BINARY_DIR}/shipped/embedded_files.hpp @ONLY)
target_include_directories(hsconas_core PRIVATE ${PROJECT_BINARY_DIR}/shipped)
