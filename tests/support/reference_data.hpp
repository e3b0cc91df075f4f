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

/// `name` in the folder of reference data (HSCONAS_DATA, else ../shared/data beside the checkout),
/// or nothing, with a warning, where it is absent: the test then checks nothing.
inline std::optional<std::filesystem::path> reference_data(const std::string& name) {
  const char* folder = std::getenv("HSCONAS_DATA");
  const auto root = folder != nullptr
                        ? std::filesystem::path(folder)
                        : std::filesystem::path(HSCONAS_SOURCE_DIR) / "../shared/data";
  if (std::filesystem::exists(root / name)) return root / name;
  WARN("skipped: no reference data at " << (root / name).string());
  return std::nullopt;
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
