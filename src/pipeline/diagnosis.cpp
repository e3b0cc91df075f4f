#include "hsconas/pipeline/diagnosis.hpp"

#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/version.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/kernels/conv_kernels.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/score/feasible.hpp"
#include "hsconas/score/limits.hpp"
#include "hsconas/score/target.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/known_run.hpp"
#include "hsconas/supernet/device.hpp"
#include "run_data.hpp"

namespace hsconas {

namespace {

std::string gigabytes(double bytes) {
  return bytes < 0.0 ? "not known" : fmt::format("{:.1f} GB", bytes / 1e9);
}

/// Runs `check` and returns its error as a fault.
void find_fault(std::vector<Finding>& findings, const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted) throw;
    findings.push_back({.fault = error.kind(), .sentence = error.what()});
  }
}

}  // namespace

std::string check_latency(const Config& config, Log& log, const StopToken& stop) {
  const LatencySource& source = latency_source(config.latency);
  const SearchSpace space(config.space);
  const LatencySpace latency_space(space);
  const Subspace full = Subspace::full(space);
  const SourceContext context{.log = log, .stop = stop, .open_timer = {}};
  const auto tables = load_limit_tables(config, latency_space, context);
  if (source.is_measured) {
    const NetworkLimits limits(space, config.limits, config.latency.batch, tables);
    check_limits(full, limits);
    std::string text = describe_limits(space, limits);
    if (!text.empty())
      text += "limits: whether T can be met beside them is known after measuring\n";
    return text;
  }
  const LatencyTable table = source.make(config, latency_space, context);
  const TableModel model(space, table);
  const NetworkLimits limits(space, config.limits, table.device.batch, tables);
  const Objective objective = objective_of(config, latency_range(model, full));
  const Architecture inside = check_budget(space, model, full, objective, limits);
  if (limits.empty()) return "";
  return describe_limits(space, limits) +
         fmt::format("limits: T = {:.4g} ms can be met beside them, for example in {:.4g} ms\n",
                     objective.target_ms, model.predict_ms(inside));
}

std::vector<std::pair<std::string, std::string>> describe_machine(const Machine& machine) {
  std::string cpus = fmt::format("{}", machine.cpus);
  if (machine.usable_cpus < machine.cpus) {
    cpus += fmt::format(", of which this process may use {}", machine.usable_cpus);
  }
  if (std::isfinite(machine.cpu_quota)) cpus += fmt::format(" (quota {:.4g})", machine.cpu_quota);
  std::vector<std::pair<std::string, std::string>> facts;
  const std::vector<torch::Device> devices = all_devices();
  facts.emplace_back("program", version_line() + ", " + describe_libraries(devices.back()));
  for (const torch::Device& device : devices) {
    const std::string name = describe_device(device);
    const std::size_t colon = name.find(": ");
    facts.emplace_back(device.str(), name.substr(colon + 2));
  }
  if (devices.size() == 1) facts.emplace_back("cuda", "no GPU that this LibTorch can use");
  facts.emplace_back("CPUs", cpus);
  facts.emplace_back(
      "busy with other programs",
      machine.busy_cpus < 0.0 ? "not known" : fmt::format("{:.1f} CPUs", machine.busy_cpus));
  facts.emplace_back("kernels", conv_kernels().front().isa);
  facts.emplace_back("memory available", gigabytes(machine.available_bytes));
  facts.emplace_back("disk free here", gigabytes(machine.free_disk_bytes));
  return facts;
}

std::vector<Finding> diagnose_machine(const Machine& machine) {
  constexpr double kBusy = 0.3;  // CPUs.
  constexpr double kFewBytes = 1e9;
  std::vector<Finding> findings;
  const auto slow = [&](std::string sentence) {
    findings.push_back({.fault = {}, .sentence = std::move(sentence)});
  };
  if (machine.busy_cpus > kBusy) {
    slow(
        fmt::format("other programs keep {:.1f} of {} CPUs busy: training and scoring take longer, "
                    "and latencies should be measured when the machine is idle",
                    machine.busy_cpus, machine.cpus));
  }
  if (machine.cpu_quota < machine.usable_cpus) {
    slow(
        fmt::format("the quota of {:.4g} CPUs stops this process for part of the time: all stages "
                    "take longer, and latencies measured here are wrong",
                    machine.cpu_quota));
  }
  if (conv_kernels().size() == 1) {
    slow(
        "this processor has neither AVX2 nor AVX-512, so the kernels for any processor are used, "
        "which are several times slower");
  }
  if (machine.free_disk_bytes >= 0.0 && machine.free_disk_bytes < kFewBytes) {
    slow(fmt::format("only {} are free on the disk of this folder: checkpoints may not fit",
                     gigabytes(machine.free_disk_bytes)));
  }
#ifndef NDEBUG
  slow("this program was built without optimisation: use the preset release");
#endif
  return findings;
}

Diagnosis diagnose_config(const Config& config, const Machine& machine, Log& log,
                          const StopToken& stop) {
  std::vector<Finding> findings;
  if (config.score.is_known()) {
    find_fault(findings, [&] { describe_known_search(config, log, stop); });
    return {std::move(findings), {}};
  }
  std::unique_ptr<RunData> data;
  std::string limits;
  find_fault(findings, [&] { open_device(config.device.type); });
  if (config.latency_device() != config.device.type) {
    find_fault(findings, [&] { open_device(config.latency_device()); });
  }
  find_fault(findings, [&] { data = std::make_unique<RunData>(config, log); });
  find_fault(findings, [&] {
    if (data) check_batch("supernet.batch", config.supernet.batch, data->training_images());
  });
  for (const Config& target : target_configs(config)) {
    find_fault(findings, [&] {
      const std::string lines = check_latency(target, log, stop);
      if (!lines.empty() && !config.targets.empty())
        limits += fmt::format("target {}:\n", target.name);
      limits += lines;
    });
  }
  const std::string doubt = memory_doubt(config, machine.available_bytes);
  std::optional<Forecast> forecast;
  if (findings.empty() && doubt.empty()) {
    find_fault(findings, [&] { forecast = forecast_search(config, data.get(), stop); });
  }
  if (config.device.threads > machine.usable_cpus) {
    findings.push_back({.fault = {},
                        .sentence = fmt::format(
                            "device.threads is {}, but this process may use {} CPUs: threads wait "
                            "for each other; 0 takes as many as there are",
                            config.device.threads, machine.usable_cpus)});
  }
  if (!doubt.empty()) findings.push_back({.fault = {}, .sentence = doubt});
  return {std::move(findings), std::move(forecast), std::move(limits)};
}

}  // namespace hsconas
