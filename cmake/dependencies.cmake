# Each library comes from the system when it is there, else from its pinned release.
# Without a network, FETCHCONTENT_SOURCE_DIR_<NAME> points at an unpacked copy.
include(FetchContent)

find_package(nlohmann_json 3.10 QUIET)
if(NOT nlohmann_json_FOUND)
  FetchContent_Declare(nlohmann_json
    GIT_REPOSITORY https://github.com/nlohmann/json.git GIT_TAG v3.11.3 GIT_SHALLOW ON SYSTEM)
  FetchContent_MakeAvailable(nlohmann_json)
endif()

find_package(spdlog 1.9 QUIET)
if(NOT spdlog_FOUND)
  FetchContent_Declare(spdlog
    GIT_REPOSITORY https://github.com/gabime/spdlog.git GIT_TAG v1.15.2 GIT_SHALLOW ON SYSTEM)
  FetchContent_MakeAvailable(spdlog)
endif()
