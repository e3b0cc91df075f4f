#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/score/known_networks.hpp"

namespace hsconas {

/// What a perfect search of known networks would find: those inside the limits, ranked by F.
struct KnownOptimum {
  std::size_t networks = 0;    ///< Networks inside the latency tolerance.
  std::size_t top = 0;         ///< A thousandth of them, rounded up.
  double top_score = 0.0;      ///< The F of the last of these.
  double best_score = 0.0;     ///< The highest F.
  double best_reported = 0.0;  ///< The highest reported accuracy inside the limits, a fraction.
};

/// The optimum within `latency_tolerance` of the budget, which is widened as a search widens it.
KnownOptimum known_optimum(const KnownNetworks& known, double latency_tolerance);

/// One search on known networks.
struct MethodTrial {
  std::uint64_t seed = 0;          ///< search.seed
  std::vector<double> best_score;  ///< The highest F after each evaluation.
  /// Reported accuracy of the network with that F; its accuracy if none is reported.
  std::vector<double> reported;
  std::size_t until_top = 0;   ///< Evaluations until F reached the top thousandth; 0: never.
  std::size_t until_best = 0;  ///< Evaluations until the highest F; 0: never.
  double seconds = 0.0;        ///< CPU time of the whole search, which evaluates nothing.
};

/// Runs the search of `config` on `known`, with at most `evaluations` evaluations: generations are
/// set so that the population takes them up. `embeddings` are passed to search(). Throws what
/// search() throws. Each call with the same arguments gives the same trial, except for the seconds.
MethodTrial run_trial(KnownNetworks& known, const Config& config, std::uint64_t search_seed,
                      std::size_t evaluations, const KnownOptimum& optimum, const StopToken& stop,
                      const Embeddings* embeddings = nullptr);

}  // namespace hsconas
