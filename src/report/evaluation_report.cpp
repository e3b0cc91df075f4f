#include "hsconas/report/evaluation_report.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

std::string percent_or_dash(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.2f} %", 100.0 * value);
}

}  // namespace

std::string worst_classes(const Evaluation& evaluation, std::size_t rows) {
  const auto& names = evaluation.classes();
  const auto count = static_cast<int>(names.size());
  std::vector<int> order;
  for (int label = 0; label < count; ++label) {
    if (evaluation.images_of(label) > 0) order.push_back(label);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return evaluation.recall(a) < evaluation.recall(b); });
  order.resize(std::min(order.size(), rows));
  TextTable table({"class", "images", "recall", "precision", "most often mistaken for"});
  for (const int label : order) {
    int rival = -1;
    for (int other = 0; other < count; ++other) {
      const std::int64_t taken = other == label ? 0 : evaluation.count(label, other);
      if (taken > 0 && (rival < 0 || taken > evaluation.count(label, rival))) rival = other;
    }
    table.add(
        {names[static_cast<std::size_t>(label)], fmt::format("{}", evaluation.images_of(label)),
         percent_or_dash(evaluation.recall(label)), percent_or_dash(evaluation.precision(label)),
         rival < 0 ? "none"
                   : fmt::format("{} ({})", names[static_cast<std::size_t>(rival)],
                                 evaluation.count(label, rival))});
  }
  return table.str();
}

}  // namespace hsconas
