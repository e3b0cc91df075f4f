# Embeds the scripts of an edge kit in the program.
set(kit ${PROJECT_SOURCE_DIR}/src/edge/kit)
file(READ ${kit}/run.py KIT_RUN_PY)
file(READ ${kit}/run_trtexec.sh KIT_RUN_TRTEXEC)
configure_file(${kit}/kit_scripts.hpp.in ${PROJECT_BINARY_DIR}/kit/kit_scripts.hpp @ONLY)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${kit}/run.py ${kit}/run_trtexec.sh)
target_include_directories(hsconas_core_brief PRIVATE ${PROJECT_BINARY_DIR}/kit)
