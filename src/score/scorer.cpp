#include "hsconas/score/scorer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::string_view kHeader = "weights,arch,accuracy,at_most,images,latency_ms,score,crc32";

Scorer::Floor no_floor() {
  return {.score = -std::numeric_limits<double>::infinity(), .confidence = 1.0, .rivals = {}};
}

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

/// One line of candidates.csv; the two columns that follow from the rest are only checked.
struct Row {
  std::string weights;
  Architecture arch;
  Judgement judgement;
};

Row parse_row(const std::string& line, const SearchSpace& space) {
  const auto fields = split(line, ',');
  if (fields.size() != 8) {
    throw Error(ErrorKind::Data, fmt::format("has {} fields, not 8", fields.size()));
  }
  if (fields[7] != crc32_of(line.substr(0, line.rfind(',')))) {
    throw Error(ErrorKind::Data, "does not match its checksum");
  }
  if (fields[0].empty()) throw Error(ErrorKind::Data, "names no weights");
  Row row{.weights = fields[0],
          .arch = space.canonical(space.decode(fields[1])),
          .judgement = {.accuracy = parse_number(fields[2], "accuracy"),
                        .at_most = parse_number(fields[3], "at_most"),
                        .images = parse_images(fields[4])}};
  if (!is_accuracy(row.judgement.accuracy)) {
    throw Error(ErrorKind::Data, fmt::format("accuracy {} is not in [0, 1]", fields[2]));
  }
  parse_number(fields[5], "latency_ms");
  parse_number(fields[6], "score");
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
      const auto [known, is_first] = known_.emplace(key, row.judgement);
      // Given up once, judged on all images later.
      const bool is_new = is_first || (known->second.images != 0 && row.judgement.images == 0);
      if (!is_new && known->second != row.judgement) {
        throw Error(ErrorKind::Data, fmt::format("has another accuracy than before for {}", key));
      }
      known->second = row.judgement;
      const std::string line = line_of(key, candidate(std::move(row.arch), row.judgement));
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
  if (weights_ != name) evaluator_.forget();
  weights_ = std::move(name);
}

std::string Scorer::key_of(const Architecture& arch) const {
  return weights_ + "," + space_.encode(arch);
}

Candidate Scorer::candidate(Architecture arch, const Judgement& judgement) const {
  const double ms = latency_ms(arch);
  return {.arch = std::move(arch),
          .accuracy = judgement.accuracy,
          .latency_ms = ms,
          .score = objective_.score(judgement.accuracy, ms),
          .at_most = judgement.at_most,
          .images = judgement.images};
}

std::string Scorer::line_of(const std::string& key, const Candidate& candidate) const {
  const std::string line =
      join({key, format_exact(candidate.accuracy), format_exact(candidate.at_most),
            candidate.images == 0 ? std::string(kAll) : std::to_string(candidate.images),
            format_exact(candidate.latency_ms), format_exact(candidate.score)},
           ",");
  return line + "," + crc32_of(line);
}

double Scorer::accuracy_floor(const Architecture& arch, double floor) const {
  return floor - objective_.score(0.0, latency_ms(arch));
}

std::vector<Candidate> Scorer::score(std::span<const Architecture> archs) {
  return score_above(archs, no_floor());
}

std::vector<Candidate> Scorer::score_above(std::span<const Architecture> archs,
                                           const Floor& floor) {
  std::vector<Architecture> canonical;
  std::vector<Architecture> missing;
  std::vector<Architecture> again;  // Given up before, under a higher floor.
  std::set<std::string> asked;
  for (const Architecture& arch : archs) {
    space_.check(arch);
    canonical.push_back(space_.canonical(arch));
    const std::string key = key_of(canonical.back());
    const auto known = known_.find(key);
    if (known != known_.end()) {
      const Judgement& judgement = known->second;
      if (judgement.images == 0 || judgement.at_most < accuracy_floor(arch, floor.score)) continue;
    }
    if (!asked.insert(key).second) continue;
    (known == known_.end() ? missing : again).push_back(canonical.back());
  }
  evaluate(again, no_floor());
  evaluate(missing, floor);
  std::vector<Candidate> candidates;
  for (Architecture& arch : canonical) {
    const Judgement judgement = known_.at(key_of(arch));
    candidates.push_back(candidate(std::move(arch), judgement));
  }
  return candidates;
}

void Scorer::evaluate(std::span<const Architecture> archs, const Floor& floor) {
  if (archs.size() > kChunk) {
    evaluate(archs.first(kChunk), floor);
    evaluate(archs.subspan(kChunk), floor);
    return;
  }
  if (archs.empty()) return;
  Race race{.floors = {}, .confidence = floor.confidence, .rivals = floor.rivals};
  for (const Architecture& arch : archs) race.floors.push_back(accuracy_floor(arch, floor.score));
  const auto judgements = evaluator_.judge(archs, race);
  if (judgements.size() != archs.size()) {
    throw Error(ErrorKind::Internal,
                fmt::format("{} accuracies for {} architectures", judgements.size(), archs.size()));
  }
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const Judgement& judgement = judgements[i];
    const std::string key = key_of(archs[i]);
    if (!is_accuracy(judgement.accuracy)) {
      throw Error(ErrorKind::Internal,
                  fmt::format("accuracy {} of {} is not in [0, 1]", judgement.accuracy, key));
    }
    known_.insert_or_assign(key, judgement);
    if (csv_) csv_->append(line_of(key, candidate(archs[i], judgement)));
    ++evaluations_;
    full_evaluations_ += judgement.images == 0 ? 1.0
                                               : static_cast<double>(judgement.images) /
                                                     static_cast<double>(evaluator_.images());
  }
  if (csv_) csv_->flush();
}

}  // namespace hsconas
