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
#include "hsconas/base/group_files.hpp"
#include "hsconas/score/evaluator.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Accuracies of architectures under given weights. No architecture is evaluated twice under the
/// same weights: results are kept by canonical form, and each new one becomes a line of
/// candidates.csv. A run that was stopped takes its decisions again from that file and evaluates
/// only what is missing. An accuracy depends neither on the latency budget nor on beta or limits,
/// so several objectives can share one cache. Ranks of a group each keep all accuracies, and make
/// the same calls.
///
/// candidates.csv: `weights,arch,accuracy,at_most,images,latency_ms,score,crc32`, numbers as exact
/// decimal text; crc32 is the checksum of the line before its comma. Missing lines are evaluated
/// again. `images` is "all", or the number of images that a candidate was judged on before it was
/// given up: its `accuracy` is then an estimate and `at_most` a bound at the confidence of the
/// search that gave it up. `weights` names the weights ("supernet", "shrink-1", ...): accuracies
/// under other weights do not mix. The columns latency_ms and score follow from the others; they
/// are written for readers of the file and brought up to date when it is read.
class AccuracyCache {
 public:
  /// The evaluator gets at most this many architectures at a time for each rank of the group, and
  /// the file is rewritten after each time: a stop loses no more.
  static constexpr std::size_t kChunk = 16;

  struct Columns {
    double latency_ms = 0.0;
    double score = 0.0;
  };
  using ColumnsOf = std::function<Columns(const Architecture& arch, double accuracy)>;

  /// Keeps accuracies in memory only.
  AccuracyCache(const SearchSpace& space, Evaluator& evaluator)
      : space_(space), evaluator_(evaluator) {}
  /// Also reads and writes `csv`, unless that is empty. Throws Error(Data) that names the file and
  /// line at fault. The referenced objects must outlive the cache.
  AccuracyCache(const SearchSpace& space, Evaluator& evaluator, const std::filesystem::path& csv,
                ColumnsOf columns, const GroupFiles& files = {});

  /// The weights that are evaluated from now on: a name without commas and line ends.
  void set_weights(std::string name);

  /// The accuracy of each architecture on all images, in order. New ones are evaluated in chunks in
  /// the order of first appearance: put architectures that share their first layers side
  /// by side. Throws Error(Internal) when the evaluator's answer is no accuracy.
  /// Cost: those evaluations, and one rewrite of the file per chunk.
  std::vector<double> accuracies(std::span<const Architecture> archs);

  /// Like accuracies(), but the evaluator may give up architectures that will not reach their floor
  /// (race.floors has one per architecture). An architecture that was given up before and may reach
  /// its present floor is evaluated again, on all images.
  std::vector<Judgement> judgements(std::span<const Architecture> archs, const Race& race);

  const SearchSpace& space() const { return space_; }
  /// Architectures that the evaluator was asked for; those read from the file do not count.
  int evaluations() const { return evaluations_; }
  /// The images that these evaluations took, as a number of full evaluations.
  double full_evaluations() const { return full_evaluations_; }

 private:
  std::string key_of(const Architecture& arch) const {
    return weights_ + "," + space_.encode(arch);
  }
  std::string line_of(const std::string& key, const Architecture& arch,
                      const Judgement& judgement) const;
  /// Takes `contents`, what `csv` holds.
  void read(const std::filesystem::path& csv, std::string contents);
  /// Takes one line of the file; returns whether the line must be written anew.
  bool read_line(const std::string& line);
  /// `race` has a floor for each of `archs`.
  void evaluate(std::span<const Architecture> archs, const Race& race);
  void keep(const Architecture& arch, const Judgement& judgement);

  const SearchSpace& space_;
  Evaluator& evaluator_;
  ColumnsOf columns_;
  std::string weights_ = "supernet";
  std::map<std::string, Judgement, std::less<>> known_;  ///< By "weights,arch".
  std::optional<GrowingFile> csv_;
  std::size_t chunk_ = kChunk;
  int evaluations_ = 0;
  double full_evaluations_ = 0.0;
};

}  // namespace hsconas
