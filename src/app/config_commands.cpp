#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/report/table.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/stages/result.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct NewOptions {
  ConfigOptions config;
  std::string file;
  bool force = false;
};

void print_config(ConfigOptions options) {
  fmt::print("{}\n", to_json(options.load()).dump(2));
}

void check_config(ConfigOptions options, CommandContext& context) {
  const Config config = options.load();
  const SearchSpace space(config.space);
  const std::string text = describe_space(space) + "\n" + describe_shrinking(config.shrink, space);
  fmt::print("{}", context.options.json ? json{{"valid", true}, {"space", text}}.dump() + "\n"
                                        : options.file + ": valid\n" + text);
}

void new_config(NewOptions options, CommandContext& context) {
  constexpr const char* kSimplest = "quickstart";
  options.config.take_bare_file();
  if (options.config.file.empty()) options.config.file = kSimplest;
  if (is_there(options.file) && !options.force) {
    throw Error(ErrorKind::Usage, options.file + " exists already; replace it with --force");
  }
  write_json(options.file, to_json(options.config.load()));
  fmt::print("{}\n", context.options.json ? json{{"file", options.file}}.dump() : options.file);
}

/// Prints the keys whose path starts with `part`: one key, a section, or with "" all keys.
void print_keys(const std::string& part, CommandContext& context) {
  TextTable table({"key", "default", "allowed", "meaning"});
  json object = json::array();
  std::vector<std::string> known;
  for (const ConfigKey& key : config_keys()) {
    const std::string section = key.path.substr(0, key.path.find('.'));
    if (known.empty() || known.back() != section) known.push_back(section);
    const bool is_below = key.path.starts_with(part) &&
                          (key.path.size() == part.size() || key.path[part.size()] == '.' ||
                           key.path[part.size()] == '[');
    if (!part.empty() && !is_below) continue;
    table.add({key.path, key.initial, key.allowed, key.meaning});
    json changes = json::array();
    bool changes_run = key.is_guarded;
    for (const StageDescription& stage : kStages) {
      if (!key.changes.contains(stage.id)) continue;
      changes.push_back(stage.name);
      // A retraining does not need --allow-changes, because it has a folder of its own.
      changes_run = changes_run || stage.id != StageId::Retrain;
    }
    object.push_back({{"key", key.path},
                      {"default", json::parse(key.initial)},
                      {"allowed", key.allowed},
                      {"meaning", key.meaning},
                      {"changes", changes},
                      {"needs_allow_changes", changes_run}});
  }
  if (object.empty()) {
    throw Error(ErrorKind::Usage, fmt::format("'{}' is neither a key nor a section of a config{}",
                                              part, suggestion(part, known)));
  }
  fmt::print("{}", context.options.json ? json{{"keys", object}}.dump() + "\n" : table.str());
}

}  // namespace

void add_config_commands(CLI::App& app, Command& chosen) {
  CLI::App* config = app.add_subcommand("config", "Print, check and make config files");
  config->require_subcommand(1);

  auto print = std::make_shared<ConfigOptions>();
  CLI::App* command =
      config->add_subcommand("print", "Print a config with all keys, after applying overrides");
  print->add_to(*command);
  command->callback(
      [print, &chosen] { chosen = [print](CommandContext&) { print_config(*print); }; });

  auto check = std::make_shared<ConfigOptions>();
  command = config->add_subcommand("check", "Check a config and print the size of its space");
  check->add_to(*command);
  command->callback([check, &chosen] {
    chosen = [check](CommandContext& context) { check_config(*check, context); };
  });

  auto fresh = std::make_shared<NewOptions>();
  command = config->add_subcommand(
      "new", "Write a config with all keys, based on another (default: quickstart)");
  command->add_option("file", fresh->file, "File to write")->required()->type_name("NEW");
  fresh->config.add_to(*command);
  command->add_flag("--force", fresh->force, "Replace the file if it exists");
  command->callback([fresh, &chosen] {
    chosen = [fresh](CommandContext& context) { new_config(*fresh, context); };
  });

  command = config->add_subcommand("keys", "Explain every key: default, allowed values, meaning");
  auto part = std::make_shared<std::string>();
  command->add_option("section", *part, "Section or key to explain (default: all)")
      ->type_name("SECTION");
  command->callback([part, &chosen] {
    chosen = [part](CommandContext& context) { print_keys(*part, context); };
  });
}

}  // namespace hsconas
