# Embeds the configs of this repository in the program, so that it needs no source tree.
file(GLOB shipped_files RELATIVE ${PROJECT_SOURCE_DIR}/configs CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/configs/*.json ${PROJECT_SOURCE_DIR}/configs/spaces/*.json)
set(SHIPPED_FILES "")
foreach(name ${shipped_files})
  file(READ ${PROJECT_SOURCE_DIR}/configs/${name} text)
  string(APPEND SHIPPED_FILES "    {\"${name}\", R\"json(${text})json\"},\n")
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/configs/${name})
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/src/config/shipped_files.hpp.in
  ${PROJECT_BINARY_DIR}/shipped/shipped_files.hpp @ONLY)
target_include_directories(hsconas_core PRIVATE ${PROJECT_BINARY_DIR}/shipped)
