#include "hsconas/base/output_file.hpp"

#include <filesystem>
#include <map>
#include <system_error>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace fs = std::filesystem;

void check_output(const std::string& out, const std::vector<std::string>& inputs) {
  if (out.empty()) return;
  std::error_code ignored;
  for (const std::string& input : inputs) {
    if (!input.empty() && fs::equivalent(out, input, ignored)) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: cannot write: it is read as well, name another file", out));
    }
  }
  if (fs::is_directory(out, ignored)) {
    throw Error(ErrorKind::Data, fmt::format("{}: cannot write: it is a folder, name a file", out));
  }
  const fs::path folder = fs::path(out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    throw Error(ErrorKind::Data, fmt::format("{}: cannot write: {} is no folder, make it first",
                                             out, folder.string()));
  }
}

void check_different(const std::vector<OutputOption>& outputs) {
  std::map<fs::path, std::string> known;
  for (const OutputOption& output : outputs) {
    if (output.file.empty()) continue;
    std::error_code ignored;
    const auto [other, is_new] =
        known.emplace(fs::weakly_canonical(fs::absolute(output.file), ignored), output.name);
    if (is_new) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: {} and {} would both write it, name different files", output.file,
                            other->second, output.name));
  }
}

}  // namespace hsconas
