# Each library is taken from the system if it is installed, else its pinned release is downloaded.
# Without a network, set FETCHCONTENT_SOURCE_DIR_<NAME> to an unpacked copy.
include(FetchContent)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # The module links some of them, too.

# Finds `name`, version `minimum` or newer, else builds `tag` of `repository`. Sets <name>_VERSION.
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
  include(cmake/torch.cmake)  # First, because its ABI may rule out the system's C++ libraries.
endif()
if(NOT HSCONAS_FUZZ)
  hsconas_require(CLI11 2.1 https://github.com/CLIUtils/CLI11.git v2.4.1)
endif()
hsconas_require(nlohmann_json 3.10 https://github.com/nlohmann/json.git v3.11.3)
hsconas_require(fmt 9 https://github.com/fmtlib/fmt.git 10.1.1)
set(SPDLOG_FMT_EXTERNAL ON)  # A downloaded spdlog uses this fmt, not its bundled copy.
hsconas_require(spdlog 1.9 https://github.com/gabime/spdlog.git v1.15.2)
set(EIGEN_BUILD_DOC OFF)
hsconas_require(Eigen3 3.3 https://gitlab.com/libeigen/eigen.git 3.4.0)

if(HSCONAS_TESTS)
  # Tests link hsconas_catch, which provides main(), Catch2's or with version 2 ours, and lists skipped
  # tests.
  hsconas_require(Catch2 "" https://github.com/catchorg/Catch2.git v3.7.1)
  add_library(hsconas_catch STATIC ${PROJECT_SOURCE_DIR}/tests/main.cpp)
  target_include_directories(hsconas_catch PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  # Headers of another version may be in the compiler's default path, so tests/catch.hpp includes
  # those of HSCONAS_CATCH2_MAJOR.
  if(Catch2_VERSION VERSION_LESS 3)
    target_compile_definitions(hsconas_catch PUBLIC HSCONAS_CATCH2_MAJOR=2)
    target_link_libraries(hsconas_catch PUBLIC Catch2::Catch2)
  else()
    target_compile_definitions(hsconas_catch PUBLIC HSCONAS_CATCH2_MAJOR=3)
    target_link_libraries(hsconas_catch PUBLIC Catch2::Catch2WithMain)
  endif()
endif()

# Libraries that read images. zlib is required; HSCONAS_HAVE_JPEG and HSCONAS_HAVE_PNG are defined
# if libturbojpeg and libpng are found.
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
unset(CMAKE_POSITION_INDEPENDENT_CODE)
