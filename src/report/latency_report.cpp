#include "hsconas/report/latency_report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

constexpr std::size_t kWorst = 5;

/// A group of networks on which the table is tested.
struct Judged {
  std::string name;
  const std::vector<MeasuredNetwork>* networks = nullptr;
};

std::vector<Judged> judged_on(const LatencyTable& table) {
  std::vector<Judged> all;
  if (!table.test.empty()) all.push_back({"random", &table.test});
  if (!table.test_spread.empty()) all.push_back({"spread", &table.test_spread});
  return all;
}

struct Predictor {
  std::string name;
  Prediction prediction = Prediction::Fitted;
};

/// The models to compare. A table without times of single blocks has no sum of blocks.
std::vector<Predictor> predictors(const LatencyTable& table) {
  if (table.by_position) return {{table.form, Prediction::Fitted}};
  return {{"sum, no B", Prediction::Sum},
          {"sum + B", Prediction::Constant},
          {table.form, Prediction::Fitted}};
}

using Entry = std::pair<const std::string, TableEntry>;

/// The entries with the widest intervals, widest first.
std::vector<const Entry*> widest(const LatencyTable& table) {
  std::vector<const Entry*> entries;
  for (const Entry& entry : table.entries) entries.push_back(&entry);
  std::stable_sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return a->second.half_width_percent() > b->second.half_width_percent();
  });
  entries.resize(std::min(entries.size(), kWorst));
  return entries;
}

double median_half_width(const LatencyTable& table) {
  std::vector<double> widths;
  for (const auto& [key, entry] : table.entries) widths.push_back(entry.half_width_percent());
  return widths.empty() ? 0.0 : median(widths);
}

std::string intervals_text(const LatencyTable& table) {
  std::string text =
      fmt::format("intervals (90 %): median +-{:.1f} %; the widest:\n", median_half_width(table));
  for (const Entry* entry : widest(table)) {
    text += fmt::format("  {}: {:.4f} ms, +-{:.1f} % ({} timings)\n", entry->first,
                        entry->second.ms, entry->second.half_width_percent(), entry->second.n);
  }
  return text;
}

std::string noise_text(const MachineNoise& noise) {
  std::string text = fmt::format(
      "machine: a reference block took {:.4f} ms (95 % quantile {:+.1f} %), slow {:.1f} % of the "
      "time, drifting by +-{:.1f} %; ",
      noise.reference_ms, noise.reference_spread_percent, noise.slow_percent, noise.drift_percent);
  text += noise.other_cpus < 0.0 ? "load by others unknown\n"
                                 : fmt::format("others kept {:.2f} of {:.0f} CPUs busy\n",
                                               noise.other_cpus, noise.cpus);
  return text;
}

std::string trials_text(const LatencyTable& table) {
  TextTable forms({"form of the model", "left-out error"});
  for (const FitTrial& trial : table.trials) {
    forms.add({trial.form + (trial.form == table.form ? " (chosen)" : ""),
               std::isfinite(trial.left_out_percent)
                   ? fmt::format("{:.3f} %", trial.left_out_percent)
                   : "-"});
  }
  return forms.str();
}

std::string accuracy_text(const LatencyTable& table) {
  TextTable rows({"tested on", "model", "n", "RMSE ms", "RMSE %", "mean error %", "Pearson",
                  "Spearman", "Kendall", "ceiling"});
  for (const Judged& judged : judged_on(table)) {
    const double ceiling = kendall_ceiling(*judged.networks);
    for (const Predictor& predictor : predictors(table)) {
      const ModelAccuracy a = accuracy_on(*judged.networks, table, predictor.prediction);
      rows.add({judged.name, predictor.name, fmt::format("{}", a.n),
                fmt::format("{:.5f}", a.rmse_ms), fmt::format("{:.3f}", a.rmse_percent),
                fmt::format("{:+.3f}", a.mean_error_percent), fmt::format("{:.4f}", a.pearson),
                fmt::format("{:.4f}", a.spearman), fmt::format("{:.4f}", a.kendall),
                std::isfinite(ceiling) ? fmt::format("{:.4f}", ceiling) : "-"});
    }
  }
  return rows.str();
}

json accuracy_json(const ModelAccuracy& a) {
  return {{"n", a.n},
          {"rmse_ms", a.rmse_ms},
          {"rmse_percent", a.rmse_percent},
          {"mean_error_ms", a.mean_error_ms},
          {"mean_error_percent", a.mean_error_percent},
          {"pearson", a.pearson},
          {"spearman", a.spearman},
          {"kendall", a.kendall}};
}

}  // namespace

std::string latency_report(const LatencyTable& table) {
  std::string text =
      fmt::format("{} entries for space {}, batch {}, {} thread{}, {}\n", table.entries.size(),
                  table.space, table.device.batch, table.device.threads,
                  table.device.threads == 1 ? "" : "s", describe(table.device));
  if (!table.by_position && table.noise.cpus > 0.0) {
    text += intervals_text(table) + noise_text(table.noise);
  }
  if (!table.calibration.empty()) {
    text += fmt::format("\nB = {:+.4f} ms; model \"{}\", fitted on {} networks\n", table.bias_ms,
                        table.form, table.calibration.size());
    text += trials_text(table) + "\n";
  }
  const auto kinds = judged_on(table);
  if (!kinds.empty()) {
    text += "on networks that were not used for fitting:\n" + accuracy_text(table);
    for (const Judged& judged : kinds) {
      if (table.error_percent <= 0.0) continue;
      text +=
          fmt::format("error bar +-{:.2f} % (for 90 %): contains {:.0f} % of the {} {} networks\n",
                      table.error_percent, 100.0 * error_bar_coverage(*judged.networks, table),
                      judged.networks->size(), judged.name);
    }
  }
  return text;
}

json latency_report_json(const LatencyTable& table) {
  json held_out = json::object();
  for (const Judged& judged : judged_on(table)) {
    json& kind = held_out[judged.name];
    for (const Predictor& predictor : predictors(table)) {
      const char* key = predictor.prediction == Prediction::Sum        ? "sum"
                        : predictor.prediction == Prediction::Constant ? "constant"
                                                                       : "fitted";
      kind[key] = accuracy_json(accuracy_on(*judged.networks, table, predictor.prediction));
    }
    kind["kendall_ceiling"] = kendall_ceiling(*judged.networks);
    kind["error_bar_coverage"] = error_bar_coverage(*judged.networks, table);
  }
  json trials = json::array();
  for (const FitTrial& trial : table.trials) {
    trials.push_back({{"form", trial.form}, {"left_out_percent", trial.left_out_percent}});
  }
  return {{"entries", table.entries.size()},
          {"device", describe(table.device)},
          {"bias_ms", table.bias_ms},
          {"form", table.form},
          {"trials", trials},
          {"error_percent", table.error_percent},
          {"median_half_width_percent", median_half_width(table)},
          {"disturbed", table.noise.is_disturbed()},
          {"held_out", held_out}};
}

std::string latency_doubt(const LatencyTable& table) {
  constexpr std::size_t kEnough = 10;
  constexpr double kKnows = 0.5;  // Three of four pairs are in the right order.
  bool is_judged = false;
  double best = -1.0;
  for (const Judged& judged : judged_on(table)) {
    if (judged.networks->size() < kEnough) continue;
    is_judged = true;
    const double tau = accuracy_on(*judged.networks, table, Prediction::Fitted).kendall;
    if (tau > best) best = tau;  // False for NaN, which equal times give.
  }
  if (!is_judged || best >= kKnows) return "";
  return fmt::format(
      "the latency table can hardly tell which of two held-out networks is faster (Kendall {:.2f}; "
      "0 is chance, 1 is always right): check how they were timed before searching with it",
      std::max(best, 0.0));
}

Plot latency_scatter(const LatencyTable& table) {
  Plot plot{.title = "Latency: predicted against measured",
            .subtitle = fmt::format("{}, batch {}, {}", table.space, table.device.batch,
                                    describe(table.device)),
            .x_label = "measured, ms",
            .y_label = "predicted, ms",
            .series = {},
            .is_square = true,
            // The plot cannot show a band of 100 % or more.
            .band = table.error_percent < 100.0 ? table.error_percent / 100.0 : 0.0};
  for (const Judged& judged : judged_on(table)) {
    PlotSeries& series = plot.series.emplace_back();
    series.name = judged.name;
    for (const MeasuredNetwork& network : *judged.networks) {
      series.x.push_back(network.measured_ms);
      series.y.push_back(network.predicted_ms);
    }
  }
  return plot;
}

}  // namespace hsconas
