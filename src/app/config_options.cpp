#include <CLI/CLI.hpp>

#include "hsconas/app/commands.hpp"

namespace hsconas {

void ConfigOptions::add_to(CLI::App& command, bool is_required) {
  command.add_option("-c,--config", file, "Config file (JSON)")
      ->required(is_required)
      ->type_name("FILE");
  command.add_option("--set", set, "Override one setting, e.g. --set search.population=20")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("overrides", bare, "The same without --set: data.path=images seed=3")
      ->type_name("KEY=VALUE");
  command.add_option("--seed", seed, "Short for seed=N")->type_name("N");
  command.add_option("--threads", threads, "Short for device.threads=N")->type_name("N");
  command.add_option("--device", device, "Short for device.type=cpu|cuda|cuda:N")
      ->type_name("DEVICE");
}

std::vector<std::string> ConfigOptions::all_overrides() const {
  std::vector<std::string> all = set;
  all.insert(all.end(), bare.begin(), bare.end());
  if (!seed.empty()) all.push_back("seed=" + seed);
  if (!threads.empty()) all.push_back("device.threads=" + threads);
  if (!device.empty()) all.push_back("device.type=" + device);
  return all;
}

}  // namespace hsconas
