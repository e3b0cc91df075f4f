// Runs whole searches one after the other in one process. Memory that is not freed after a run
// shows as resident memory that grows from run to run.
//   hsconas_soak --minutes 120 --config configs/quickstart.json supernet.epochs=1 ...
// Prints the resident memory after each run and, from the second run on, the slope of a straight
// line through all runs but the first.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/harness.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/run.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// Resident memory after the allocator has returned its free memory to the system. hsconas lets the
/// allocator keep up to a gigabyte, which would hide whether a run frees its memory.
double resident_mib() {
  ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  long resident = 0;
  statm >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 0x1p20;
}

/// Memory that the program has allocated and not freed.
double allocated_mib() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / 0x1p20;
}

/// Slope of the least-squares line through (0, y[0]), (1, y[1]), ...; at least two points.
double slope(const std::vector<double>& y) {
  const auto n = static_cast<double>(y.size());
  double sum_y = 0.0;
  double sum_xy = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    sum_y += y[i];
    sum_xy += static_cast<double>(i) * y[i];
  }
  const double mean_x = (n - 1.0) / 2.0;
  return (sum_xy - mean_x * sum_y) / (n * (n * n - 1.0) / 12.0);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  CLI::App app("Resident memory over repeated searches in one process");
  double minutes = 1.0;
  std::string file;
  std::vector<std::string> overrides;
  app.add_option("--minutes", minutes, "Start no run after this time");
  app.add_option("--config", file, "Config file")->required();
  app.add_option("overrides", overrides, "key=value ...");
  CLI11_PARSE(app, argc, argv);

  const Config config = load_config(file, overrides);
  const TemporaryFolder folder;
  const StopToken stop;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<double> later;  // After every run but the first.
  std::string first_winner;
  for (int run = 1;; ++run) {
    const std::chrono::duration<double, std::ratio<60>> past =
        std::chrono::steady_clock::now() - begin;
    if (run > 3 && past.count() >= minutes) break;
    const double before = resident_mib();
    std::string winner;
    {
      Log log(Verbosity::Quiet);
      Run search(config, WorkDir::open(folder / "run", WorkDirMode::Overwrite), log, stop);
      winner = search.search().winner.arch;
    }
    if (run == 1) first_winner = winner;
    const double after = resident_mib();
    if (run > 1) later.push_back(after);
    fmt::print(
        "{:6.1f} min, run {:4}: {:.2f} MiB before, {:.2f} MiB after, {:.2f} MiB allocated{}\n",
        past.count(), run, before, after, allocated_mib(),
        later.size() < 2 ? "" : fmt::format(", slope {:+.4f} MiB a run", slope(later)));
    std::fflush(stdout);
    if (config.latency.table.empty()) continue;
    if (winner != first_winner) {
      fmt::print("run {} found {}, the first {}\n", run, winner, first_winner);
      return 1;
    }
  }
  return 0;
}
