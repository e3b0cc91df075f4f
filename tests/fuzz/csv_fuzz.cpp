// Fuzzes CSV readers. The first byte of the input selects one: 'm' reads a table of measurements,
// 'p' replays the rest as candidates.csv, 'r' does so with corrected checksums, so that the code
// behind them is reached too.
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/score/scorer.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

struct Bench {
  SearchSpace space = tiny_space();
  LatencySpace latency_space{space};
  FakeEvaluator evaluator{space};
  FakeLatency latency{space};
  int file = ::memfd_create("candidates", 0);
  std::filesystem::path path = fmt::format("/proc/self/fd/{}", file);
};

void read_measured(const Bench& bench, std::string_view text) {
  const CsvTable table = CsvTable::parse(text, "input");
  static_cast<void>(read_measurements(table, bench.latency_space, "ms"));
}

void replay(Bench& bench, const std::string& text) {
  if (::ftruncate(bench.file, 0) != 0 ||
      ::pwrite(bench.file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    std::abort();
  }
  const Scorer scorer(bench.space, bench.evaluator, bench.latency, {.target_ms = 1.0, .beta = -0.3},
                      bench.path);
}

std::string with_checksums(std::string_view text) {
  std::string fixed;
  for (const std::string& line : split(text, '\n')) {
    const auto comma = line.rfind(',');
    const bool is_row = comma != std::string::npos && !line.starts_with("weights,");
    fixed += is_row ? line.substr(0, comma + 1) + crc32_of(line.substr(0, comma)) : line;
    fixed += '\n';
  }
  return fixed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Bench bench;
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  fuzz::read_must_not_break([&] {
    if (data[0] == 'm') read_measured(bench, text);
    if (data[0] == 'p') replay(bench, std::string(text));
    if (data[0] == 'r') replay(bench, with_checksums(text));
  });
  return 0;
}
