#include "hsconas/report/evaluation.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace hsconas {

namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(part) / static_cast<double>(whole);
}

/// Quotes a name as a CSV cell when necessary (RFC 4180).
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted;
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return fmt::format("\"{}\"", quoted);
}

std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{:.6f}", value);
}

}  // namespace

Evaluation::Evaluation(std::vector<std::string> classes)
    : classes_(std::move(classes)), counts_(classes_.size() * classes_.size(), 0) {}

void Evaluation::add(const float* logits, int label) {
  constexpr int kFive = 5;
  const auto count = static_cast<int>(classes_.size());
  const float own = logits[label];
  int better = 0;
  int answer = label == 0 && count > 1 ? 1 : 0;  // The other class with the largest logit.
  for (int c = 0; c < count; ++c) {
    if (c == label) continue;
    if (!(own > logits[c])) ++better;
    if (logits[c] > logits[answer]) answer = c;
  }
  if (better == 0) answer = label;
  ++counts_[static_cast<std::size_t>(label) * classes_.size() + static_cast<std::size_t>(answer)];
  ++images_;
  right_ += better == 0 ? 1 : 0;
  among_five_ += better < kFive ? 1 : 0;
}

std::int64_t Evaluation::images_of(int label) const {
  const auto row = counts_.begin() + static_cast<std::ptrdiff_t>(label) * std::ssize(classes_);
  return std::accumulate(row, row + std::ssize(classes_), std::int64_t{0});
}

double Evaluation::recall(int label) const {
  return ratio(count(label, label), images_of(label));
}

double Evaluation::precision(int label) const {
  std::int64_t answers = 0;
  for (int other = 0; other < std::ssize(classes_); ++other) answers += count(other, label);
  return ratio(count(label, label), answers);
}

std::string Evaluation::confusion_csv() const {
  std::string text = "label,images,recall,precision";
  for (const std::string& name : classes_) text += fmt::format(",{}", cell(name));
  text += "\n";
  for (int label = 0; label < std::ssize(classes_); ++label) {
    text += fmt::format("{},{},{},{}", cell(classes_[static_cast<std::size_t>(label)]),
                        images_of(label), number(recall(label)), number(precision(label)));
    for (int answer = 0; answer < std::ssize(classes_); ++answer) {
      text += fmt::format(",{}", count(label, answer));
    }
    text += "\n";
  }
  return text;
}

double Evaluation::share(std::int64_t count) const {
  return ratio(count, images_);
}

}  // namespace hsconas
