# `cmake --install` and the Debian package (`cpack` in the build folder): the program and its module,
# manual pages and shell completions, which the program itself writes, and the configs as files to copy
# from. The program needs no other file than the module.
include(GNUInstallDirs)
set(CPACK_PACKAGE_CONTACT "The hsconas authors <hsconas@example.org>" CACHE STRING
  "Maintainer that the Debian package names")
install(TARGETS hsconas RUNTIME DESTINATION bin)
set_target_properties(hsconas PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
if(TARGET hsconas_module)
  # So that the installed module finds a LibTorch that is not the distribution's.
  set_target_properties(hsconas_module PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS hsconas_module LIBRARY DESTINATION ${HSCONAS_MODULE_FOLDER})
endif()
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/hsconas)

set(generated ${PROJECT_BINARY_DIR}/installed)
install(CODE "
  set(program \"$<TARGET_FILE:hsconas>\")
  file(REMOVE_RECURSE \"${generated}\")
  file(MAKE_DIRECTORY \"${generated}/completion\" \"${generated}/doc\")
  execute_process(COMMAND \${program} manual ${generated}/man COMMAND_ERROR_IS_FATAL ANY)
  foreach(shell bash zsh fish)
    execute_process(COMMAND \${program} completion \${shell}
      OUTPUT_FILE ${generated}/completion/\${shell} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  configure_file(\"${PROJECT_SOURCE_DIR}/LICENSE\" \"${generated}/doc/copyright\" COPYONLY)
  configure_file(\"${PROJECT_SOURCE_DIR}/docs/changelog.md\" \"${generated}/doc/changelog\" COPYONLY)
  string(TIMESTAMP now \"%a, %d %b %Y %H:%M:%S +0000\" UTC)
  file(WRITE \"${generated}/doc/changelog.Debian\"
    \"hsconas (${PROJECT_VERSION}-1) unstable; urgency=low\\n\\n  * See changelog.gz.\\n\\n -- \"
    \"${CPACK_PACKAGE_CONTACT}  \${now}\\n\")
  # Debian's archive asks for the number of a bug that a first upload closes; there is no upload.
  file(WRITE \"${generated}/lintian/hsconas\" \"hsconas: initial-upload-closes-no-bugs *\\n\")
  file(GLOB pages \"${generated}/man/*.1\")
  find_program(gzip gzip)
  if(gzip)
    execute_process(COMMAND \${gzip} -9n \${pages} \"${generated}/doc/changelog\"
      \"${generated}/doc/changelog.Debian\"
      COMMAND_ERROR_IS_FATAL ANY)
  endif()")
install(DIRECTORY ${generated}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(DIRECTORY ${generated}/doc/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${generated}/lintian/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
install(FILES ${generated}/completion/bash RENAME hsconas
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${generated}/completion/zsh RENAME _hsconas
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${generated}/completion/fish RENAME hsconas.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hsconas)
set(CPACK_PACKAGE_VENDOR "The hsconas authors")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "convolutional networks for your images, within a latency budget
hsconas searches, on your own images and device, for the convolutional
network with the best accuracy inside a latency budget (HSCoNAS, DATE 2021),
trains it and exports it as TorchScript and ONNX. It also searches networks
together with accelerators that run them.")
include(CPack)
