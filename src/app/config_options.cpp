#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/same_on_all.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"

namespace hsconas {

void ConfigOptions::add_to(CLI::App& command) {
  command.add_option("-c,--config", file, "Config file (JSON), or name of a shipped config")
      ->type_name("FILE");
  command.add_option("--set", set, "Override one setting, e.g. --set search.population=20")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("overrides", bare, "Overrides without --set, e.g. data.path=images seed=3")
      ->type_name("KEY=VALUE");
  command.add_option("--seed", seed, "Short for seed=N")->type_name("N");
  command.add_option("--threads", threads, "Short for device.threads=N")->type_name("N");
  command.add_option("--device", device, "Short for device.type=cpu|cuda|cuda:N")
      ->type_name("DEVICE");
}

void ConfigOptions::take_bare_file() {
  if (!file.empty()) return;
  const auto word = std::find_if(bare.begin(), bare.end(), [](const std::string& text) {
    return !text.empty() && text.find('=') == std::string::npos;
  });
  if (word == bare.end()) return;
  file = *word;
  bare.erase(word);
}

const Config& ConfigOptions::load() {
  if (read) return *read;
  take_bare_file();
  if (file.empty()) {
    throw Error(ErrorKind::Usage,
                "no config is named: give --config a file of your own or one of the shipped "
                "configs: " +
                    join(shipped_names(Shipped::Config), ", "));
  }
  return read.emplace(load_config(file, all_overrides()));
}

std::vector<std::string> ConfigOptions::all_overrides() const {
  std::vector<std::string> all = set;
  all.insert(all.end(), bare.begin(), bare.end());
  const auto add = [&all](const char* option, const std::string& key, const std::string& value) {
    if (value.empty()) return;
    const auto same = std::ranges::find_if(
        all, [&](const std::string& word) { return word.starts_with(key + "="); });
    if (same != all.end()) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{} and {} set the same key: leave out one of them", option, *same));
    }
    all.push_back(key + "=" + value);
  };
  add("--seed", "seed", seed);
  add("--threads", "device.threads", threads);
  add("--device", "device.type", device);
  return all;
}

void require_same_config(ProcessGroup& group, const Config& config) {
  if (group.size() == 1) return;
  const int other = rank_that_differs(group, to_json(config).dump());
  if (other < 0) return;
  throw Error(ErrorKind::Usage,
              fmt::format("rank {} has another config than rank 0: give all processes the same "
                          "arguments and files",
                          other));
}

}  // namespace hsconas
