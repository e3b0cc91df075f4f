# The program has the whole core and all commands that need no LibTorch. Loading LibTorch takes half a
# second, so the other commands are in a module that the program loads only to run them. The module has
# no copy of the core: it uses the program's functions and global objects.
hsconas_find_files(app_sources src *.cpp app)
add_executable(hsconas ${app_sources})
hsconas_group_files(${app_sources})
target_compile_options(hsconas PRIVATE ${brief_options})
set_target_properties(hsconas PROPERTIES ENABLE_EXPORTS ON)
target_link_libraries(hsconas PRIVATE
  $<LINK_LIBRARY:WHOLE_ARCHIVE,hsconas_core> CLI11::CLI11 ${CMAKE_DL_LIBS} hsconas_warnings)
# In an installation, whose programs are in bin. For a library in a folder of lib itself, CPack would add
# calls of ldconfig to the package, which is no library for others.
set(HSCONAS_MODULE_FOLDER lib/hsconas/module)
set_source_files_properties(src/app/torch_module.cpp PROPERTIES
  COMPILE_DEFINITIONS HSCONAS_MODULE_FOLDER="${HSCONAS_MODULE_FOLDER}")

if(HSCONAS_NN)
  hsconas_find_files(module_sources src *.cpp module)
  add_library(hsconas_module MODULE ${module_sources})
  hsconas_group_files(${module_sources})
  target_compile_options(hsconas_module PRIVATE ${brief_options})
  set_target_properties(hsconas_module PROPERTIES PREFIX "" OUTPUT_NAME hsconas_torch)
  target_link_libraries(hsconas_module PRIVATE hsconas_nn hsconas_warnings)
  add_dependencies(hsconas hsconas_module)  # Whoever builds the program can run all commands.
endif()
