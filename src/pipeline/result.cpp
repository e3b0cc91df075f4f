#include "hsconas/pipeline/result.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

json to_json(const JudgedArchitecture& judged, const SearchSpace& space,
             const LatencyStage& latency) {
  const Candidate& candidate = judged.candidate;
  const Cost cost = space.cost(candidate.arch);
  const double error_ms = latency.table.error_percent / 100.0 * candidate.latency_ms;
  json row = {{"title", judged.title},
              {"arch", space.encode(candidate.arch)},
              {"layers", space.describe(candidate.arch)},
              {"accuracy", candidate.accuracy},
              {"predicted_ms", candidate.latency_ms},
              {"error_ms", error_ms},
              {"target_within_error",
               std::abs(candidate.latency_ms - latency.objective.target_ms) <= error_ms},
              {"score", candidate.score},
              {"macs", cost.macs},
              {"parameters", cost.parameters()}};
  if (judged.measured_ms) row["measured_ms"] = *judged.measured_ms;
  return row;
}

NetworkRegion::Extremes by_macs(const SearchSpace& space, const NetworkRegion& region) {
  return region.extremes(
      [&](const Architecture& arch) { return static_cast<double>(space.cost(arch).macs); });
}

std::string signed_percent(double ratio) {
  return fmt::format("{:+.1f} %", (ratio - 1.0) * 100.0);
}

}  // namespace

Architecture smallest(const SearchSpace& space) {
  return space.canonical(by_macs(space, Subspace::full(space)).least);
}

Architecture largest(const SearchSpace& space) {
  return largest(space, Subspace::full(space));
}

Architecture largest(const SearchSpace& space, const NetworkRegion& region) {
  return space.canonical(by_macs(space, region).greatest);
}

json to_json(const RunResult& result, const SearchResult& found, const Config& config,
             const SearchSpace& space, const NetworkRegion& region, const LatencyStage& latency) {
  json others = json::array();
  for (const auto& other : result.others) others.push_back(to_json(other, space, latency));
  json history = json::array();
  for (const auto& generation : found.history) {
    history.push_back({{"evaluations", generation.evaluations},
                       {"best_score", generation.best_score},
                       {"mean_score", generation.mean_score}});
  }
  json random = json::array();
  for (const Candidate& candidate : result.random) {
    random.push_back({{"arch", space.encode(candidate.arch)},
                      {"accuracy", candidate.accuracy},
                      {"predicted_ms", candidate.latency_ms},
                      {"score", candidate.score}});
  }
  json weights = json::array();
  for (const auto& judged_by : result.weights) {
    weights.push_back({{"stage", judged_by.stage}, {"weights", judged_by.fingerprint}});
  }
  json winner = to_json(result.winner, space, latency);
  winner["test_accuracy"] = result.test_accuracy;
  return {{"format", kResultFormat},
          {"name", config.name},
          {"seed", config.seed},
          {"space", config.space.name},
          {"log10_space", Subspace::full(space).log10_size()},
          {"log10_shrunk_space", region.log10_size()},
          {"target_ms", latency.objective.target_ms},
          {"beta", latency.objective.beta},
          {"device", describe(latency.table.device)},
          {"batch", latency.table.device.batch},
          {"winner", winner},
          {"others", others},
          {"random",
           {{"count", result.random.size()},
            {"median_accuracy", result.random_median},
            {"candidates", random}}},
          {"weights", weights},
          {"search",
           {{"method", config.search.method},
            {"evaluations", found.scored.size()},
            {"history", history}}}};
}

json load_result(const std::filesystem::path& path) {
  json result = read_sealed_json(path);
  if (!result.is_object() || !result.contains("format") || result["format"] != kResultFormat) {
    throw Error(ErrorKind::Data, path.string() + ": not a result of a search; use --overwrite");
  }
  return result;
}

std::string format_result(const json& result) {
  const bool is_measured = result.at("winner").contains("measured_ms");
  std::vector<std::string> head{"", "accuracy", "F", "predicted ms", "vs T"};
  if (is_measured) head.insert(head.end(), {"measured ms", "vs predicted"});
  head.insert(head.end(), {"MACs (M)", "params (M)"});
  TextTable table(head);
  const double target = result.at("target_ms");
  const auto add = [&](const json& row) {
    const double predicted = row.at("predicted_ms");
    std::vector<std::string> cells{
        row.at("title").get<std::string>(),
        fmt::format("{:.2f} %", row.at("accuracy").get<double>() * 100.0),
        fmt::format("{:.4f}", row.at("score").get<double>()), fmt::format("{:.3f}", predicted),
        signed_percent(predicted / target)};
    if (is_measured) {
      const double measured = row.at("measured_ms");
      cells.push_back(fmt::format("{:.3f}", measured));
      cells.push_back(signed_percent(measured / predicted));
    }
    cells.push_back(fmt::format("{:.2f}", row.at("macs").get<double>() / 1e6));
    cells.push_back(fmt::format("{:.3f}", row.at("parameters").get<double>() / 1e6));
    table.add(std::move(cells));
  };
  const json& winner = result.at("winner");
  add(winner);
  for (const json& other : result.at("others")) add(other);
  std::string text =
      fmt::format("\nT = {:.3f} ms per batch of {} on {}\n\n", target,
                  result.at("batch").get<int>(), result.at("device").get<std::string>());
  text += table.str();
  if (!is_measured) {
    text += "\nLatencies are predicted: nothing was timed here, T is another device's.\n";
  }
  text += fmt::format(
      "\nAccuracies are on held-out training images, with shared weights. {} random architectures\n"
      "within 10 % of T have a median of {:.2f} %. The winner on the test set: {:.2f} %.\n\n",
      result.at("random").at("count").get<int>(),
      result.at("random").at("median_accuracy").get<double>() * 100.0,
      winner.at("test_accuracy").get<double>() * 100.0);
  const double error_ms = winner.at("error_ms");
  if (error_ms > 0.0) {
    text += fmt::format(
        "Latency model: 90 % of networks take what is predicted within {:.1f} %; the winner "
        "{:.3f} +- {:.3f} ms.\n{}\n",
        100.0 * error_ms / winner.at("predicted_ms").get<double>(),
        winner.at("predicted_ms").get<double>(), error_ms,
        winner.at("target_within_error").get<bool>()
            ? "T lies inside that error bar: by the model alone the budget may be kept or missed.\n"
            : "");
  }
  text += fmt::format("winner: {}\n  {}\n", winner.at("arch").get<std::string>(),
                      winner.at("layers").get<std::string>());
  return text;
}

}  // namespace hsconas
