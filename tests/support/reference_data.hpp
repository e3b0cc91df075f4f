#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include <zlib.h>

#include "catch.hpp"

namespace hsconas {

/// File `name` in the folder that the environment variable `variable` names or, by default, in
/// ../shared/`fallback` beside the checkout. If it is absent, warns and returns nothing, and the
/// test should check nothing.
inline std::optional<std::filesystem::path> shared_file(const char* variable, const char* fallback,
                                                        const std::string& name) {
  const char* folder = std::getenv(variable);
  const auto root = folder != nullptr
                        ? std::filesystem::path(folder)
                        : std::filesystem::path(HSCONAS_SOURCE_DIR) / "../shared" / fallback;
  if (std::filesystem::exists(root / name)) return root / name;
  WARN("skipped: no reference data at " << (root / name).string());
  return std::nullopt;
}

/// `name` in the folder of reference data (HSCONAS_DATA).
inline std::optional<std::filesystem::path> reference_data(const std::string& name) {
  return shared_file("HSCONAS_DATA", "data", name);
}

/// `name` in the folder of users' inputs (HSCONAS_CASES).
inline std::optional<std::filesystem::path> user_case(const std::string& name) {
  return shared_file("HSCONAS_CASES", "cases", name);
}

/// The lines of a gzip file.
inline std::vector<std::string> gzip_lines(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<std::string> lines;
  char buffer[1 << 12];
  while (gzgets(file.get(), buffer, sizeof buffer) != nullptr) {
    std::string line(buffer);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace hsconas
