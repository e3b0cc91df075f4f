#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/input_file.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/latency/import.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/latency/table_fit.hpp"

namespace hsconas {

namespace {

/// Whether a file is a CSV rather than a table in JSON: by its name or, where that says nothing, by
/// its beginning. A pipe, which can be read only once, is not looked into.
bool is_csv(const std::string& name) {
  InputFile file(name, InputFile::Kind::Regular);
  if (!file.problem().empty()) return false;
  if (std::filesystem::path(name).extension() == ".csv") return true;
  std::string head(4096, '\0');
  const auto count = file.read(head.data(), head.size());
  head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (head.starts_with("\x1f\x8b")) return true;  // Compressed by gzip, as no table is.
  const std::size_t begin = head.find_first_not_of("\xef\xbb\xbf \t\r\n");
  if (begin == std::string::npos || head[begin] == '{') return false;
  const std::string header = head.substr(begin, head.find('\n', begin) - begin);
  return header.find_first_of(",;\t") != std::string::npos;
}

/// The column of milliseconds: "ms" or, without one, that of `hsconas predict --measure`.
std::string ms_column(const CsvTable& csv) {
  for (const char* name : {"ms", "measured_ms"}) {
    if (csv.has(name)) return name;
  }
  throw Error(ErrorKind::Data,
              fmt::format("{}: has no column 'ms' among {}; rename the one that holds "
                          "milliseconds, or make a table with hsconas latency import --column",
                          csv.source(), join(csv.header(), ", ")));
}

std::vector<Measurement> read_networks(const CsvTable& csv, const LatencySpace& space) {
  if (!csv.has("arch") && !csv.has("ops") && (csv.has("key") || csv.has("file"))) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: holds no whole networks but {}; make a table of them with hsconas "
                            "latency import, and name that",
                            csv.source(), csv.has("key") ? "single blocks" : "results of a kit"));
  }
  return read_measurements(csv, space, ms_column(csv));
}

LatencyTable fit(const CsvTable& csv, const LatencySpace& space, int batch) {
  std::vector<Measurement> networks = read_networks(csv, space);
  constexpr std::uint64_t kSeed = 1;  // That of the import: the table follows from the file alone.
  return naming_errors(csv.source(), [&] {
    return fit_table(space, split_measurements(std::move(networks), 0, kSeed), {},
                     {.device = "imported",
                      .threads = 1,
                      .batch = batch,
                      .precision = "unknown",
                      .versions = "imported"});
  });
}

LatencyTable make_table(const Config& config, const LatencySpace& space,
                        const SourceContext& context) {
  const CsvTable csv = CsvTable::load(config.latency.table);
  LatencyTable table = fit(csv, space, config.latency.batch);
  const std::size_t networks = table.calibration.size() + table.test.size();
  std::string text = fmt::format("latency: fitted to {} of the {} networks in {}",
                                 table.calibration.size(), networks, csv.source());
  if (csv.rows() > networks) {
    text += fmt::format(" ({} rows; a network measured several times counts as the median)",
                        csv.rows());
  }
  if (!table.test.empty()) {
    const ModelAccuracy accuracy = accuracy_on(table.test, table, Prediction::Fitted);
    text += fmt::format("; the error on the others is {:.2f} % (RMSE)", accuracy.rmse_percent);
    if (!std::isnan(accuracy.kendall)) text += fmt::format(", Kendall {:.3f}", accuracy.kendall);
  }
  context.log.info(text);
  for (const std::string& sentence : shortcomings(table, space)) context.log.warn(sentence);
  return table;
}

std::string content_of(const std::string& file) {
  return fingerprint(read_file(file));
}

}  // namespace

LatencySource networks_source() {
  return {.name = "networks",
          .meaning = "CSV of measured networks (arch, ms) to fit one to",
          .key = "table",
          .file = &LatencyConfig::table,
          .recognises = is_csv,
          .describe =
              [](const Config& config) {
                return fmt::format("batch {}, fitted to the networks in {}", config.latency.batch,
                                   config.latency.table);
              },
          .identity = content_of,
          .inputs =
              [](const LatencyConfig& config) {
                return nlohmann::json{{"table", content_of(config.table)}, {"batch", config.batch}};
              },
          .make = make_table};
}

}  // namespace hsconas
