#pragma once

#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/space/region.hpp"

namespace hsconas {

class Embeddings;

/// How good an individual is. Those inside the limits precede those outside; inside, the higher
/// score wins, and of equal scores the lower cost; outside, the smaller violation.
struct Fitness {
  double violation = 0.0;  ///< By how much the limits are exceeded; 0 inside.
  double score = 0.0;      ///< F of a network, the accuracy of a network on an accelerator.
  double cost = 0.0;
  /// What a method that looks for a front minimises, each for itself: of a network the error, 1 -
  /// accuracy, and the latency in ms. All individuals of a problem have equally many. Empty: there
  /// is the score only.
  std::vector<double> objectives{};

  bool operator==(const Fitness&) const = default;
};

/// Whether `a` is strictly better than `b`.
bool is_fitter(const Fitness& a, const Fitness& b);

/// One point of the region that was scored.
struct Individual {
  Genes genes;  ///< As the strategy or the driver drew them, so that they lie in the region.
  Fitness fitness;
};

/// Indices of the `count` fittest, fittest first; of equals, the one scored first.
std::vector<std::size_t> fittest(std::span<const Individual> individuals, int count);

/// The score of the last of the config.parents fittest; minus infinity while there are fewer.
double parents_floor(std::span<const Individual> individuals, const SearchConfig& config);

/// A method of searching: proposes individuals and learns how fit they are. It knows neither
/// networks nor accelerators, only genes and the region they come from. run_search() drives it and
/// takes care of everything else: duplicates, limits, racing, progress, stopping.
class SearchStrategy {
 public:
  virtual ~SearchStrategy() = default;

  /// At most `count` individuals to score next. Those that were scored before, leave the region or
  /// break the limits are dropped by the driver, which then asks again a few times; places that
  /// stay open, all of them where this returns none, get random individuals.
  virtual std::vector<Genes> ask(int count) = 0;
  /// Results, once for every individual and in the order in which they are scored; in several parts
  /// between one ask and the next.
  virtual void tell(std::span<const Individual> scored) = 0;

  /// Individuals that are scored before the next ask.
  virtual int batch() const = 0;
  /// The score below which an individual will not matter to this strategy. The driver may give up
  /// such an individual, unless it may be the best so far. Infinite: none matters.
  virtual double floor() const { return -std::numeric_limits<double>::infinity(); }
};

/// What a strategy is made from. Everything outlives it. The functions cost no evaluation; the
/// driver sets them once the strategy exists, before the first ask.
struct StrategyContext {
  const Region& region;
  const SearchConfig& config;
  Rng& rng;  ///< Shared with the driver.

  /// Whether the driver would score `genes` now: a member inside the limits that was not scored.
  std::function<bool(const Genes&)> is_usable = [](const Genes&) { return true; };
  /// Equal for individuals that are the same in effect, see SearchProblem::canonical().
  std::function<Genes(const Genes&)> canonical = [](const Genes& genes) { return genes; };
  /// A random member, inside the limits where one is found. Empty: any member of the region.
  std::function<Genes(Rng&)> random{};
  /// Embeddings of all canonical individuals of the region; null if there are none.
  const Embeddings* embeddings = nullptr;

  Genes draw() const { return random ? random(rng) : region.sample(rng); }
  /// A usable member near the member `genes`: one step away, or where a bounded number of tries
  /// finds none, two, then three. Several steps together may keep a latency that none of them
  /// keeps alone. Where none of these is usable either, the last one drawn.
  Genes neighbour(const Genes& genes) const;
};

}  // namespace hsconas
