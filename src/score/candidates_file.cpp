#include "candidates_file.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// A number that is all of `text`. Latencies may be infinite: a network does not fit the buffer of
/// an accelerator.
double parse_number(const std::string& text, std::string_view column,
                    bool may_be_infinite = false) {
  double value = 0.0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  const bool is_number = std::isfinite(value) || (may_be_infinite && std::isinf(value));
  if (error != std::errc() || end != last || !is_number) {
    throw Error(ErrorKind::Data, fmt::format("{} '{}' is not a number", column, text));
  }
  return value;
}

/// The column `images`: "all", or a count.
constexpr std::string_view kAll = "all";

std::int64_t parse_images(const std::string& text) {
  if (text == kAll) return 0;
  const double images = parse_number(text, "images");
  if (images < 1.0 || images != std::floor(images) || images > 1e15) {
    throw Error(ErrorKind::Data, fmt::format("images '{}' is no count", text));
  }
  return static_cast<std::int64_t>(images);
}

}  // namespace

CandidateLine parse_candidate(const std::string& line, const SearchSpace& space) {
  const auto fields = split(line, ',');
  if (fields.size() != 8) {
    throw Error(ErrorKind::Data, fmt::format("has {} fields, not 8", fields.size()));
  }
  if (fields[7] != crc32_of(line.substr(0, line.rfind(',')))) {
    throw Error(ErrorKind::Data, "does not match its checksum");
  }
  if (fields[0].empty()) throw Error(ErrorKind::Data, "names no weights");
  CandidateLine candidate{.weights = fields[0],
                          .arch = space.canonical(space.decode(fields[1])),
                          .judgement = {.accuracy = parse_number(fields[2], "accuracy"),
                                        .at_most = parse_number(fields[3], "at_most"),
                                        .images = parse_images(fields[4])}};
  const double accuracy = candidate.judgement.accuracy;
  if (accuracy < 0.0 || accuracy > 1.0) {
    throw Error(ErrorKind::Data, fmt::format("accuracy {} is not in [0, 1]", fields[2]));
  }
  parse_number(fields[5], "latency_ms", true);
  parse_number(fields[6], "score");
  return candidate;
}

std::string format_candidate(const std::string& key, const Judgement& judgement,
                             const AccuracyCache::Columns& columns) {
  const std::string line =
      join({key, format_exact(judgement.accuracy), format_exact(judgement.at_most),
            judgement.images == 0 ? std::string(kAll) : std::to_string(judgement.images),
            format_exact(columns.latency_ms), format_exact(columns.score)},
           ",");
  return line + "," + crc32_of(line);
}

}  // namespace hsconas
