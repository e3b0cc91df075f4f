#include "hsconas/report/run_record.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

/// Calls `read` and adds the file's name to its errors.
template <typename Read>
auto reading(const std::string& source, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: {}", source, error.what()));
  }
}

/// The objects of the list at `key`, each read by `read(JsonReader&)`.
template <typename Item, typename Read>
std::vector<Item> read_list(JsonReader& reader, const char* key, Read&& read) {
  const auto list = reader.required<json>(key);
  if (!list.is_array()) reader.fail(key, "must be a list");
  std::vector<Item> items;
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader child(list[i], fmt::format("{}[{}]", key, i), ErrorKind::Data);
    items.push_back(read(child));
  }
  return items;
}

void check_format(JsonReader& reader, const char* format) {
  const auto found = reader.required<std::string>("format");
  if (found == format) return;
  reader.fail("format", fmt::format("must be \"{}\", got \"{}\"", format, found));
}

ComparedArchitecture read_compared(JsonReader& reader) {
  return {.title = reader.required<std::string>("title"),
          .arch = reader.required<std::string>("arch"),
          .layers = reader.required<std::string>("layers"),
          .accuracy = reader.required<double>("accuracy"),
          .score = reader.required<double>("score"),
          .predicted_ms = reader.required<double>("predicted_ms"),
          .error_ms = reader.required<double>("error_ms"),
          .measured_ms = reader.has("measured_ms")
                             ? std::optional(reader.required<double>("measured_ms"))
                             : std::nullopt,
          .macs = reader.required<double>("macs"),
          .parameters = reader.required<double>("parameters")};
}

ScoredArchitecture read_scored(JsonReader& reader) {
  return {.arch = reader.required<std::string>("arch"),
          .accuracy = reader.required<double>("accuracy"),
          .latency_ms = reader.required<double>("predicted_ms"),
          .score = reader.required<double>("score")};
}

ShrinkRecord::Layer read_layer(JsonReader& reader) {
  return {.layer = reader.required<int>("layer"),
          .kept = reader.required<std::string>("kept"),
          .operators = read_list<ShrinkRecord::Operator>(
              reader, "operators", [](JsonReader& op) -> ShrinkRecord::Operator {
                return {.op = op.required<std::string>("op"),
                        .q = op.required<double>("q"),
                        .spread = op.required<double>("spread"),
                        .difference = op.required<double>("difference"),
                        .standard_error = op.required<double>("standard_error"),
                        .within_budget = op.required<bool>("within_budget")};
              })};
}

}  // namespace

ResultRecord read_result(const json& object, const std::string& source) {
  return reading(source, [&] {
    JsonReader reader(object, "", ErrorKind::Data);
    check_format(reader, kResultFormat);
    ResultRecord result{.log10_space = reader.required<double>("log10_space"),
                        .log10_shrunk_space = reader.required<double>("log10_shrunk_space"),
                        .target_ms = reader.required<double>("target_ms"),
                        .beta = reader.required<double>("beta"),
                        .device = reader.required<std::string>("device"),
                        .batch = reader.required<int>("batch")};
    JsonReader winner = reader.child("winner");
    result.winner = read_compared(winner);
    result.test_accuracy = winner.required<double>("test_accuracy");
    result.others = read_list<ComparedArchitecture>(reader, "others", read_compared);
    JsonReader random = reader.child("random");
    result.random_median = random.required<double>("median_accuracy");
    result.random = read_list<ScoredArchitecture>(random, "candidates", read_scored);
    result.weights =
        read_list<JudgingWeights>(reader, "weights", [](JsonReader& weights) -> JudgingWeights {
          return {weights.required<std::string>("stage"), weights.required<std::string>("weights")};
        });
    JsonReader search = reader.child("search");
    result.method = search.required<std::string>("method");
    result.history = read_list<ResultRecord::Generation>(
        search, "history", [](JsonReader& generation) -> ResultRecord::Generation {
          return {generation.required<int>("evaluations"),
                  generation.required<double>("best_score"),
                  generation.required<double>("mean_score")};
        });
    return result;
  });
}

ShrinkRecord read_shrink(const json& object, const std::string& source) {
  return reading(source, [&] {
    JsonReader reader(object, "", ErrorKind::Data);
    check_format(reader, "hsconas-shrink-1");
    return ShrinkRecord{
        .samples = reader.required<int>("samples"),
        .stages = read_list<ShrinkRecord::Stage>(
            reader, "stages", [](JsonReader& stage) -> ShrinkRecord::Stage {
              return {.name = stage.required<std::string>("name"),
                      .log10_size_before = stage.required<double>("log10_size_before"),
                      .log10_size_after = stage.required<double>("log10_size_after"),
                      .layers = read_list<ShrinkRecord::Layer>(stage, "layers", read_layer)};
            })};
  });
}

void read_candidates(const std::filesystem::path& file, std::vector<JudgingWeights> weights,
                     RunRecord& run) {
  const CsvTable csv = CsvTable::load(file);
  const std::size_t by = csv.column("weights");
  const std::size_t arch = csv.column("arch");
  const std::size_t accuracy = csv.column("accuracy");
  const std::size_t latency = csv.column("latency_ms");
  const std::size_t score = csv.column("score");
  const std::size_t images = csv.column("images");
  const std::size_t checksum = csv.column("crc32");
  const bool takes_all = weights.empty();
  run.weights = std::move(weights);
  const SearchSpace space(run.config.space);
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    std::string line;
    for (std::size_t column = 0; column < checksum; ++column) {
      line += (column == 0 ? "" : ",") + csv.text(row, column);
    }
    if (crc32_of(line) != csv.text(row, checksum)) {
      csv.fail(row, checksum, "does not match its line, which is damaged");
    }
    // Candidates scored on a part of the images have no exact accuracy; they are not among the
    // best.
    if (csv.text(row, images) != "all") continue;
    const std::string& fingerprint = csv.text(row, by);
    auto found = std::find_if(run.weights.begin(), run.weights.end(),
                              [&](const auto& known) { return known.fingerprint == fingerprint; });
    if (found == run.weights.end() && !takes_all) {
      ++run.earlier_candidates;
      continue;
    }
    if (found == run.weights.end()) {
      run.weights.push_back({fmt::format("weights {}", run.weights.size() + 1), fingerprint});
      found = run.weights.end() - 1;
    }
    try {
      space.decode(csv.text(row, arch));
    } catch (const Error& error) {
      csv.fail(row, arch, error.what());
    }
    const double value = csv.number(row, accuracy);
    if (value < 0.0 || value > 1.0) csv.fail(row, accuracy, "must be in [0, 1]");
    run.candidates.push_back({.arch = csv.text(row, arch),
                              .accuracy = value,
                              .latency_ms = csv.number(row, latency),
                              .score = csv.number(row, score),
                              .weights = static_cast<std::size_t>(found - run.weights.begin())});
  }
}

}  // namespace hsconas
