#include "hsconas/report/run_record.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kShrinkFormat = "hsconas-shrink-1";

json to_json(const ComparedArchitecture& compared, double target_ms) {
  json row = {{"title", compared.title},
              {"arch", compared.arch},
              {"layers", compared.layers},
              {"accuracy", compared.accuracy},
              {"predicted_ms", compared.predicted_ms},
              {"error_ms", compared.error_ms},
              {"target_within_error", compared.is_near(target_ms)},
              {"score", compared.score},
              {"macs", compared.macs},
              {"parameters", compared.parameters}};
  if (compared.measured_ms) row["measured_ms"] = *compared.measured_ms;
  if (compared.reported) row["reported_accuracy"] = *compared.reported;
  if (!compared.limited.empty()) row["limited"] = compared.limited;
  return row;
}

json to_json(const ShrinkRecord::Layer& layer) {
  json operators = json::array();
  for (const auto& quality : layer.operators) {
    operators.push_back({{"op", quality.op},
                         {"q", quality.q},
                         {"spread", quality.spread},
                         {"difference", quality.difference},
                         {"standard_error", quality.standard_error},
                         {"within_budget", quality.within_budget}});
  }
  return {{"layer", layer.layer}, {"kept", layer.kept}, {"operators", operators}};
}

json to_json(const ShrinkRecord::Stage& stage) {
  json layers = json::array();
  for (const auto& layer : stage.layers) layers.push_back(to_json(layer));
  json written = {{"name", stage.name},
                  {"log10_size_before", stage.log10_size_before},
                  {"log10_size_after", stage.log10_size_after},
                  {"layers", layers},
                  {"best", {{"count", stage.best}, {"diversity", stage.diversity}}}};
  for (const auto& round : stage.rounds) {
    written["rounds"].push_back({{"log10_size", round.log10_size},
                                 {"samples", round.samples},
                                 {"mean", round.mean},
                                 {"standard_error", round.standard_error},
                                 {"kept", round.is_kept}});
  }
  if (stage.radius > 0) {
    written["balls"] = {
        {"radius", stage.radius}, {"seeds", stage.seeds}, {"size_error", stage.size_error}};
  }
  return written;
}

/// Errors of `read` name the file.
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

std::optional<double> read_optional(JsonReader& reader, const char* key) {
  return reader.has(key) ? std::optional(reader.required<double>(key)) : std::nullopt;
}

ComparedArchitecture read_compared(JsonReader& reader) {
  return {.title = reader.required<std::string>("title"),
          .arch = reader.required<std::string>("arch"),
          .layers = reader.required<std::string>("layers"),
          .accuracy = reader.required<double>("accuracy"),
          .score = reader.required<double>("score"),
          .predicted_ms = reader.required<double>("predicted_ms"),
          .error_ms = reader.required<double>("error_ms"),
          .measured_ms = read_optional(reader, "measured_ms"),
          .macs = reader.required<std::int64_t>("macs"),
          .parameters = reader.required<std::int64_t>("parameters"),
          .reported = read_optional(reader, "reported_accuracy"),
          .limited = reader.optional<std::vector<double>>("limited", {})};
}

json to_json(const KnownSources& known) {
  return {{"accuracies", known.accuracies},
          {"accuracy_column", known.accuracy_column},
          {"reported_column", known.reported_column},
          {"latency_from", known.latency_from},
          {"latency_unit", known.latency_unit}};
}

KnownSources read_known(JsonReader reader) {
  return {.accuracies = reader.required<std::string>("accuracies"),
          .accuracy_column = reader.required<std::string>("accuracy_column"),
          .reported_column = reader.required<std::string>("reported_column"),
          .latency_from = reader.required<std::string>("latency_from"),
          .latency_unit = reader.required<std::string>("latency_unit")};
}

LimitRecord read_limit(JsonReader& reader) {
  const auto word = reader.required<std::string>("unit");
  const auto unit = parse_word<LimitUnit>(word);
  if (!unit) reader.fail("unit", "is unknown: " + word);
  return {.key = reader.required<std::string>("key"),
          .what = reader.required<std::string>("what"),
          .unit = *unit,
          .bound = reader.required<double>("at_most")};
}

/// Throws unless every compared architecture has a value for each limit.
void check_limited(JsonReader& reader, const ResultRecord& result) {
  const auto check = [&](const ComparedArchitecture& row) {
    if (row.limited.size() == result.limits.size()) return;
    reader.fail("limits", fmt::format("are {}, but the {} has {} limited quantities",
                                      result.limits.size(), row.title, row.limited.size()));
  };
  check(result.winner);
  for (const ComparedArchitecture& other : result.others) check(other);
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

json to_json(const ResultRecord::Generation& generation) {
  json object{{"evaluations", generation.evaluations},
              {"best_score", generation.best_score},
              {"mean_score", generation.mean_score}};
  if (generation.hypervolume > 0.0) object["hypervolume"] = generation.hypervolume;
  return object;
}

json to_json(const ScoredArchitecture& scored) {
  return {{"arch", scored.arch},
          {"accuracy", scored.accuracy},
          {"predicted_ms", scored.latency_ms},
          {"score", scored.score}};
}

json to_json(const std::vector<ScoredArchitecture>& candidates) {
  json list = json::array();
  for (const auto& scored : candidates) list.push_back(to_json(scored));
  return list;
}

json to_json(const ResultRecord::Reading& reading) {
  json object = to_json(reading.network);
  object["step"] = reading.step;
  return object;
}

ShrinkRecord::Round read_round(JsonReader& reader) {
  return {.log10_size = reader.required<double>("log10_size"),
          .samples = reader.required<int>("samples"),
          .mean = reader.required<double>("mean"),
          .standard_error = reader.required<double>("standard_error"),
          .is_kept = reader.required<bool>("kept")};
}

/// Stages of older programs have neither rounds nor balls, and do not say how diverse their best
/// networks are.
ShrinkRecord::Stage read_stage(JsonReader& reader) {
  ShrinkRecord::Stage stage{.name = reader.required<std::string>("name"),
                            .log10_size_before = reader.required<double>("log10_size_before"),
                            .log10_size_after = reader.required<double>("log10_size_after"),
                            .layers = read_list<ShrinkRecord::Layer>(reader, "layers", read_layer)};
  if (reader.has("rounds")) {
    stage.rounds = read_list<ShrinkRecord::Round>(reader, "rounds", read_round);
  }
  if (reader.has("balls")) {
    JsonReader balls = reader.child("balls");
    stage.radius = balls.required<int>("radius");
    stage.seeds = balls.required<std::vector<std::string>>("seeds");
    stage.size_error = balls.required<double>("size_error");
  }
  if (reader.has("best")) {
    JsonReader best = reader.child("best");
    stage.best = best.required<int>("count");
    stage.diversity = best.required<double>("diversity");
  }
  return stage;
}

}  // namespace

std::string ResultRecord::format_latency(double latency) const {
  return latency_unit() == "ms" ? fmt::format("{:.3f}", latency) : fmt::format("{:.6g}", latency);
}

json to_json(const ResultRecord& result) {
  json others = json::array();
  for (const auto& other : result.others) others.push_back(to_json(other, result.target_ms));
  json history = json::array();
  for (const auto& generation : result.history) history.push_back(to_json(generation));
  json weights = json::array();
  for (const auto& shared : result.weights) {
    weights.push_back({{"stage", shared.stage}, {"weights", shared.fingerprint}});
  }
  json winner = to_json(result.winner, result.target_ms);
  if (!result.known) winner["test_accuracy"] = result.test_accuracy;
  json search{{"method", result.method}, {"evaluations", result.evaluations}, {"history", history}};
  if (!result.front.empty()) search["front"] = to_json(result.front);
  for (const auto& reading : result.course) search["course"].push_back(to_json(reading));
  if (!result.course.empty()) search["collapsed"] = result.is_collapsed;
  json object{{"format", kResultFormat},
              {"name", result.name},
              {"seed", result.seed},
              {"space", result.space},
              {"log10_space", result.log10_space},
              {"log10_shrunk_space", result.log10_shrunk_space},
              {"target_ms", result.target_ms},
              {"beta", result.beta},
              {"device", result.device},
              {"batch", result.batch},
              {"winner", winner},
              {"others", others},
              {"random",
               {{"count", result.random.size()},
                {"median_accuracy", result.random_median},
                {"candidates", to_json(result.random)}}},
              {"weights", weights},
              {"search", search}};
  if (result.known) object["known"] = to_json(*result.known);
  for (const LimitRecord& limit : result.limits) {
    object["limits"].push_back({{"key", limit.key},
                                {"what", limit.what},
                                {"unit", word_of(limit.unit)},
                                {"at_most", limit.bound}});
  }
  return object;
}

json to_json(const ShrinkRecord& shrink) {
  json stages = json::array();
  for (const auto& stage : shrink.stages) stages.push_back(to_json(stage));
  return {{"format", kShrinkFormat},
          {"method", shrink.method},
          {"samples", shrink.samples},
          {"target_ms", shrink.target_ms},
          {"stages", stages}};
}

ResultRecord load_result(const std::filesystem::path& file) {
  return read_result(read_sealed_json(file), file.string());
}

ResultRecord read_result(const json& object, const std::string& source) {
  return reading(source, [&] {
    JsonReader reader(object, "", ErrorKind::Data);
    check_format(reader, kResultFormat);
    ResultRecord result{.name = reader.required<std::string>("name"),
                        .seed = reader.required<std::uint64_t>("seed"),
                        .space = reader.required<std::string>("space"),
                        .log10_space = reader.required<double>("log10_space"),
                        .log10_shrunk_space = reader.required<double>("log10_shrunk_space"),
                        .target_ms = reader.required<double>("target_ms"),
                        .beta = reader.required<double>("beta"),
                        .device = reader.required<std::string>("device"),
                        .batch = reader.required<int>("batch")};
    JsonReader winner = reader.child("winner");
    result.winner = read_compared(winner);
    if (reader.has("known")) result.known = read_known(reader.child("known"));
    if (!result.known) result.test_accuracy = winner.required<double>("test_accuracy");
    result.others = read_list<ComparedArchitecture>(reader, "others", read_compared);
    if (reader.has("limits")) {
      result.limits = read_list<LimitRecord>(reader, "limits", read_limit);
    }
    check_limited(reader, result);
    JsonReader random = reader.child("random");
    result.random_median = random.required<double>("median_accuracy");
    result.random = read_list<ScoredArchitecture>(random, "candidates", read_scored);
    result.weights =
        read_list<SharedWeights>(reader, "weights", [](JsonReader& weights) -> SharedWeights {
          return {weights.required<std::string>("stage"), weights.required<std::string>("weights")};
        });
    JsonReader search = reader.child("search");
    result.method = search.required<std::string>("method");
    result.evaluations = search.required<std::size_t>("evaluations");
    result.history = read_list<ResultRecord::Generation>(
        search, "history", [](JsonReader& generation) -> ResultRecord::Generation {
          return {
              generation.required<int>("evaluations"), generation.required<double>("best_score"),
              generation.required<double>("mean_score"), generation.optional("hypervolume", 0.0)};
        });
    if (search.has("front")) {
      result.front = read_list<ScoredArchitecture>(search, "front", read_scored);
    }
    if (search.has("course")) {
      result.course = read_list<ResultRecord::Reading>(
          search, "course", [](JsonReader& reading) -> ResultRecord::Reading {
            return {reading.required<std::int64_t>("step"), read_scored(reading)};
          });
      result.is_collapsed = search.required<bool>("collapsed");
    }
    return result;
  });
}

ShrinkRecord read_shrink(const json& object, const std::string& source) {
  return reading(source, [&] {
    JsonReader reader(object, "", ErrorKind::Data);
    check_format(reader, kShrinkFormat);
    return ShrinkRecord{.method = reader.optional<std::string>("method", "progressive"),
                        .samples = reader.required<int>("samples"),
                        .target_ms = reader.required<double>("target_ms"),
                        .stages = read_list<ShrinkRecord::Stage>(reader, "stages", read_stage)};
  });
}

void read_candidates(const std::filesystem::path& file, std::vector<SharedWeights> weights,
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
    csv.parsed(row, arch, [&](const std::string& text) { return space.decode(text); });
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
