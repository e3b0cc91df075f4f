#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/search/driver.hpp"
#include "hsconas/space/network_region.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/grid_region.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// A benchmark: everything about all members of a region, row by row.
struct KnownTable {
  std::shared_ptr<const Region> region;
  std::map<Genes, std::size_t> row_of;
  std::vector<double> signal;                        ///< What a search sees, percent.
  std::vector<double> reported;                      ///< What counts in the end, percent.
  std::map<std::string, std::vector<double>> costs;  ///< NaN where there is none.
};

inline CsvTable known_csv(const std::string& name) {
  const auto file = reference_data(name);
  if (!file) throw Error(ErrorKind::Data, no_reference_data(name));
  return CsvTable::load(*file);
}

inline std::vector<double> column_of(const CsvTable& csv, const std::string& name) {
  std::vector<double> values;
  const std::size_t column = csv.column(name);
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const bool is_empty = csv.text(row, column).empty();
    values.push_back(is_empty ? std::numeric_limits<double>::quiet_NaN() : csv.number(row, column));
  }
  return values;
}

/// NAS-Bench-201: 6 edges x 5 operators, searched by the column `signal`.
inline KnownTable nas_bench_201(const std::string& signal) {
  static const CsvTable csv = known_csv("nas_bench_201/nb201.csv.gz");
  KnownTable table{.region = std::make_shared<GridRegion>(6, 5),
                   .row_of = {},
                   .signal = column_of(csv, signal),
                   .reported = column_of(csv, "acc200_cifar10_test"),
                   .costs = {}};
  const std::size_t ops = csv.column("ops");
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    Genes genes;
    for (const char digit : csv.text(row, ops)) genes.push_back(digit - '0');
    table.row_of.emplace(std::move(genes), row);
  }
  for (const char* device : {"1080ti_1", "raspi4", "gold_6226", "pixel3", "eyeriss"}) {
    table.costs.emplace(device, column_of(csv, device));
  }
  return table;
}

/// NAS-Bench-Macro: 8 layers x 3 operators, as networks of the shipped space.
inline KnownTable nas_bench_macro() {
  static const CsvTable csv = known_csv("nas_bench_macro/nas_bench_macro_cifar10.csv.gz");
  static const SearchSpace space = shipped_space("nas-bench-macro");
  KnownTable table{.region = std::make_shared<Subspace>(Subspace::full(space)),
                   .row_of = {},
                   .signal = column_of(csv, "mean_acc"),
                   .reported = column_of(csv, "mean_acc"),
                   .costs = {}};
  const std::size_t arch = csv.column("arch");
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    table.row_of.emplace(genes_of(space.decode(csv.text(row, arch))), row);
  }
  table.costs.emplace("flops", column_of(csv, "flops"));
  return table;
}

/// The search for the highest signal, or for the front of signal and cost, among the members whose
/// cost is known and within a limit.
class KnownProblem : public SearchProblem {
 public:
  /// `cost`: a key of the table's costs; empty: all members are inside.
  KnownProblem(KnownTable table, const std::string& cost, std::optional<double> limit)
      : table_(std::move(table)), limit_(limit) {
    costs_ = cost.empty() ? std::vector<double>(table_.signal.size(), 0.0) : table_.costs.at(cost);
    for (const std::size_t row : rows_inside()) inside_.push_back(table_.signal[row]);
    std::sort(inside_.rbegin(), inside_.rend());
  }

  const Region& region() const override { return *table_.region; }
  Genes canonical(const Genes& genes) const override { return genes; }
  double violation(const Genes& genes) const override { return is_inside(row(genes)) ? 0.0 : 1.0; }
  Genes random(Rng& rng) const override {
    Genes genes = region().sample(rng);
    while (violation(genes) > 0.0) genes = region().sample(rng);
    return genes;
  }
  std::vector<Fitness> evaluate(std::span<const Genes> individuals,
                                const SearchFloor& /*floor*/) override {
    std::vector<Fitness> fitness;
    for (const Genes& genes : individuals) {
      scored.push_back(row(genes));
      const double signal = table_.signal[scored.back()];
      fitness.push_back({.score = signal, .objectives = {-signal, cost(scored.back())}});
    }
    return fitness;
  }

  const KnownTable& table() const { return table_; }
  double cost(std::size_t row) const { return costs_[row]; }
  std::size_t members() const { return inside_.size(); }
  std::vector<std::size_t> rows_inside() const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < costs_.size(); ++row) {
      if (is_inside(row)) rows.push_back(row);
    }
    return rows;
  }
  /// The signal of the last of the best `share` of all members inside; 0: of the best.
  double top_signal(double share) const {
    const auto count = static_cast<std::size_t>(share * static_cast<double>(inside_.size()) + 0.5);
    return inside_[std::max<std::size_t>(count, 1) - 1];
  }

  std::vector<std::size_t> scored;  ///< Rows, in the order of evaluation.

 private:
  std::size_t row(const Genes& genes) const { return table_.row_of.at(genes); }
  bool is_inside(std::size_t row) const {
    return costs_[row] >= 0.0 && (!limit_ || costs_[row] <= *limit_);
  }

  KnownTable table_;
  std::optional<double> limit_;
  std::vector<double> costs_;
  std::vector<double> inside_;  ///< Signals, highest first.
};

/// The rows of the table that a search scores, in their order.
inline std::vector<std::size_t> rows_searched(KnownProblem& problem, const std::string& method,
                                              int population, int parents, int evaluations,
                                              std::uint64_t seed) {
  const SearchConfig config{.population = population,
                            .generations = evaluations / population - 1,
                            .parents = parents,
                            .racing = 1.0};
  Log log{Verbosity::Quiet, false};
  const StopToken stop;
  Rng rng(seed, "search-bench");
  problem.scored.clear();
  run_search(problem, find_search_method(method), config, rng,
             {.label = method, .score = "accuracy", .log = log, .stop = stop});
  return problem.scored;
}

}  // namespace hsconas
