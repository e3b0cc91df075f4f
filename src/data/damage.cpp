#include "hsconas/data/damage.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

const std::string* Damage::first_in(const std::string& folder) const {
  const auto found =
      std::find_if(problems_.begin(), problems_.end(), [&](const std::string& problem) {
        return problem.starts_with(folder) && problem.substr(folder.size()).starts_with('/');
      });
  return found == problems_.end() ? nullptr : &*found;
}

void Damage::report(Log& log) const {
  constexpr std::int64_t kTolerated = 10;
  constexpr std::int64_t kTotalPerTolerated = 100;
  constexpr std::size_t kNamed = 20;
  if (count() > kTolerated && count() * kTotalPerTolerated > total_) {
    throw Error(
        ErrorKind::Data,
        fmt::format("{}: {} of {} images are damaged; restore or delete them (the first: {})",
                    where_, count(), total_, problems_.front()));
  }
  const std::size_t named = std::min(problems_.size(), kNamed);
  for (std::size_t i = 0; i < named; ++i) log.warn("skipped " + problems_[i]);
  if (problems_.size() > named) {
    log.warn(fmt::format("skipped {} more damaged images in {}", problems_.size() - named, where_));
  }
}

}  // namespace hsconas
