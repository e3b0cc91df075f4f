#include "hsconas/config/precision.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// The precisions that a kind of device supports for `purpose`; Auto means the first one.
std::vector<Precision> precisions_of(Purpose purpose, bool is_cpu) {
  if (purpose == Purpose::Training) {
    return is_cpu ? std::vector{Precision::Fp32, Precision::Bf16}
                  : std::vector{Precision::Bf16, Precision::Fp32};
  }
  return is_cpu ? std::vector{Precision::Fp32, Precision::Fp16}
                : std::vector{Precision::Fp16, Precision::Bf16, Precision::Fp32};
}

}  // namespace

Precision resolved_precision(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device) {
  const std::vector<Precision> known = precisions_of(purpose, device == "cpu");
  if (precision == Precision::Auto) return known.front();
  if (std::find(known.begin(), known.end(), precision) != known.end()) return precision;
  std::vector<std::string> words;
  words.reserve(known.size());
  for (const Precision one : known) words.emplace_back(word_of(one));
  throw Error(
      ErrorKind::Usage,
      fmt::format("{} is \"{}\", but {} on device.type \"{}\" supports {}: set one of these, "
                  "or auto",
                  key, word_of(precision), purpose == Purpose::Training ? "training" : "scoring",
                  device, join(words, " or ")));
}

ComputePolicy compute_policy(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device) {
  ComputePolicy policy{.device = std::string(device)};
  switch (resolved_precision(key, precision, purpose, device)) {
    case Precision::Bf16:
      policy.precision = Number::Bf16;
      break;
    case Precision::Fp16:
      policy.precision = Number::Fp16;
      break;
    case Precision::Auto:
    case Precision::Fp32:
      break;
  }
  return policy;
}

Config with_resolved_precisions(Config config) {
  Precision& training = config.supernet.precision;
  Precision& scoring = config.score.precision;
  const std::string& device = config.device.type;
  training = resolved_precision("supernet.precision", training, Purpose::Training, device);
  scoring = resolved_precision("score.precision", scoring, Purpose::Scoring, device);
  return config;
}

void check_precisions(const Config& config) {
  const std::string& device = config.device.type;
  resolved_precision("supernet.precision", config.supernet.precision, Purpose::Training, device);
  resolved_precision("retrain.precision", config.retrain.precision, Purpose::Training, device);
  resolved_precision("score.precision", config.score.precision, Purpose::Scoring, device);
}

}  // namespace hsconas
