#include "hsconas/codesign/pair.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

double excess(double value, double limit) {
  return value <= limit ? 0.0 : value / limit - 1.0;
}

}  // namespace

double power_mw(const PairCost& cost) {
  return cost.energy / cost.ms * 1e-6;  // pJ / ms = nW.
}

double Limits::violation(const PairCost& cost) const {
  double worst = std::max(excess(cost.ms, ms), excess(cost.energy, energy));
  if (std::isfinite(power_mw)) worst = std::max(worst, excess(hsconas::power_mw(cost), power_mw));
  // A network that does not fit into the buffer is rejected even without limits.
  return std::isfinite(cost.ms) ? worst : std::numeric_limits<double>::infinity();
}

double Limits::slack(const PairCost& cost) const {
  if (!std::isfinite(cost.ms)) return -1.0;
  double least = 1.0;
  bool is_limited = false;
  const auto add = [&](double value, double limit) {
    if (!std::isfinite(limit)) return;
    is_limited = true;
    least = std::min(least, (limit - value) / limit);
  };
  add(cost.ms, ms);
  add(cost.energy, energy);
  if (std::isfinite(power_mw)) add(hsconas::power_mw(cost), power_mw);
  return is_limited ? std::max(least, -1.0) : 0.0;
}

std::string Limits::str() const {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, double limit, const char* unit) {
    if (std::isfinite(limit)) parts.push_back(fmt::format("{} <= {:.6g}{}", name, limit, unit));
  };
  add("latency", ms, " ms");
  add("energy", energy, "");
  add("area", area_mm2, " mm^2");
  add("power", power_mw, " mW");
  return parts.empty() ? "none" : join(parts, ", ");
}

/// `factor`, at least 1, rounded up to four digits, so that limits that are raised by it suffice.
double rounded_up(double factor) {
  constexpr double kRoundingError = 1e-9;
  const double scale = std::pow(10.0, 3.0 - std::floor(std::log10(factor)));
  return std::isfinite(factor) ? std::ceil(factor * scale * (1.0 - kRoundingError)) / scale
                               : factor;
}

std::string describe_excess(const PairCost& cost, const Limits& limits) {
  std::string text = fmt::format("{:.6g} ms, energy {:.6g}", cost.ms, cost.energy);
  if (std::isfinite(limits.power_mw)) text += fmt::format(", {:.6g} mW", power_mw(cost));
  return text + fmt::format(": feasible with limits {:.4g} times as high",
                            rounded_up(1.0 + limits.violation(cost)));
}

bool is_better(const Pair& a, const Pair& b) {
  if (a.accuracy != b.accuracy) return a.accuracy > b.accuracy;
  return a.cost.product() < b.cost.product();
}

bool ParetoFront::is_covered(const PairCost& cost) const {
  const auto above = stairs_.upper_bound(cost.ms);
  return above != stairs_.begin() && std::prev(above)->second <= cost.energy;
}

void ParetoFront::add_level(std::span<const Pair> pairs) {
  std::vector<Pair> open;
  for (const Pair& pair : pairs) {
    if (!is_covered(pair.cost)) open.push_back(pair);
  }
  std::stable_sort(open.begin(), open.end(), [](const Pair& a, const Pair& b) {
    return std::pair(a.cost.ms, a.cost.energy) < std::pair(b.cost.ms, b.cost.energy);
  });
  for (const Pair& pair : open) {
    if (is_covered(pair.cost)) continue;
    auto at = stairs_.insert_or_assign(pair.cost.ms, pair.cost.energy).first;
    for (++at; at != stairs_.end() && at->second >= pair.cost.energy;) at = stairs_.erase(at);
    pairs_.push_back(pair);
  }
}

std::vector<Pair> pareto_front(std::vector<Pair> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.accuracy > b.accuracy; });
  ParetoFront front;
  for (std::size_t begin = 0; begin < pairs.size();) {
    std::size_t end = begin + 1;
    while (end < pairs.size() && pairs[end].accuracy == pairs[begin].accuracy) ++end;
    front.add_level(std::span(pairs).subspan(begin, end - begin));
    begin = end;
  }
  return front.pairs();
}

}  // namespace hsconas
