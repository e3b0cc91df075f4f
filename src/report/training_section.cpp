#include <algorithm>

#include <fmt/format.h>

#include "hsconas/report/plot.hpp"
#include "page.hpp"
#include "run_sections.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kCurvePoints = 300;  ///< Points per stage; more lines than this are averaged.
constexpr std::size_t kMarkedPoints = 60;  ///< Up to this number, points are marked on the line.

/// The curves of one value, with a series per stage; steps count on from stage to stage.
class Curves {
 public:
  Curves(const MetricsHistory& metrics, const std::string& key);
  bool empty() const { return series_.empty(); }
  std::vector<PlotSeries> series() const { return series_; }

 private:
  std::vector<PlotSeries> series_;
};

/// Reduces a series to at most kCurvePoints points by averaging neighbours.
PlotSeries thinned(const PlotSeries& series) {
  const std::size_t per_point = (series.x.size() + kCurvePoints - 1) / kCurvePoints;
  PlotSeries result{.name = series.name, .x = {}, .y = {}, .mark = Mark::Line};
  for (std::size_t first = 0; first < series.x.size(); first += per_point) {
    const std::size_t end = std::min(series.x.size(), first + per_point);
    double sum = 0.0;
    for (std::size_t i = first; i < end; ++i) sum += series.y[i];
    result.x.push_back(series.x[end - 1]);
    result.y.push_back(sum / static_cast<double>(end - first));
  }
  if (result.x.size() <= kMarkedPoints) result.mark = Mark::LineAndPoints;
  return result;
}

Curves::Curves(const MetricsHistory& metrics, const std::string& key) {
  double before = 0.0;  // Steps of earlier stages.
  std::int64_t last = 0;
  for (const MetricsLine& line : metrics.lines()) {
    const auto value = line.values.find(key);
    if (value == line.values.end()) continue;
    if (series_.empty() || series_.back().name != line.stage) {
      before += static_cast<double>(last);
      series_.push_back({.name = line.stage, .x = {}, .y = {}});
    }
    last = line.step;
    series_.back().x.push_back(before + static_cast<double>(line.step));
    series_.back().y.push_back(value->second);
  }
  for (PlotSeries& series : series_) {
    series = thinned(series);
    if (series.mark != Mark::LineAndPoints) continue;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      series.notes.push_back(
          fmt::format("{}, step {:.0f}\n{} {:.4g}", series.name, series.x[i], key, series.y[i]));
    }
  }
}

std::string training_table(const MetricsHistory& metrics) {
  struct Stage {
    std::string name;
    std::int64_t steps = 0;
    double first_loss = 0.0, last_loss = 0.0, rates = 0.0;
    int lines = 0;
  };
  std::vector<Stage> stages;
  for (const MetricsLine& line : metrics.lines()) {
    const auto loss = line.values.find("loss");
    if (loss == line.values.end()) continue;
    if (stages.empty() || stages.back().name != line.stage) {
      stages.push_back({.name = line.stage, .first_loss = loss->second});
    }
    Stage& stage = stages.back();
    stage.steps = line.step;
    stage.last_loss = loss->second;
    const auto rate = line.values.find("images_per_second");
    if (rate == line.values.end()) continue;
    stage.rates += rate->second;
    ++stage.lines;
  }
  HtmlTable table({"stage", "steps", "first loss", "last loss", "images per second"});
  for (const Stage& stage : stages) {
    table.add({stage.name, fmt::format("{}", stage.steps), fmt::format("{:.4f}", stage.first_loss),
               fmt::format("{:.4f}", stage.last_loss),
               stage.lines > 0 ? fmt::format("{:.0f}", stage.rates / stage.lines) : "-"});
  }
  return table.str();
}

}  // namespace

std::string training_section(const RunRecord& run) {
  constexpr const char* kTitle = "Training";
  const Curves loss(run.metrics, "loss");
  if (loss.empty()) return section(kTitle, paragraph("There are no training curves."));
  constexpr const char* kSteps = "training steps, all stages";
  std::string html = figure(to_svg({.title = "Loss",
                                    .x_label = kSteps,
                                    .y_label = "cross entropy, nats",
                                    .series = loss.series(),
                                    .has_whole_x = true}),
                            "Each step trains one randomly sampled path. Each point is the mean "
                            "loss of several steps.");
  const Curves lr(run.metrics, "lr");
  if (!lr.empty()) {
    html += figure(to_svg({.title = "Learning rate",
                           .x_label = kSteps,
                           .y_label = "learning rate, per step",
                           .series = lr.series(),
                           .has_whole_x = true}),
                   "");
  }
  return section(kTitle, html + training_table(run.metrics));
}

}  // namespace hsconas
