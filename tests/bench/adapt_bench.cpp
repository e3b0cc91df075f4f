// Predicts every device of published measurements from few networks of it and the tables of all
// other devices:
//   hsconas_adapt_bench SPACE CSV [--strict] [--choose] [--draws N] [--devices NAME,...]
//                       [--tables FOLDER]
// SPACE is a space or cell file or the name of a shipped one; CSV has a column ops or arch and a
// column of milliseconds per device. Each source is fitted on 2,000 networks. For each number K of
// networks, drawn 5 times, it prints Kendall's tau and the RMSE (% of the mean) on networks that
// were not used: of the mixture of all sources, of one source drawn at random, and of a fit on 500
// networks of the device itself. --strict leaves out sources whose names differ from the device's
// in a last "_N" only, which are the same device at another batch size. With --choose, the K
// networks are those that `latency choose` picks with the tables that are adapted. FOLDER keeps the
// tables of the sources and of the fits on 500 networks for the next call.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/table_fit.hpp"

using namespace hsconas;

namespace {

constexpr std::size_t kSource = 2000;       // Networks of a source, if it has as many.
constexpr std::size_t kOwn = 500;           // Networks of the fit to compare with.
constexpr std::size_t kJudgedBy = 2000;     // Networks to judge by, at most.
constexpr std::size_t kFewestJudges = 300;  // A device with fewer further networks is left out.
constexpr std::size_t kCounts[] = {10, 20, 50, 100};
constexpr double kNear = 0.03;  // Difference of tau that counts as equally good.

struct Device {
  std::string name;
  std::vector<Measurement> networks;
  LatencyTable table;  // Fitted on kSource networks.
};

std::vector<Device> read_devices(const LatencySpace& space, const std::string& path) {
  const CsvTable csv = CsvTable::load(path);
  std::vector<Device> devices;
  for (const std::string& name : csv.header()) {
    if (name == "ops" || name.starts_with("arch") || name.starts_with("acc") ||
        name.starts_with("iso")) {
      continue;
    }
    const std::size_t column = csv.column(name);
    std::vector<Measurement> rows;
    for (std::size_t row = 0; row < csv.rows(); ++row) {
      const double ms = std::strtod(csv.text(row, column).c_str(), nullptr);
      if (ms > 0.0) rows.push_back({space.decode(csv.text(row, arch_column(csv))), ms});
    }
    if (rows.size() < kOwn + kFewestJudges) continue;
    devices.push_back({.name = name, .networks = merge_repeats(space, rows), .table = {}});
  }
  return devices;
}

/// `choose_in`, `prior`: as for split_measurements().
MeasurementSplit split(const Device& device, std::size_t count, std::uint64_t seed,
                       const LatencySpace* choose_in = nullptr, const TermPrior* prior = nullptr) {
  MeasurementSplit networks = split_measurements(device.networks, count, seed, choose_in, prior);
  // The fit on kOwn networks is judged alike: by none that either of them was fitted on.
  const std::size_t own = choose_in == nullptr ? kOwn - count : kOwn;
  networks.test.erase(networks.test.begin(),
                      networks.test.begin() + static_cast<std::ptrdiff_t>(own));
  if (networks.test.size() > kJudgedBy) networks.test.resize(kJudgedBy);
  return networks;
}

ModelAccuracy accuracy(const LatencyTable& table) {
  return accuracy_on(table.test, table, Prediction::Fitted);
}

/// The name without a last "_N".
std::string without_batch(const std::string& name) {
  const auto cut = name.find_last_of('_');
  const bool is_batch = cut != std::string::npos &&
                        name.find_first_not_of("0123456789", cut + 1) == std::string::npos;
  return is_batch ? name.substr(0, cut) : name;
}

/// fit_table(), or what an earlier call wrote into the folder.
LatencyTable fitted(const LatencySpace& space, const Device& device, const MeasurementSplit& split,
                    const std::string& what, const std::string& folder) {
  const auto path = std::filesystem::path(folder) / fmt::format("{}-{}.json", device.name, what);
  if (!folder.empty() && std::filesystem::exists(path)) return load_table(path);
  LatencyTable table =
      fit_table(space, split, {}, {.device = device.name, .precision = "", .versions = ""});
  if (!folder.empty()) write_sealed_json(path, to_json(table));
  return table;
}

struct Figures {
  std::vector<double> tau, rmse;
  void add(const ModelAccuracy& accuracy) {
    tau.push_back(accuracy.kendall);
    rmse.push_back(accuracy.rmse_percent);
  }
};

struct Options {
  std::string space, csv, devices, tables;
  bool is_strict = false;
  bool chooses = false;
  int draws = 5;
};

std::string row_of(const LatencySpace& space, const std::vector<Device>& devices, std::size_t held,
                   const Options& options, std::map<std::size_t, int>& near) {
  const Device& device = devices[held];
  std::vector<LatencyTable> sources;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const bool is_same =
        options.is_strict && without_batch(devices[i].name) == without_batch(device.name);
    if (i != held && !is_same) sources.push_back(devices[i].table);
  }
  Figures own;
  std::map<std::size_t, Figures> mixture, single;
  Rng rng(1, "adapt-bench-source");
  for (int draw = 1; draw <= options.draws; ++draw) {
    const auto seed = static_cast<std::uint64_t>(draw);
    own.add(accuracy(fitted(space, device, split(device, kOwn, seed), fmt::format("own-{}", draw),
                            options.tables)));
    const LatencyTable& one = sources[rng.index(sources.size())];
    const auto adapted = [&](std::span<const LatencyTable> from, std::size_t count) {
      const TermPrior prior = prior_from_devices(space, from);
      const MeasurementSplit networks =
          options.chooses ? split(device, count, seed, &space, &prior) : split(device, count, seed);
      return accuracy(adapt_table(space, from, networks, {}));
    };
    for (const std::size_t count : kCounts) {
      mixture[count].add(adapted(sources, count));
      single[count].add(adapted({&one, 1}, count));
    }
  }
  std::string row = fmt::format("| {} |", device.name);
  for (const std::size_t count : kCounts) {
    const double tau = mean(mixture[count].tau);
    row += fmt::format(" {:.3f} {:.1f} |", tau, mean(mixture[count].rmse));
    near[count] += tau >= mean(own.tau) - kNear ? 1 : 0;
  }
  for (const std::size_t count : kCounts) row += fmt::format(" {:.3f} |", mean(single[count].tau));
  return row + fmt::format(" {:.3f} {:.1f} |", mean(own.tau), mean(own.rmse));
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--strict") {
      options.is_strict = true;
    } else if (word == "--choose") {
      options.chooses = true;
    } else if (word == "--draws" && i + 1 < argc) {
      options.draws = std::atoi(argv[++i]);
    } else if (word == "--devices" && i + 1 < argc) {
      options.devices = argv[++i];
    } else if (word == "--tables" && i + 1 < argc) {
      options.tables = argv[++i];
    } else {
      (options.space.empty() ? options.space : options.csv) = word;
    }
  }
  if (options.csv.empty()) throw Error(ErrorKind::Usage, "usage: hsconas_adapt_bench SPACE CSV");
  return options;
}

void run(const Options& options) {
  const LatencySpace space = load_latency_space(options.space);
  std::vector<Device> devices = read_devices(space, options.csv);
  for (Device& device : devices) {
    const std::size_t count = std::min(kSource, device.networks.size());
    device.table = fitted(space, device, split_measurements(device.networks, count, 1), "source",
                          options.tables);
  }
  fmt::print(
      "| device | mixture, 10: tau, RMSE % | 20 | 50 | 100 | one source, 10: tau | 20 | 50 "
      "| 100 | own 500: tau, RMSE % |\n|---|---|---|---|---|---|---|---|---|---|\n");
  std::map<std::size_t, int> near;
  int rows = 0;
  const auto wanted = hsconas::split(options.devices, ',');
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const bool is_wanted = options.devices.empty() ||
                           std::find(wanted.begin(), wanted.end(), devices[i].name) != wanted.end();
    if (!is_wanted) continue;
    fmt::print("{}\n", row_of(space, devices, i, options, near));
    std::fflush(stdout);
    ++rows;
  }
  for (const std::size_t count : kCounts) {
    fmt::print("with {} networks, tau of the mixture is at most {} below the fit on {}: {} of {}\n",
               count, kNear, kOwn, near[count], rows);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(read_options(argc, argv));
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
