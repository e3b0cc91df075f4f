#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/score/scorer.hpp"
#include "hsconas/shrink/progressive.hpp"
#include "hsconas/space/network_region.hpp"

namespace hsconas {

/// The name of stage `index` of shrinking, counted from 0, in logs and files: "shrink-1".
std::string shrink_stage_name(std::size_t index);

/// What a shrinking stage works with.
struct ShrinkTools {
  Scorer& scorer;  ///< Under the weights of the stage before.
  std::uint64_t seed = 0;
  Log& log;
  GroupStop stop;
};

/// One region that locality shrinking tried: the first is the one from which the stage starts.
struct ShrinkRound {
  double log10_size = 0.0;  ///< See log10_different().
  int samples = 0;          ///< Networks of the region that were scored.
  double mean = 0.0;        ///< Mean F of these.
  double standard_error = 0.0;
  bool is_kept = true;  ///< False if the region before is what is left.
};

struct ShrunkRegion {
  std::shared_ptr<const NetworkRegion> region;
  /// The decisions of a shrinker that decides layer by layer.
  std::vector<LayerDecision> decisions{};
  /// The regions that a shrinker tried one after the other.
  std::vector<ShrinkRound> rounds{};
  std::vector<Candidate> best{};  ///< See best_members().
};

/// The 20 best of `scored` that lie in `region`, best first, each network once.
std::vector<Candidate> best_members(const NetworkRegion& region,
                                    std::span<const ScoredNetwork> scored);

/// What a stage will do, before anything is known about the networks.
struct ShrinkForecast {
  std::string what;         ///< "2 layers".
  int evaluations = 0;      ///< At most.
  double log10_size = 0.0;  ///< Of the region that it leaves; at most.
  /// In the middle of the layers whose operators are compared in the same networks, which share
  /// work; -1: it compares none.
  int middle_layer = -1;
};

/// A row of the table of shrinkers. A shrinker takes a region and gives a smaller one, stage by
/// stage (config.stages); between stages the supernet is tuned to the region that is left.
struct Shrinker {
  std::string_view name;     ///< The word for shrink.method.
  std::string_view meaning;  ///< What it does, in a line of help.
  /// Stage `stage` of a region that the stages before have shrunk. Throws Error(Interrupted) when a
  /// stop is requested; the same seed takes the same decisions again, so that a stage can be
  /// repeated from candidates.csv.
  ShrunkRegion (*shrink)(const NetworkRegion& region, const ShrinkConfig& config, std::size_t stage,
                         const ShrinkTools& tools);
  ShrinkForecast (*forecast)(const ShrinkConfig& config, std::size_t stage,
                             const SearchSpace& space, double log10_size);
};

/// All of them; the first is the default. To add one, write src/shrink/<name>.cpp and add a line to
/// the list in src/shrink/shrinkers.cpp.
std::span<const Shrinker> shrinkers();

/// Throws Error(Usage) that lists the known names.
const Shrinker& find_shrinker(std::string_view name);

/// One line per shrinking stage: its layers, its evaluations, and the size of the space before and
/// after it.
std::string describe_shrinking(const ShrinkConfig& config, const SearchSpace& space);

}  // namespace hsconas
