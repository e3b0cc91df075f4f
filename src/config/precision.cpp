#include "hsconas/config/precision.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr const char* kAuto = "auto";

struct Word {
  const char* text;
  Number number;
};
constexpr Word kWords[] = {{"fp32", Number::Fp32}, {"bf16", Number::Bf16}, {"fp16", Number::Fp16}};

/// The words that a kind of device has for a purpose; the first one is "auto".
std::vector<std::string> words_of(Purpose purpose, bool is_cpu) {
  if (purpose == Purpose::Training) {
    return is_cpu ? std::vector<std::string>{"fp32", "bf16"}
                  : std::vector<std::string>{"bf16", "fp32"};
  }
  return is_cpu ? std::vector<std::string>{"fp32", "fp16"}
                : std::vector<std::string>{"fp16", "bf16", "fp32"};
}

}  // namespace

std::vector<std::string> precision_words() {
  std::vector<std::string> words{kAuto};
  for (const Word& word : kWords) words.emplace_back(word.text);
  return words;
}

std::string resolved_precision(std::string_view key, const std::string& word, Purpose purpose,
                               std::string_view device) {
  const std::vector<std::string> words = words_of(purpose, device == "cpu");
  if (word == kAuto) return words.front();
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  throw Error(ErrorKind::Usage,
              fmt::format("{} is \"{}\", but {} on device.type \"{}\" takes {}: set one of these, "
                          "or auto",
                          key, word, purpose == Purpose::Training ? "training" : "scoring", device,
                          join(words, " or ")));
}

Number precision_of(std::string_view key, const std::string& word, Purpose purpose,
                    std::string_view device) {
  const std::string resolved = resolved_precision(key, word, purpose, device);
  return std::find_if(std::begin(kWords), std::end(kWords),
                      [&](const Word& known) { return known.text == resolved; })
      ->number;
}

Config with_resolved_precisions(Config config) {
  std::string& training = config.supernet.precision;
  std::string& scoring = config.score.precision;
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
