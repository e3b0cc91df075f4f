#include "hsconas/score/scorer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::string_view kHeader = "weights,arch,accuracy,latency_ms,score,crc32";

bool is_accuracy(double value) {
  return value >= 0.0 && value <= 1.0;
}

/// A finite number that is all of `text`.
double parse_number(const std::string& text, std::string_view column) {
  double value = 0.0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || !std::isfinite(value)) {
    throw Error(ErrorKind::Data, fmt::format("{} '{}' is not a number", column, text));
  }
  return value;
}

/// One line of candidates.csv; the two columns that follow from the rest are only checked.
struct Row {
  std::string weights;
  Architecture arch;
  double accuracy = 0.0;
};

Row parse_row(const std::string& line, const SearchSpace& space) {
  const auto fields = split(line, ',');
  if (fields.size() != 6) {
    throw Error(ErrorKind::Data, fmt::format("has {} fields, not 6", fields.size()));
  }
  if (fields[5] != crc32_of(line.substr(0, line.rfind(',')))) {
    throw Error(ErrorKind::Data, "does not match its checksum");
  }
  if (fields[0].empty()) throw Error(ErrorKind::Data, "names no weights");
  Row row{.weights = fields[0],
          .arch = space.canonical(space.decode(fields[1])),
          .accuracy = parse_number(fields[2], "accuracy")};
  if (!is_accuracy(row.accuracy)) {
    throw Error(ErrorKind::Data, fmt::format("accuracy {} is not in [0, 1]", fields[2]));
  }
  parse_number(fields[3], "latency_ms");
  parse_number(fields[4], "score");
  return row;
}

}  // namespace

Scorer::Scorer(const SearchSpace& space, Evaluator& evaluator, const LatencyModel& latency,
               Objective objective, const std::filesystem::path& csv)
    : space_(space), evaluator_(evaluator), latency_(latency), objective_(objective) {
  if (csv.empty()) return;
  csv_.emplace(csv, false);
  csv_->append(kHeader);
  std::error_code unknown;
  if (std::filesystem::exists(csv, unknown)) replay(csv);
}

void Scorer::replay(const std::filesystem::path& csv) {
  std::string contents = read_file(csv);
  if (contents.ends_with('\n')) contents.pop_back();
  const auto lines = split(contents, '\n');
  const auto fail = [&csv](std::size_t line, std::string_view problem) {
    throw Error(ErrorKind::Data, fmt::format("{}, line {}: {}", csv.string(), line, problem));
  };
  if (lines[0] != kHeader) fail(1, fmt::format("must be '{}'", kHeader));
  bool changed = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    try {
      Row row = parse_row(lines[i], space_);
      const std::string key = row.weights + "," + space_.encode(row.arch);
      const auto [known, is_new] = known_.emplace(key, row.accuracy);
      if (known->second != row.accuracy) {
        throw Error(ErrorKind::Data, fmt::format("has another accuracy than before for {}", key));
      }
      const std::string line = line_of(key, candidate(std::move(row.arch), row.accuracy));
      changed = changed || !is_new || line != lines[i];
      if (is_new) csv_->append(line);
    } catch (const Error& error) {
      fail(i + 1, error.what());
    }
  }
  if (changed) csv_->flush();
}

void Scorer::set_weights(std::string name) {
  if (name.empty() || name.find_first_of(",\r\n") != std::string::npos) {
    throw Error(ErrorKind::Internal, fmt::format("'{}' cannot name weights", name));
  }
  weights_ = std::move(name);
}

std::string Scorer::key_of(const Architecture& arch) const {
  return weights_ + "," + space_.encode(arch);
}

Candidate Scorer::candidate(Architecture arch, double accuracy) const {
  const double ms = latency_ms(arch);
  return {.arch = std::move(arch),
          .accuracy = accuracy,
          .latency_ms = ms,
          .score = objective_.score(accuracy, ms)};
}

std::string Scorer::line_of(const std::string& key, const Candidate& candidate) const {
  const std::string line = join({key, format_exact(candidate.accuracy),
                                 format_exact(candidate.latency_ms), format_exact(candidate.score)},
                                ",");
  return line + "," + crc32_of(line);
}

std::vector<Candidate> Scorer::score(std::span<const Architecture> archs) {
  std::vector<Architecture> canonical;
  std::vector<Architecture> missing;
  std::set<std::string> asked;
  for (const Architecture& arch : archs) {
    space_.check(arch);
    canonical.push_back(space_.canonical(arch));
    std::string key = key_of(canonical.back());
    if (!known_.contains(key) && asked.insert(std::move(key)).second) {
      missing.push_back(canonical.back());
    }
  }
  for (std::span<const Architecture> rest = missing; !rest.empty();) {
    const std::size_t count = std::min(rest.size(), kChunk);
    evaluate(rest.first(count));
    rest = rest.subspan(count);
  }
  std::vector<Candidate> candidates;
  for (Architecture& arch : canonical) {
    const double accuracy = known_.at(key_of(arch));
    candidates.push_back(candidate(std::move(arch), accuracy));
  }
  return candidates;
}

void Scorer::evaluate(std::span<const Architecture> archs) {
  const auto accuracies = evaluator_.accuracy(archs);
  if (accuracies.size() != archs.size()) {
    throw Error(ErrorKind::Internal,
                fmt::format("{} accuracies for {} architectures", accuracies.size(), archs.size()));
  }
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const std::string key = key_of(archs[i]);
    if (!is_accuracy(accuracies[i])) {
      throw Error(ErrorKind::Internal,
                  fmt::format("accuracy {} of {} is not in [0, 1]", accuracies[i], key));
    }
    known_.emplace(key, accuracies[i]);
    if (csv_) csv_->append(line_of(key, candidate(archs[i], accuracies[i])));
  }
  evaluations_ += static_cast<int>(archs.size());
  if (csv_) csv_->flush();
}

}  // namespace hsconas
