# Each library comes from the system when it is there, else from its pinned release.
# Without a network, FETCHCONTENT_SOURCE_DIR_<NAME> points at an unpacked copy.
include(FetchContent)

# Finds `name`, at `minimum` or newer, else builds `tag` of `repository`; sets <name>_VERSION.
function(hsconas_require name minimum repository tag)
  find_package(${name} ${minimum} CONFIG QUIET)
  if(${name}_FOUND)
    set(version ${${name}_VERSION})
    message(STATUS "${name} ${version}: ${${name}_DIR}")
  else()
    string(REPLACE "v" "" version ${tag})
    message(STATUS "${name} ${version}: not on this system, fetching it")
    FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON SYSTEM)
    FetchContent_MakeAvailable(${name})
  endif()
  set(${name}_VERSION ${version} PARENT_SCOPE)
endfunction()

if(HSCONAS_NN)
  include(cmake/torch.cmake)  # first: its ABI may rule out the system's C++ libraries
  hsconas_require(CLI11 2.1 https://github.com/CLIUtils/CLI11.git v2.4.1)
endif()
hsconas_require(nlohmann_json 3.10 https://github.com/nlohmann/json.git v3.11.3)
hsconas_require(fmt 9 https://github.com/fmtlib/fmt.git 10.1.1)
set(SPDLOG_FMT_EXTERNAL ON)  # a fetched spdlog takes this fmt, not a copy of its own
hsconas_require(spdlog 1.9 https://github.com/gabime/spdlog.git v1.15.2)
set(EIGEN_BUILD_DOC OFF)
hsconas_require(Eigen3 3.3 https://gitlab.com/libeigen/eigen.git 3.4.0)

if(HSCONAS_TESTS)
  # Link hsconas_catch and leave main() to it: version 3 brings one, version 2 needs ours. The file
  # also lists skipped tests.
  hsconas_require(Catch2 "" https://github.com/catchorg/Catch2.git v3.7.1)
  add_library(hsconas_catch INTERFACE)
  target_sources(hsconas_catch INTERFACE ${PROJECT_SOURCE_DIR}/tests/main.cpp)
  # The headers of another version may lie where the compiler looks anyway: tests/catch.hpp takes
  # those of the one that was found.
  if(Catch2_VERSION VERSION_LESS 3)
    target_compile_definitions(hsconas_catch INTERFACE HSCONAS_CATCH2_MAJOR=2)
    target_link_libraries(hsconas_catch INTERFACE Catch2::Catch2)
  else()
    target_compile_definitions(hsconas_catch INTERFACE HSCONAS_CATCH2_MAJOR=3)
    target_link_libraries(hsconas_catch INTERFACE Catch2::Catch2WithMain)
  endif()
endif()

# Reading images. zlib is always there; HSCONAS_HAVE_JPEG and HSCONAS_HAVE_PNG say what else is.
add_library(hsconas_codecs INTERFACE)
find_package(ZLIB REQUIRED)
target_link_libraries(hsconas_codecs INTERFACE ZLIB::ZLIB)

find_package(PNG QUIET)
if(PNG_FOUND)
  message(STATUS "libpng ${PNG_VERSION_STRING}: ${PNG_LIBRARIES}")
  target_link_libraries(hsconas_codecs INTERFACE PNG::PNG)
  target_compile_definitions(hsconas_codecs INTERFACE HSCONAS_HAVE_PNG)
else()
  message(STATUS "libpng: absent, PNG files will not be readable")
endif()

find_path(TURBOJPEG_INCLUDE_DIR turbojpeg.h)
find_library(TURBOJPEG_LIBRARY turbojpeg)
if(TURBOJPEG_INCLUDE_DIR AND TURBOJPEG_LIBRARY)
  message(STATUS "libturbojpeg: ${TURBOJPEG_LIBRARY}")
  target_include_directories(hsconas_codecs SYSTEM INTERFACE ${TURBOJPEG_INCLUDE_DIR})
  target_link_libraries(hsconas_codecs INTERFACE ${TURBOJPEG_LIBRARY})
  target_compile_definitions(hsconas_codecs INTERFACE HSCONAS_HAVE_JPEG)
else()
  message(STATUS "libturbojpeg: absent, JPEG files will not be readable")
endif()
