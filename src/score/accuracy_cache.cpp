#include "hsconas/score/accuracy_cache.hpp"

#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "candidates_file.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr double kNoFloor = -std::numeric_limits<double>::infinity();

/// Architectures with their floors, and what to hold them against.
struct Batch {
  std::vector<Architecture> archs;
  Race race;

  void add(const Architecture& arch, double floor) {
    archs.push_back(arch);
    race.floors.push_back(floor);
  }
};

}  // namespace

AccuracyCache::AccuracyCache(const SearchSpace& space, Evaluator& evaluator,
                             const std::filesystem::path& csv, ColumnsOf columns,
                             const GroupFiles& files)
    : space_(space),
      evaluator_(evaluator),
      columns_(std::move(columns)),
      chunk_(kChunk * static_cast<std::size_t>(files.group()->size())) {
  if (csv.empty()) return;
  csv_.emplace(csv, false, files);
  csv_->append(kCandidatesHeader);
  if (files.exists(csv)) read(csv, files.read(csv));
}

void AccuracyCache::read(const std::filesystem::path& csv, std::string contents) {
  if (contents.ends_with('\n')) contents.pop_back();
  const auto lines = split(contents, '\n');
  const auto fail = [&csv](std::size_t line, std::string_view problem) {
    throw Error(ErrorKind::Data, fmt::format("{}, line {}: {}", csv.string(), line, problem));
  };
  if (lines[0] != kCandidatesHeader) fail(1, fmt::format("must be '{}'", kCandidatesHeader));
  bool changed = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    try {
      changed = read_line(lines[i]) || changed;
    } catch (const Error& error) {
      fail(i + 1,
           fmt::format("{}; remove the line, and its network is scored again", error.what()));
    }
  }
  if (changed) csv_->flush();
}

bool AccuracyCache::read_line(const std::string& line) {
  const CandidateLine candidate = parse_candidate(line, space_);
  const Judgement& judgement = candidate.judgement;
  const std::string key = candidate.weights + "," + space_.encode(candidate.arch);
  const auto [known, is_first] = known_.emplace(key, judgement);
  // A candidate may have been given up once and evaluated on all images later.
  const bool is_new = is_first || (known->second.images != 0 && judgement.images == 0);
  if (!is_new && known->second != judgement) {
    throw Error(ErrorKind::Data, fmt::format("has another accuracy than before for {}", key));
  }
  known->second = judgement;
  if (!is_new) return true;
  const std::string present = line_of(key, candidate.arch, judgement);
  csv_->append(present);
  return present != line;
}

void AccuracyCache::set_weights(std::string name) {
  if (name.empty() || name.find_first_of(",\r\n") != std::string::npos) {
    throw Error(ErrorKind::Internal, fmt::format("'{}' cannot name weights", name));
  }
  if (weights_ != name) evaluator_.forget();
  weights_ = std::move(name);
}

std::string AccuracyCache::line_of(const std::string& key, const Architecture& arch,
                                   const Judgement& judgement) const {
  return format_candidate(key, judgement, columns_(arch, judgement.accuracy));
}

std::vector<double> AccuracyCache::accuracies(std::span<const Architecture> archs) {
  const Race race{.floors = std::vector(archs.size(), kNoFloor), .confidence = 1.0, .rivals = {}};
  std::vector<double> result;
  for (const Judgement& judgement : judgements(archs, race)) result.push_back(judgement.accuracy);
  return result;
}

std::vector<Judgement> AccuracyCache::judgements(std::span<const Architecture> archs,
                                                 const Race& race) {
  std::vector<std::string> keys;
  Batch again;
  Batch missing;
  missing.race.confidence = race.confidence;
  missing.race.rivals = race.rivals;
  std::set<std::string> asked;
  for (std::size_t i = 0; i < archs.size(); ++i) {
    space_.check(archs[i]);
    const Architecture canonical = space_.canonical(archs[i]);
    const std::string& key = keys.emplace_back(key_of(canonical));
    const auto known = known_.find(key);
    if (known != known_.end()) {
      const Judgement& judgement = known->second;
      if (judgement.images == 0 || judgement.at_most < race.floors[i]) continue;
    }
    if (!asked.insert(key).second) continue;
    if (known == known_.end()) {
      missing.add(canonical, race.floors[i]);
    } else {
      again.add(canonical, kNoFloor);
    }
  }
  evaluate(again.archs, again.race);
  evaluate(missing.archs, missing.race);
  std::vector<Judgement> result;
  result.reserve(keys.size());
  for (const std::string& key : keys) result.push_back(known_.at(key));
  return result;
}

void AccuracyCache::evaluate(std::span<const Architecture> archs, const Race& race) {
  for (std::size_t begin = 0; begin < archs.size(); begin += chunk_) {
    const auto chunk = archs.subspan(begin, std::min(chunk_, archs.size() - begin));
    const auto floors = std::span(race.floors).subspan(begin, chunk.size());
    const auto judgements = evaluator_.judge(chunk, {.floors = {floors.begin(), floors.end()},
                                                     .confidence = race.confidence,
                                                     .rivals = race.rivals});
    if (judgements.size() != chunk.size()) {
      throw Error(ErrorKind::Internal, fmt::format("{} accuracies for {} architectures",
                                                   judgements.size(), chunk.size()));
    }
    for (std::size_t i = 0; i < chunk.size(); ++i) keep(chunk[i], judgements[i]);
    if (csv_) csv_->flush();
  }
}

void AccuracyCache::keep(const Architecture& arch, const Judgement& judgement) {
  const std::string key = key_of(arch);
  if (!(judgement.accuracy >= 0.0 && judgement.accuracy <= 1.0)) {
    throw Error(ErrorKind::Internal,
                fmt::format("accuracy {} of {} is not in [0, 1]", judgement.accuracy, key));
  }
  known_.insert_or_assign(key, judgement);
  if (csv_) csv_->append(line_of(key, arch, judgement));
  ++evaluations_;
  full_evaluations_ += judgement.images == 0 ? 1.0
                                             : static_cast<double>(judgement.images) /
                                                   static_cast<double>(evaluator_.images());
}

}  // namespace hsconas
