#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/base/log.hpp"

namespace hsconas {

/// The damaged images of one split. A few of them are skipped with a warning each; more than 10
/// that are also more than 1 % of the split are an error, because the data set itself is broken.
class Damage {
 public:
  /// `where` names the split, such as "/data/pets/train"; `total` counts sound and damaged images.
  Damage(std::string where, std::int64_t total) : where_(std::move(where)), total_(total) {}

  /// `problem` begins with the path of the file and says what is wrong with it.
  void add(std::string problem) { problems_.push_back(std::move(problem)); }
  std::int64_t count() const { return static_cast<std::int64_t>(problems_.size()); }
  /// The first problem with a file below `folder`; nullptr if there is none.
  const std::string* first_in(const std::string& folder) const;
  const std::string& where() const { return where_; }

  /// Logs a warning for each of the first 20 damaged files and one for the rest, or throws
  /// Error(Data) when there are too many.
  void report(Log& log) const;

 private:
  std::string where_;
  std::int64_t total_;
  std::vector<std::string> problems_;
};

}  // namespace hsconas
