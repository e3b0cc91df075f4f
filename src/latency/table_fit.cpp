#include "hsconas/latency/table_fit.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

namespace {

/// Sets n in each entry of a table by position: how many of `networks` contain it.
void count_occurrences(LatencyTable& table, const LatencySpace& space,
                       std::span<const Measurement> networks) {
  for (auto& [key, entry] : table.entries) entry.n = 0;
  for (const Measurement& network : networks) {
    for (std::size_t i = 0; i < network.arch.size(); ++i) {
      const std::size_t index = space.index(static_cast<int>(i), network.arch[i]);
      ++table.entries.at(space.term(index).position_key).n;
    }
  }
}

/// The networks with predicted and measured times.
std::vector<MeasuredNetwork> judged(const LatencySpace& space, const TableModel& model,
                                    const LatencyTable& table, const TermPrior* prior,
                                    std::span<const Measurement> networks) {
  std::vector<MeasuredNetwork> list;
  for (const Measurement& network : networks) {
    const Architecture arch = space.canonical(network.arch, table.dead);
    const double sum_ms = prior == nullptr ? 0.0 : prior->sum_ms(space, arch);
    list.push_back({.arch = space.encode(network.arch),
                    .sum_ms = std::max(sum_ms, 0.0),
                    .predicted_ms = model.predict_ms(arch),
                    .measured_ms = network.ms});
  }
  return list;
}

/// Share of the space's networks that the table predicts to take 0 ms, estimated from a sample.
double share_without_time(const LatencyTable& table, const LatencySpace& space) {
  constexpr int kSample = 10000;
  const TableModel model(space, table);
  Rng rng(1, "latency-without-time");
  int found = 0;
  for (int i = 0; i < kSample; ++i) {
    const Architecture arch = space.canonical(random_architecture(space, rng), table.dead);
    found += model.predict_ms(arch) > 0.0 ? 0 : 1;
  }
  return static_cast<double>(found) / kSample;
}

void judge_table(LatencyTable& table, const LatencySpace& space, const TermPrior* prior,
                 const MeasurementSplit& networks) {
  const TableModel model(space, table);
  table.calibration = judged(space, model, table, prior, networks.fit);
  table.test = judged(space, model, table, prior, networks.test);
}

/// Independent unknowns of a sum over positions: a constant and, at every position, all distinct
/// choices but one.
std::size_t unknowns(const LatencySpace& space) {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < space.terms(); ++i) keys.insert(space.term(i).position_key);
  return keys.size() - static_cast<std::size_t>(space.positions()) + 1;
}

/// Choices at every position.
std::size_t choices_of(const LatencySpace& space) {
  return space.terms() / static_cast<std::size_t>(space.positions());
}

/// The prior that one table gives. What its pairs add on average belongs to the single terms: the
/// rest is often particular to the device.
TermPrior prior_from_device(const LatencySpace& space, const LatencyTable& table) {
  TermPrior prior = prior_from(space, table, true);
  const std::vector<double> effects = prior.pairs.take_main_effects(choices_of(space));
  for (std::size_t t = 0; t < effects.size(); ++t) prior.ms[t] += effects[t];
  return prior;
}

/// Mean time over all networks of the space, whose pairs have no main effects. Throws Error(Data)
/// unless it is above 0.
double mean_time(const LatencySpace& space, const TermPrior& prior, const LatencyTable& table) {
  double sum = 0.0;
  for (const double ms : prior.ms) sum += ms;
  const double time = prior.fixed_ms + sum / static_cast<double>(choices_of(space));
  if (time > 0.0) return time;
  throw Error(ErrorKind::Data,
              fmt::format("the latency table of {} says that networks take {} ms on average: leave "
                          "it out, or measure it again",
                          describe(table.device), time));
}

}  // namespace

LatencyTable fit_table(const LatencySpace& space, const MeasurementSplit& networks,
                       const TableFitOptions& options, const DeviceInfo& device) {
  if (networks.fit.size() < kFewestToFit) {
    throw Error(ErrorKind::Data,
                fmt::format("{} networks to fit on are too few for the {} choices of space {}: at "
                            "least {} different ones are needed, {} would determine all of them "
                            "(latency choose lists which)",
                            networks.fit.size(), space.terms(), space.name(), kFewestToFit,
                            std::max(kFewestToFit, 2 * unknowns(space))));
  }
  LatencyTable table{.space = space.name(), .device = device, .by_position = true};
  FitOptions fit{.forms = network_forms(space.is_cell(), networks.fit.size())};
  if (options.least_squares) fit.forms = {fit.forms.back()};
  if (!options.pairs) std::erase_if(fit.forms, [](const FitForm& form) { return form.pairs; });
  if (options.dead) fit.dead = {*options.dead};
  apply_fit(table, space, fit_networks(space, networks.fit, fit));
  count_occurrences(table, space, networks.fit);
  judge_table(table, space, nullptr, networks);
  return table;
}

TermPrior prior_from_devices(const LatencySpace& space, std::span<const LatencyTable> sources) {
  assert(!sources.empty());
  std::vector<TermPrior> devices;
  std::vector<double> means;
  for (const LatencyTable& source : sources) {
    devices.push_back(prior_from_device(space, source));
    means.push_back(mean_time(space, devices.back(), source));
  }
  if (devices.size() == 1) return devices[0];
  TermPrior prior{.ms = std::vector<double>(space.terms())};
  const double count = static_cast<double>(devices.size());
  for (std::size_t d = 0; d < devices.size(); ++d) {
    const double scale = mean(means) / means[d];
    for (double& ms : devices[d].ms) ms *= scale;
    for (std::size_t t = 0; t < space.terms(); ++t) prior.ms[t] += devices[d].ms[t] / count;
    prior.fixed_ms += scale * devices[d].fixed_ms / count;
    prior.pairs.add(scale / count, devices[d].pairs);
  }
  for (TermPrior& device : devices) {
    for (std::size_t t = 0; t < space.terms(); ++t) device.ms[t] -= prior.ms[t];
    prior.device_differences.push_back(std::move(device.ms));
  }
  return prior;
}

LatencyTable adapt_table(const LatencySpace& space, std::span<const LatencyTable> sources,
                         const MeasurementSplit& networks, const DeviceInfo& device) {
  const TermPrior prior = prior_from_devices(space, sources);
  const auto by_position =
      std::find_if(sources.begin(), sources.end(), [](const auto& s) { return s.by_position; });
  LatencyTable table = by_position == sources.end() ? sources.front() : *by_position;
  table.device = device;
  table.noise = {};
  table.test_spread.clear();
  apply_fit(table, space,
            fit_networks(
                space, networks.fit,
                {.forms = adaptation_forms(table.by_position, space.is_cell(), sources.size() > 1),
                 .prior = &prior,
                 .rescale_prior = true}));
  if (table.by_position) {
    count_occurrences(table, space, networks.fit);
  } else {
    // No block was timed alone on this device, so the fitted times stand in.
    for (auto& [key, entry] : table.entries) {
      entry.ms = entry.low = entry.high = std::max(0.0, entry.network_ms);
    }
  }
  judge_table(table, space, &prior, networks);
  return table;
}

std::vector<std::string> shortcomings(const LatencyTable& table, const LatencySpace& space) {
  std::vector<std::string> list;
  const std::size_t networks = table.calibration.size();
  if (networks == 0) return list;
  if (networks < kFewestToFit) {
    list.push_back(
        fmt::format("the error bar rests on {} networks, too few to hold for nine in "
                    "ten others; measure at least {}",
                    networks, kFewestToFit));
  }
  const bool has_prior = std::any_of(table.calibration.begin(), table.calibration.end(),
                                     [](const auto& network) { return network.sum_ms > 0.0; });
  const std::size_t needed = unknowns(space);
  if (!has_prior && networks < needed) {
    list.push_back(
        fmt::format("{} networks do not determine the {} unknowns of space {}: what "
                    "they leave open is guessed from operators and shapes; {} would "
                    "(latency choose lists which)",
                    networks, needed, space.name(), 2 * needed));
  }
  std::size_t unseen = 0;
  std::string first;
  for (const auto& [key, entry] : table.entries) {
    if (!table.by_position || entry.n > 0) continue;
    if (unseen++ == 0) first = key;
  }
  if (unseen > 0) {
    list.push_back(
        fmt::format("{} of the {} choices are in no network that the table is fitted "
                    "on, first {} (layer/operator): their times are guessed",
                    unseen, table.entries.size(), first));
  }
  const double zero = share_without_time(table, space);
  if (zero > 0.0) {
    list.push_back(
        fmt::format("{} of the space's networks are predicted to take no time at all; measure "
                    "more networks, fast ones among them",
                    zero < 0.001 ? "less than 0.1 %" : fmt::format("{:.1f} %", 100.0 * zero)));
  }
  return list;
}

void correct_table(LatencyTable& table, const LatencySpace& space,
                   const MeasurementSplit& networks) {
  assert(!table.by_position);
  const TermPrior prior = prior_from(space, table, false);
  apply_fit(table, space,
            fit_networks(space, networks.fit, {.forms = correction_forms(), .prior = &prior}));
  judge_table(table, space, &prior, networks);
}

}  // namespace hsconas
