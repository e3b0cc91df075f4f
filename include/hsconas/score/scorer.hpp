#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/files.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/score/objective.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// An architecture with everything that is known about it.
struct Candidate {
  Architecture arch;
  double accuracy = 0.0;    ///< Fraction in [0, 1].
  double latency_ms = 0.0;  ///< Predicted.
  double score = 0.0;       ///< F.
};

/// Scores architectures and never scores one twice: results are kept by canonical form, and every
/// new one becomes a line of candidates.csv. A run that was stopped replays its decisions from that
/// file and asks the evaluator only for what is missing.
///
/// candidates.csv: `weights,arch,accuracy,latency_ms,score,crc32`, numbers as exact decimal text;
/// crc32 is the checksum of the line before its comma. Lines that are missing are scored again.
/// `weights` names the supernet weights that were judged ("supernet", "shrink-1", ...): accuracies
/// under other weights do not mix. Only accuracies are taken over from the file; where the latency
/// model or the target changed since, the other two columns are brought up to date.
class Scorer {
 public:
  /// The evaluator is asked for at most this many at once, and the file is rewritten after each
  /// time: a stop loses no more.
  static constexpr std::size_t kChunk = 16;

  /// Reads what `csv` already holds; throws Error(Data) that names the file and line at fault. With
  /// an empty path nothing is read or written. The referenced objects must outlive this one.
  Scorer(const SearchSpace& space, Evaluator& evaluator, const LatencyModel& latency,
         Objective objective, const std::filesystem::path& csv = {});

  /// The weights that are judged from now on: a name without commas and line ends.
  void set_weights(std::string name);

  /// One candidate per architecture, in order; each holds the canonical form. Asks the evaluator
  /// once for each canonical form it has not seen under the present weights, in chunks of kChunk in
  /// the order of first appearance: put architectures that share their first layers side by side.
  /// Throws Error(Internal) when the evaluator's answer is no accuracy.
  /// Cost: those evaluations, and one rewrite of the file per chunk.
  std::vector<Candidate> score(std::span<const Architecture> archs);

  /// Latency and its relative distance from T; free of evaluations.
  double latency_ms(const Architecture& arch) const { return latency_.predict_ms(arch); }
  double gap(const Architecture& arch) const { return objective_.gap(latency_ms(arch)); }

  const SearchSpace& space() const { return space_; }
  const LatencyModel& latency() const { return latency_; }
  const Objective& objective() const { return objective_; }
  /// Architectures the evaluator was asked for by this object: replayed ones do not count.
  int evaluations() const { return evaluations_; }

 private:
  std::string key_of(const Architecture& arch) const;
  Candidate candidate(Architecture arch, double accuracy) const;
  std::string line_of(const std::string& key, const Candidate& candidate) const;
  void replay(const std::filesystem::path& csv);
  void evaluate(std::span<const Architecture> archs);

  const SearchSpace& space_;
  Evaluator& evaluator_;
  const LatencyModel& latency_;
  Objective objective_;
  std::string weights_ = "supernet";
  std::map<std::string, double, std::less<>> known_;  ///< "weights,arch" -> accuracy.
  std::optional<GrowingFile> csv_;
  int evaluations_ = 0;
};

}  // namespace hsconas
