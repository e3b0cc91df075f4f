#pragma once

#include <string>
#include <string_view>

#include "hsconas/score/accuracy_cache.hpp"

namespace hsconas {

inline constexpr std::string_view kCandidatesHeader =
    "weights,arch,accuracy,at_most,images,latency_ms,score,crc32";

/// One line of candidates.csv without the columns that follow from the others.
struct CandidateLine {
  std::string weights;
  Architecture arch;  ///< In canonical form.
  Judgement judgement;
};

/// Throws Error(Data) that says what is wrong with `line`, Error(Usage) for an architecture of
/// another space.
CandidateLine parse_candidate(const std::string& line, const SearchSpace& space);

/// `key` is "weights,arch".
std::string format_candidate(const std::string& key, const Judgement& judgement,
                             const AccuracyCache::Columns& columns);

}  // namespace hsconas
