#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/base/log.hpp"

namespace hsconas {

/// The damaged images of one split, and the rule for them: a few are skipped, each named in a
/// warning; more than 10 that are also more than 1 % of the split mean that the data set itself is
/// broken, which is an error.
class Damage {
 public:
  /// `where` names the split, such as "/data/pets/train"; `total` counts its images, sound or not.
  Damage(std::string where, std::int64_t total) : where_(std::move(where)), total_(total) {}

  /// `problem` names the file and what is wrong with it.
  void add(std::string problem) { problems_.push_back(std::move(problem)); }
  std::int64_t count() const { return static_cast<std::int64_t>(problems_.size()); }
  const std::string& where() const { return where_; }

  /// Warns of each damaged file (of the first 20), or throws Error(Data) as above.
  void report(Log& log) const;

 private:
  std::string where_;
  std::int64_t total_;
  std::vector<std::string> problems_;
};

}  // namespace hsconas
