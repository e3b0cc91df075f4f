#include "hsconas/stages/known_run.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/base/version.hpp"
#include "hsconas/config/known_settings.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/report/latency_report.hpp"
#include "hsconas/report/run_report.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/begin_run.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/stages/load_run.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/search_steps.hpp"
#include "hsconas/stages/stage.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

std::string versions_without_torch() {
  return fmt::format("{}\ncompiler {}\n", version_line(), __VERSION__);
}

/// Shrinking goes layer by layer, so it needs every combination of what it leaves.
void check_shrinking(const Config& config, const KnownNetworks& known) {
  if (config.shrink.stages.empty() || known.is_complete()) return;
  throw Error(
      ErrorKind::Usage,
      fmt::format("shrinking needs every network of the space, but only {} have an accuracy "
                  "and a latency: set shrink.stages=[]",
                  known.networks().size()));
}

double error_percent(const KnownNetworks& known) {
  return known.table() ? known.table()->error_percent : 0.0;
}

std::string describe_budget(const KnownNetworks& known) {
  const Objective& objective = known.objective();
  if (!objective.has_target()) return "latency: none is known, so there is no budget";
  const LatencyRange range = latency_range(known.latency(), *known.region());
  return fmt::format("latency: {:.6g} to {:.6g} {}, T = {:.6g} {}, {}", range.fastest_ms,
                     range.slowest_ms, known.latency().unit(), objective.target_ms,
                     known.latency().unit(), known.latency_from());
}

void warn_without_effect(const Config& config, Log& log) {
  const std::vector<std::string> keys = settings_without_effect(config);
  if (keys.empty()) return;
  log.warn(
      fmt::format("accuracies are known, so nothing is trained or timed, and these settings "
                  "have no effect: {}",
                  join(keys, ", ")));
}

}  // namespace

KnownRun::KnownRun(Config config, WorkDir dir, Log& log, const StopToken& stop, bool may_change)
    : config_(std::move(config)),
      dir_(std::move(dir)),
      log_(log),
      stop_(stop, dir_.files.group()),
      known_(config_, log, stop),
      record_(dir_.stages(), dir_.starts_over, dir_.files) {
  if (!dir_.starts_over) check_kind(dir_, RunKind::Search);
  check_shrinking(config_, known_);
  check_target(known_.latency(), *known_.region(), known_.objective());
  embeddings_ = known_.load_embeddings(config_.search.embeddings);
  const Config resolved = with_resolved_precisions(config_);
  const json settings = StageInputs(resolved, {}).config();
  check_changes(dir_, record_, settings, {}, may_change);
  begin_run(config_, dir_, record_, RunKind::Search, settings, versions_without_torch(), log_);
  metrics_.emplace(dir_.metrics(), true, config_.log.tensorboard, dir_.files);
  warn_without_effect(config_, log_);
  log_.info(describe_space(space()));
  log_.info(fmt::format("accuracies: {} networks in {}", known_.networks().size(),
                        config_.score.accuracies));
  log_.info(describe_budget(known_));
  weights_ = fingerprint_of({{"file", fingerprint(read_file(config_.score.accuracies))},
                             {"column", config_.score.accuracy_column}});
  scorer_ = std::make_unique<Scorer>(space(), known_.accuracies(), known_.latency(),
                                     known_.objective(), dir_.candidates(), dir_.files);
  scorer_->set_weights(weights_);
}

LatencyIdentity KnownRun::latency_identity() const {
  LatencyIdentity identity{.target_ms = known_.objective().target_ms, .table = {}};
  if (known_.table()) identity.table = fingerprint_of(to_json(*known_.table()));
  const bool is_own_file = !config_.latency.column.empty() && !config_.latency.table.empty();
  if (is_own_file) identity.table = fingerprint(read_file(config_.latency.table));
  return identity;
}

void KnownRun::latency() {
  if (!known_.table()) return;
  run_stage({.name = "latency",
             .inputs = inputs().latency(),
             .outputs = {dir_.latency()},
             .produce =
                 [this] {
                   write_sealed_json(dir_.latency(), to_json(*known_.table()));
                   write_file(dir_.latency_plot(), to_svg(latency_scatter(*known_.table())));
                 }},
            record_, log_);
}

const NetworkRegion& KnownRun::shrunk() {
  if (shrunk_) return *shrunk_;
  latency();
  std::shared_ptr<const NetworkRegion> region = known_.region();
  ShrinkRecord record = empty_shrink_record(config_, known_.objective());
  for (std::size_t i = 0; i < config_.shrink.stages.size(); ++i) {
    shrink_once(config_, i, *scorer_, region, record, log_, stop_);
    write_sealed_json(dir_.shrink(), to_json(record));
  }
  shrunk_ = std::move(region);
  return *shrunk_;
}

ResultRecord KnownRun::search() {
  latency();
  ResultRecord result;
  run_stage({.name = "search",
             .inputs = inputs().search(latency_identity()),
             .outputs = {dir_.result()},
             .produce = [&] { result = search_stage(); },
             .load =
                 [&] {
                   result = read_result(dir_.files.read_sealed_json(dir_.result()),
                                        dir_.result().string());
                   return true;
                 }},
            record_, log_);
  write_file(dir_.report(), run_report(load_run(dir_.root)));
  return result;
}

ResultRecord KnownRun::search_stage() {
  ResultRecord result =
      score_baseline(config_, *known_.region(), *scorer_, error_percent(known_), log_);
  const NetworkRegion& region = shrunk();
  log_.info(fmt::format("search: {} among {} architectures", config_.search.method,
                        format_power(region.log10_size())));
  const SearchResult found =
      hsconas::search(region, *scorer_, config_.search, config_.seed, log_, stop_,
                      to_metrics(*metrics_), embeddings_ ? &*embeddings_ : nullptr);
  add_search(config_, region, *scorer_, error_percent(known_), found, result);
  result.device = known_.latency_from();
  result.weights = {{.stage = "known accuracies", .fingerprint = weights_}};
  result.known = {.accuracies = config_.score.accuracies,
                  .accuracy_column = config_.score.accuracy_column,
                  .reported_column = config_.score.reported_column,
                  .latency_from = known_.latency_from(),
                  .latency_unit = config_.latency.unit};
  report_accuracies(result);
  log_.info(
      fmt::format("winner: F {:.4f}, {:.2f} %", found.best.score, 100.0 * found.best.accuracy));
  write_sealed_json(dir_.result(), to_json(result));
  return result;
}

void KnownRun::report_accuracies(ResultRecord& result) const {
  if (known_.reported() == nullptr) return;
  const auto report = [this](ComparedArchitecture& row) {
    row.reported = known_.reported()->accuracy(space().decode(row.arch));
  };
  report(result.winner);
  for (ComparedArchitecture& other : result.others) report(other);
}

std::string describe_known_search(const Config& config, Log& log, const StopToken& stop) {
  const KnownNetworks known(config, log, stop);
  check_shrinking(config, known);
  check_target(known.latency(), *known.region(), known.objective());
  known.load_embeddings(config.search.embeddings);
  warn_without_effect(config, log);
  const int evaluations = find_search_method(config.search.method).evaluations(config.search);
  std::string text = describe_space(known.space()) + "\n";
  text +=
      fmt::format("accuracies: {} networks in column {} of {}; nothing is trained\n",
                  known.networks().size(), config.score.accuracy_column, config.score.accuracies);
  if (known.reported() != nullptr) {
    text += fmt::format("reported: column {}\n", config.score.reported_column);
  }
  text += describe_budget(known) + "\n" + describe_shrinking(config.shrink, known.space());
  text += fmt::format("search: {}, {} evaluations\n", config.search.method, evaluations);
  return text + fmt::format(
                    "files: config.json version.txt log.txt metrics.jsonl stages.json {}"
                    "candidates.csv result.json report.html\n",
                    known.table() ? "latency.json latency.svg " : "");
}

CodesignRecord codesign_known(Config config, const WorkDir& dir, Log& log, const StopToken& stop,
                              bool may_change) {
  config = with_resolved_precisions(std::move(config));
  const CodesignConfig& settings = config.codesign;
  StageRecord record(dir.stages(), dir.starts_over, dir.files);
  if (!dir.starts_over) check_kind(dir, RunKind::Codesign);
  proxy_of(designs_of(config), settings);
  const SearchSpace space(config.space);
  TableEvaluator table(space, settings.accuracies, settings.accuracy_column);
  const StageInputs inputs(config, {});
  check_changes(dir, record, inputs.config(), {}, may_change);
  begin_run(config, dir, record, RunKind::Codesign, inputs.config(), versions_without_torch(), log);
  log.info(describe_space(space));
  CodesignRecord found = run_codesign(
      config, dir, record,
      {.evaluator = table, .networks = table.architectures(), .inputs = inputs.known_accuracies()},
      log, stop);
  write_codesign_report(dir);
  return found;
}

}  // namespace hsconas
