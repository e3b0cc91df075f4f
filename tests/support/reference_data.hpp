#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "support/skip.hpp"

namespace hsconas {

/// `name` below HSCONAS_DATA or, where that is not set, below ../shared/data beside the checkout;
/// nothing where it is absent.
inline std::optional<std::filesystem::path> reference_data(const std::string& name) {
  const char* folder = std::getenv("HSCONAS_DATA");
  const auto root = folder != nullptr
                        ? std::filesystem::path(folder)
                        : std::filesystem::path(HSCONAS_SOURCE_DIR) / "../shared/data";
  if (std::filesystem::exists(root / name)) return root / name;
  return std::nullopt;
}

/// The reason of a test that goes without them.
inline std::string no_reference_data(const std::string& name) {
  return "no reference data " + name + " (HSCONAS_DATA)";
}

/// A few rows of a reference table, in every clone.
inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(HSCONAS_SOURCE_DIR) / "tests/fixtures" / name;
}

/// Hands `check` the rows of fixture `few`, then the whole table `all` where it is; where it is
/// not, the test is listed as checked in part.
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
