#include "hsconas/report/codesign_record.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-codesign-1";

json to_json(const Metrics& metrics) {
  return {{"latency", metrics.ms}, {"energy", metrics.energy}, {"area", metrics.area_mm2}};
}

json to_json(const CodesignPair& pair) {
  json object = {{"arch", pair.arch},
                 {"design", pair.design},
                 {"accuracy", pair.accuracy},
                 {"latency_ms", pair.latency_ms},
                 {"energy", pair.energy}};
  if (pair.compression) {
    object["start"] = pair.compression->start;
    object["bits"] = pair.compression->bits;
  }
  return object;
}

json to_json(const std::vector<CodesignPair>& pairs) {
  json list = json::array();
  for (const auto& pair : pairs) list.push_back(to_json(pair));
  return list;
}

json to_json(const BestCodesignPair& best) {
  json object = to_json(static_cast<const CodesignPair&>(best));
  object["layers"] = best.layers;
  object["area_mm2"] = best.area_mm2;
  if (best.power_mw) object["power_mw"] = *best.power_mw;
  object["accelerator"] = best.accelerator;
  return object;
}

json to_json(const RankMatrix& matrix) {
  json values = json::array();
  for (const double value : matrix.values) {
    values.push_back(std::isnan(value) ? json() : json(value));
  }
  return {{"designs", matrix.designs}, {"values", std::move(values)}};
}

json to_json(const RankSummary& ranks) {
  json object = {{"networks", ranks.networks},
                 {"latency_median", ranks.latency_median},
                 {"latency_lowest", ranks.latency_lowest},
                 {"energy_median", ranks.energy_median},
                 {"energy_lowest", ranks.energy_lowest},
                 {"designs_below", ranks.designs_below},
                 {"below", ranks.below}};
  if (ranks.matrix) object["matrix"] = to_json(*ranks.matrix);
  return object;
}

json to_json(const CostNetworksSummary& evaluator) {
  return {{"regret_median", evaluator.regret_median},
          {"regret_mean", evaluator.regret_mean},
          {"regret_p95", evaluator.regret_p95},
          {"right", evaluator.right},
          {"pair_error", to_json(evaluator.pair_error)},
          {"best_error", to_json(evaluator.best_error)},
          {"seconds", evaluator.seconds},
          {"design", evaluator.design},
          {"regret", evaluator.regret}};
}

json to_json(const DanceSummary& dance) {
  json object = {{"cost", dance.cost},
                 {"edap", dance.edap},
                 {"test_accuracy", dance.test_accuracy},
                 {"skip_share", dance.skip_share},
                 {"macs", dance.macs},
                 {"probabilities", dance.probabilities}};
  if (dance.evaluator) object["evaluator"] = to_json(*dance.evaluator);
  return object;
}

json to_json(const StartSummary& start) {
  json object = {{"folder", start.folder}, {"arch", start.arch}, {"accuracy", start.accuracy}};
  if (start.best) {
    object["best"] = {{"design", start.best->design},
                      {"latency_ms", start.best->latency_ms},
                      {"energy", start.best->energy}};
  }
  return object;
}

json to_json(const CompressionSummary& compression) {
  json starts = json::array();
  for (const StartSummary& start : compression.starts) starts.push_back(to_json(start));
  const ImageCount& images = compression.images_per_network;
  json object = {{"starts", std::move(starts)},
                 {"start_front", to_json(compression.start_front)},
                 {"images_per_network", {{"trained", images.trained}, {"tested", images.tested}}}};
  if (compression.test_accuracy) object["test_accuracy"] = *compression.test_accuracy;
  return object;
}

void read(JsonReader reader, Metrics& metrics) {
  metrics = {.ms = reader.required<double>("latency"),
             .energy = reader.required<double>("energy"),
             .area_mm2 = reader.required<double>("area")};
}

void read(JsonReader& reader, CodesignPair& pair) {
  pair.arch = reader.required<std::string>("arch");
  pair.design = reader.required<std::string>("design");
  pair.accuracy = reader.required<double>("accuracy");
  pair.latency_ms = reader.required<double>("latency_ms");
  pair.energy = reader.required<double>("energy");
  if (reader.has("start")) {
    pair.compression = {.start = reader.required<std::size_t>("start"),
                        .bits = reader.required<std::vector<int>>("bits")};
  }
}

void read(JsonReader reader, BestCodesignPair& best) {
  read(reader, static_cast<CodesignPair&>(best));
  best.layers = reader.required<std::string>("layers");
  best.area_mm2 = reader.required<double>("area_mm2");
  if (reader.has("power_mw")) best.power_mw = reader.required<double>("power_mw");
  best.accelerator = reader.required<json>("accelerator");
}

void read(JsonReader& reader, StartSummary& start) {
  start.folder = reader.required<std::string>("folder");
  start.arch = reader.required<std::string>("arch");
  start.accuracy = reader.required<double>("accuracy");
  if (!reader.has("best")) return;
  JsonReader best = reader.child("best");
  start.best = {.design = best.required<std::string>("design"),
                .latency_ms = best.required<double>("latency_ms"),
                .energy = best.required<double>("energy")};
}

template <typename Item>
std::vector<Item> read_list(JsonReader& reader, const char* key) {
  const auto list = reader.required<json>(key);
  if (!list.is_array()) reader.fail(key, "must be a list");
  std::vector<Item> items;
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader child(list[i], fmt::format("{}[{}]", key, i), ErrorKind::Data);
    read(child, items.emplace_back());
  }
  return items;
}

void read(JsonReader reader, CompressionSummary& compression) {
  compression.starts = read_list<StartSummary>(reader, "starts");
  compression.start_front = read_list<CodesignPair>(reader, "start_front");
  JsonReader images = reader.child("images_per_network");
  compression.images_per_network = {.trained = images.required<std::int64_t>("trained"),
                                    .tested = images.required<std::int64_t>("tested")};
  if (reader.has("test_accuracy")) {
    compression.test_accuracy = reader.required<double>("test_accuracy");
  }
}

void read(JsonReader reader, RankMatrix& matrix) {
  matrix.designs = reader.required<std::vector<std::string>>("designs");
  const auto values = reader.required<json>("values");
  const std::size_t count = matrix.designs.size() * matrix.designs.size();
  if (!values.is_array() || values.size() != count) {
    reader.fail("values", fmt::format("must be a list of {} numbers", count));
  }
  for (const json& value : values) {
    if (!value.is_number() && !value.is_null()) reader.fail("values", "must hold numbers");
    matrix.values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                            : value.get<double>());
  }
}

void read(JsonReader reader, RankSummary& ranks) {
  ranks = {.networks = reader.required<std::size_t>("networks"),
           .latency_median = reader.required<double>("latency_median"),
           .latency_lowest = reader.required<double>("latency_lowest"),
           .energy_median = reader.required<double>("energy_median"),
           .energy_lowest = reader.required<double>("energy_lowest"),
           .designs_below = reader.required<std::size_t>("designs_below"),
           .below = reader.required<double>("below"),
           .matrix = {}};
  if (reader.has("matrix")) read(reader.child("matrix"), ranks.matrix.emplace());
}

void read(JsonReader reader, CostNetworksSummary& evaluator) {
  evaluator.regret_median = reader.required<double>("regret_median");
  evaluator.regret_mean = reader.required<double>("regret_mean");
  evaluator.regret_p95 = reader.required<double>("regret_p95");
  const auto right = reader.required<json>("right");
  if (!right.is_object()) reader.fail("right", "must be an object");
  for (const auto& [axis, share] : right.items()) {
    if (!share.is_number()) reader.fail("right", "must hold numbers");
    evaluator.right[axis] = share.get<double>();
  }
  read(reader.child("pair_error"), evaluator.pair_error);
  read(reader.child("best_error"), evaluator.best_error);
  evaluator.seconds = reader.required<double>("seconds");
  evaluator.design = reader.required<std::string>("design");
  evaluator.regret = reader.required<double>("regret");
}

void read(JsonReader reader, DanceSummary& dance) {
  dance.cost = reader.required<double>("cost");
  dance.edap = reader.required<double>("edap");
  dance.test_accuracy = reader.required<double>("test_accuracy");
  dance.skip_share = reader.required<double>("skip_share");
  dance.macs = reader.required<std::int64_t>("macs");
  dance.probabilities = reader.required<std::vector<std::vector<double>>>("probabilities");
  if (reader.has("evaluator")) read(reader.child("evaluator"), dance.evaluator.emplace());
}

/// A pair names the start that it was made from by its index.
void check_starts(const CodesignRecord& record, const CompressionSummary& compression) {
  const auto check = [&](const CodesignPair& pair) {
    if (!pair.compression || pair.compression->start < compression.starts.size()) return;
    throw Error(ErrorKind::Data, fmt::format("start {} is not one of the {} in compression.starts",
                                             pair.compression->start, compression.starts.size()));
  };
  check(record.best);
  for (const CodesignPair& pair : record.front) check(pair);
}

CodesignRecord read_record(JsonReader reader) {
  CodesignRecord record{.name = reader.required<std::string>("name"),
                        .seed = reader.required<std::uint64_t>("seed"),
                        .method = reader.required<std::string>("method"),
                        .space = reader.required<std::string>("space"),
                        .limits = reader.required<std::string>("limits"),
                        .batch = reader.required<int>("batch"),
                        .energy_unit = reader.required<std::string>("energy_unit"),
                        .front = read_list<CodesignPair>(reader, "front"),
                        .pairs_csv = reader.required<std::string>("pairs_csv"),
                        .seconds = reader.required<double>("seconds")};
  JsonReader designs = reader.child("designs");
  record.designs = designs.required<std::string>("name");
  record.design_count = designs.required<std::size_t>("count");
  record.left_out = designs.required<std::size_t>("left_out");
  JsonReader counts = reader.child("evaluations");
  record.networks = counts.required<std::int64_t>("networks");
  record.pairs = counts.required<std::int64_t>("pairs");
  read(reader.child("best"), record.best);
  if (reader.has("proxy")) record.proxy = reader.required<std::string>("proxy");
  if (reader.has("proxy_set")) record.proxy_set = read_list<CodesignPair>(reader, "proxy_set");
  if (reader.has("ranks")) read(reader.child("ranks"), record.ranks.emplace());
  if (reader.has("dance")) read(reader.child("dance"), record.dance.emplace());
  if (reader.has("compression")) {
    read(reader.child("compression"), record.compression.emplace());
    check_starts(record, *record.compression);
  }
  if (reader.has("optimum")) {
    JsonReader optimum = reader.child("optimum");
    read(optimum, record.optimum.emplace());
  }
  return record;
}

std::string format_compression(const CompressionSummary& compression,
                               const CodesignRecord& record) {
  TextTable table({"start", "network", "best accelerator", "accuracy", "latency ms",
                   "energy " + record.energy_unit});
  for (const StartSummary& start : compression.starts) {
    const auto& best = start.best;
    table.add({start.folder, start.arch, best ? best->design : "none fits",
               fmt::format("{:.2f} %", 100.0 * start.accuracy),
               best ? fmt::format("{:.4f}", best->latency_ms) : "",
               best ? fmt::format("{:.4g}", best->energy) : ""});
  }
  std::string text = "\nbefore the compression, on the designs with the lowest energy x delay:\n\n";
  text += table.str();
  if (record.best.compression) {
    const Compression& best = *record.best.compression;
    text += fmt::format("\nthe winner is made from {}; weights: {}\n",
                        compression.starts[best.start].folder, describe_bits(best.bits));
  }
  if (compression.test_accuracy) {
    text += fmt::format("{:.2f} % on the test set\n", 100.0 * *compression.test_accuracy);
  }
  return text;
}

std::string format_dance(const DanceSummary& dance) {
  std::string text = fmt::format(
      "energy x delay x area {:.4g}; {:.2f} % on the test set; {:.0f} % of the layers skipped\n",
      dance.edap, 100.0 * dance.test_accuracy, 100.0 * dance.skip_share);
  if (dance.evaluator) {
    text += fmt::format("the evaluator would have chosen {}, which costs {:.4f} times as much\n",
                        dance.evaluator->design, dance.evaluator->regret);
  }
  return text;
}

std::string format_optimum(const CodesignRecord& record) {
  if (record.is_optimal()) return "this is the best of all pairs\n";
  const CodesignPair& optimum = *record.optimum;
  return fmt::format(
      "best of all pairs: {} on {}, {:.2f} %, {:.4f} ms, energy {:.4g}; the pair found is {:.3f} "
      "percentage points below it\n",
      optimum.arch, optimum.design, 100.0 * optimum.accuracy, optimum.latency_ms, optimum.energy,
      *record.gap_points());
}

}  // namespace

std::string describe_bits(const std::vector<int>& bits) {
  std::map<int, int> blocks;
  for (const int count : bits) ++blocks[count];
  std::string text;
  for (const auto& [count, number] : blocks) {
    text += fmt::format("{}{} bits in {} block{}", text.empty() ? "" : ", ", count, number,
                        number == 1 ? "" : "s");
  }
  return text.empty() ? "not rounded" : text;
}

std::optional<double> CodesignRecord::gap_points() const {
  if (!optimum) return std::nullopt;
  return 100.0 * (optimum->accuracy - best.accuracy);
}

bool CodesignRecord::is_optimal() const {
  if (!optimum || best.accuracy != optimum->accuracy) return false;
  return best.latency_ms * best.energy == optimum->latency_ms * optimum->energy;
}

json to_json(const CodesignRecord& record) {
  json object = {
      {"format", kFormat},
      {"name", record.name},
      {"seed", record.seed},
      {"method", record.method},
      {"space", record.space},
      {"designs",
       {{"name", record.designs}, {"count", record.design_count}, {"left_out", record.left_out}}},
      {"limits", record.limits},
      {"batch", record.batch},
      {"energy_unit", record.energy_unit},
      {"best", to_json(record.best)},
      {"front", to_json(record.front)},
      {"evaluations", {{"networks", record.networks}, {"pairs", record.pairs}}},
      {"pairs_csv", record.pairs_csv},
      {"seconds", record.seconds}};
  if (record.proxy) object["proxy"] = *record.proxy;
  if (record.proxy_set) object["proxy_set"] = to_json(*record.proxy_set);
  if (record.ranks) object["ranks"] = to_json(*record.ranks);
  if (record.dance) object["dance"] = to_json(*record.dance);
  if (record.compression) object["compression"] = to_json(*record.compression);
  if (record.optimum) {
    object["optimum"] = to_json(*record.optimum);
    object["optimum"]["gap_points"] = *record.gap_points();
  }
  return object;
}

CodesignRecord read_codesign_record(const json& object, const std::string& source) {
  if (!object.is_object() || object.value("format", json()) != kFormat) {
    throw Error(ErrorKind::Data, source + ": not a result of codesign; use --overwrite");
  }
  try {
    return read_record(JsonReader(object, "", ErrorKind::Data));
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: {}", source, error.what()));
  }
}

std::string format_codesign_record(const CodesignRecord& record) {
  const BestCodesignPair& best = record.best;
  std::string text = fmt::format("\n{} over {} x {} ({} designs, limits: {})\n\n", record.method,
                                 record.space, record.designs, record.design_count, record.limits);
  TextTable table(
      {"network", "accelerator", "accuracy", "latency ms", "energy " + record.energy_unit, "mm^2"});
  table.add({best.arch, best.design, fmt::format("{:.2f} %", 100.0 * best.accuracy),
             fmt::format("{:.4f}", best.latency_ms), fmt::format("{:.4g}", best.energy),
             fmt::format("{:.3f}", best.area_mm2)});
  text += table.str();
  text += fmt::format("\n{} networks judged, {} pairs costed in {:.2f} s; {} pairs on the front\n",
                      record.networks, record.pairs, record.seconds, record.front.size());
  if (record.optimum) text += format_optimum(record);
  if (record.proxy_set) {
    text += fmt::format("{} networks from the proxy {}\n", record.proxy_set->size(),
                        record.proxy.value_or(""));
  }
  if (record.ranks) {
    text += fmt::format(
        "Spearman with the proxy: latency median {:.3f}, lowest {:.3f}; energy median {:.3f}, "
        "lowest {:.3f}\n",
        record.ranks->latency_median, record.ranks->latency_lowest, record.ranks->energy_median,
        record.ranks->energy_lowest);
  }
  if (record.dance) text += format_dance(*record.dance);
  if (record.compression) text += format_compression(*record.compression, record);
  return text + fmt::format("network: {}\n", best.layers);
}

}  // namespace hsconas
