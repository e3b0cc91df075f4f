#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/search/method_trials.hpp"

namespace hsconas {

/// The trials of one method.
struct MethodTrials {
  std::string name;  ///< The method and its settings, as the user wrote them.
  std::vector<MethodTrial> trials;
  bool is_random = false;  ///< The baseline that the others are compared with.
};

/// Searches of several methods on the same known networks.
struct MethodComparison {
  std::string title;  ///< The networks and the budget.
  std::size_t evaluations = 0;
  KnownOptimum optimum;
  std::vector<MethodTrials> methods;
};

/// A number of evaluations, summarised over trials; empty: more than were made.
using Effort = std::optional<double>;

/// What the trials of a method show.
struct MethodSummary {
  std::string name;
  std::size_t seeds = 0;
  Effort top_median;  ///< Evaluations until the top thousandth.
  Effort top_p90;
  Effort best_median;  ///< Evaluations until the best network.
  /// Mean reported accuracy after each of kMarks evaluations; empty where fewer were made.
  std::vector<std::optional<double>> reported;
  double regret = 0.0;   ///< Mean of the F that is missing to the best one, at the end.
  double seconds = 0.0;  ///< Mean CPU time per search.
  /// Mann-Whitney: the chance that random search needs as many more evaluations until the top
  /// thousandth; absent for random search itself.
  std::optional<double> p;
};

/// Numbers of evaluations at which reported accuracies are compared.
inline constexpr std::size_t kMarks[] = {50, 100, 200};

/// One row for each method.
std::vector<MethodSummary> summarise(const MethodComparison& comparison);

// The comparison as text: a table for Markdown (which a terminal shows as well), for LaTeX, and in
// CSV with one line per method.
std::string markdown(const MethodComparison& comparison);
std::string latex(const MethodComparison& comparison);
std::string csv(const MethodComparison& comparison);
nlohmann::json to_json(const MethodComparison& comparison);
/// One line per trial: method, seed, evaluations until the top and the best, final F, accuracy.
std::string trials_csv(const MethodComparison& comparison);

/// SVG documents: the mean regret, and the mean reported accuracy, over the evaluations.
std::string regret_plot(const MethodComparison& comparison);
std::string reported_plot(const MethodComparison& comparison);

}  // namespace hsconas
