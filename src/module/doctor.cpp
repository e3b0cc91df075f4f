#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/pipeline/diagnosis.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

using nlohmann::json;

void run_doctor(ConfigOptions options, CommandContext& context) {
  options.take_bare_file();
  std::optional<Config> config;
  if (!options.file.empty() || !options.all_overrides().empty()) config = options.load();
  const Machine machine = inspect_machine(std::filesystem::current_path());
  std::vector<Finding> findings = diagnose_machine(machine);
  std::optional<Forecast> forecast;
  std::string limits;
  if (config) {
    Diagnosis diagnosis = diagnose_config(*config, machine, context.log, context.stop);
    findings.insert(findings.end(), diagnosis.findings.begin(), diagnosis.findings.end());
    forecast = std::move(diagnosis.forecast);
    limits = std::move(diagnosis.limits);
  }
  TextTable table({"this machine", ""});
  json facts = json::object();
  for (const auto& [name, value] : describe_machine(machine)) {
    table.add({name, value});
    facts[name] = value;
  }
  std::string text = table.str();
  json found = json::array();
  std::vector<ErrorKind> faults;
  for (const Finding& finding : findings) {
    text += fmt::format("{}: {}\n", finding.fault ? "fault" : "slow", finding.sentence);
    found.push_back({{"fault", finding.fault.has_value()}, {"sentence", finding.sentence}});
    if (finding.fault) faults.push_back(*finding.fault);
  }
  json answer{{"machine", facts}, {"findings", found}};
  text += limits;
  if (!limits.empty()) answer["limits"] = limits;
  if (forecast) {
    text += describe_forecast(*forecast);
    json stages = json::object();
    for (const Forecast::Stage& stage : forecast->stages) stages[stage.name] = stage.seconds;
    answer["forecast"] = {{"seconds", stages},
                          {"training_images", forecast->images},
                          {"images_per_second", forecast->images_per_second}};
  }
  if (config && faults.empty()) text += options.file + ": a search can start\n";
  fmt::print("{}", context.options.json ? answer.dump() + "\n" : text);
  if (!faults.empty()) {
    throw Error(faults.front(),
                options.file + ": a search cannot start, because of each fault above");
  }
}

}  // namespace hsconas
