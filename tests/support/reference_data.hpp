#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "support/skip.hpp"

namespace hsconas {

/// The path of `name` in the folder that the environment variable HSCONAS_DATA names or, if it is
/// not set, in ../shared/data next to the checkout; empty if the file does not exist.
inline std::optional<std::filesystem::path> reference_data(const std::string& name) {
  const char* folder = std::getenv("HSCONAS_DATA");
  const auto root = folder != nullptr
                        ? std::filesystem::path(folder)
                        : std::filesystem::path(HSCONAS_SOURCE_DIR) / "../shared/data";
  if (std::filesystem::exists(root / name)) return root / name;
  return std::nullopt;
}

/// The reason that a test gives for skipping, if reference data are absent.
inline std::string no_reference_data(const std::string& name) {
  return "no reference data " + name + " (HSCONAS_DATA)";
}

/// A file of tests/fixtures: a few rows of a reference table, which are part of the repository.
inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(HSCONAS_SOURCE_DIR) / "tests/fixtures" / name;
}

/// Calls `check` with the fixture `few`, then with the whole table `all` if it exists; otherwise
/// the test is listed as checked in part.
template <typename Check>
void check_few_and_all(const std::string& few, const std::string& all, Check check) {
  check(fixture(few));
  if (const auto file = reference_data(all)) {
    check(*file);
  } else {
    skip_part("only " + few + ", " + no_reference_data(all));
  }
}

}  // namespace hsconas
